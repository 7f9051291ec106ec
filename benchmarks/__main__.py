"""Say what can be measured, and how."""

import importlib
from pathlib import Path

NAMES = (
    "core", "generation", "training", "trl_parity", "demo", "policy", "phases", "reward", "orchestration",
    "sandbox", "attacks", "code", "execution_feedback", "translate_code", "document_code",
    "lab", "spin", "cft", "salmon", "nemotron", "nemotron_prompts",
    "duplicates", "contamination", "personal", "leakage", "quality", "selection",
    "tables", "tables_privacy", "tabular", "verdicts", "fairness", "judges", "monitor", "collapse",
)  # fmt: skip

if __name__ == "__main__":
    for name in NAMES:
        package = Path(__file__).with_name(name).is_dir() and name != "orchestration"
        about = (importlib.import_module(f"benchmarks.{name}" + ".__main__" * package).__doc__ or "").splitlines()[0]
        print(f"python -m benchmarks.{name:<18} {about}")
