"""Say what can be measured, and how."""

import importlib

NAMES = ("core", "generation", "training", "demo", "orchestration")

if __name__ == "__main__":
    for name in NAMES:
        about = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").strip().splitlines()[0]
        print(f"python -m benchmarks.{name:<14} {about}")
