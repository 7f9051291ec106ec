"""What other generators make of a table: `PYTHON benchmarks/tabular_peers.py TOOL IN OUT ROWS SEED`; one JSON line.

Runs with the interpreter that has them, and needs nothing of Regrowth. Seconds are those of the work, imports and files
left out; memory is the most that the process ever held. Each tool as its own documentation shows it, one thread.

    arfpy         adversarial random forests (Watson et al., 2023); MIT. Needs numpy below 2 and pandas below 3. Takes
                  no missing values: they are filled by the median, or a label of their own. Dates are labels to it.
    mostlyai      TabularARGN of mostlyai-engine (Tiwald et al., 2025); Apache-2.0. The small model,
                  trained until it stops by itself, without the protection of rare values, which would leave them out.
    mostlyai_safe the same as it comes: with the protection of rare values.
"""

import importlib.metadata
import json
import os
import resource
import sys
import time
import warnings
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402


def arfpy(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    from arfpy import arf

    plain = frame.copy()
    for name in plain:
        if pd.api.types.is_numeric_dtype(plain[name]) and not pd.api.types.is_bool_dtype(plain[name]):
            plain[name] = plain[name].fillna(plain[name].median()).astype(float)
        else:
            plain[name] = plain[name].astype(str).astype("category")
    np.random.seed(seed)
    forest = arf.arf(x=plain, verbose=False, random_state=seed)
    forest.forde()
    made = forest.forge(n=rows)
    for name in made:
        if pd.api.types.is_integer_dtype(frame[name]):
            made[name] = made[name].astype(float).round().astype(int)
    return made


def _argn(frame: pd.DataFrame, rows: int, seed: int, **how: Any) -> pd.DataFrame:
    import torch
    from mostlyai.engine import TabularARGN

    torch.set_num_threads(1)
    model = TabularARGN(model="MOSTLY_AI/Small", device="cpu", random_state=seed, verbose=0, **how)
    model.fit(frame)
    made: pd.DataFrame = model.sample(n_samples=rows)
    return made


def mostlyai(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return _argn(frame, rows, seed, value_protection=False)


def mostlyai_safe(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return _argn(frame, rows, seed)


TOOLS = {"arfpy": arfpy, "mostlyai": mostlyai, "mostlyai_safe": mostlyai_safe}
PACKAGES = {"arfpy": "arfpy", "mostlyai": "mostlyai-engine", "mostlyai_safe": "mostlyai-engine"}


def main() -> None:
    """Make a table and say what it took."""
    tool, source, out, rows, seed = sys.argv[1:]
    frame = pd.read_csv(source, keep_default_na=False, na_values=[""])
    if tool.startswith("mostlyai"):
        import mostlyai.engine  # noqa: F401 -- not part of the work
    else:
        import arfpy.arf  # noqa: F401
    wall, cpu = time.perf_counter(), _cpu()
    made = TOOLS[tool](frame, int(rows), int(seed))
    spent = {"seconds": time.perf_counter() - wall, "cpu": _cpu() - cpu}
    made[list(frame.columns)].to_csv(out, index=False)
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    version = importlib.metadata.version(PACKAGES[tool])
    print(json.dumps({**spent, "peak_mb": most / 1024, "version": version}))


def _cpu() -> float:
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


if __name__ == "__main__":
    main()
