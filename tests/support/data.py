"""Real third-party data for tests. The files are never part of the repository."""

import os
from pathlib import Path

import pytest

__all__ = ["shared_data"]


def shared_data(name: str) -> Path:
    """Return the path of a real data file, or skip the test and say where it was looked for."""
    root = Path(os.environ.get("REGROWTH_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = root / name
    if not path.exists():
        pytest.skip(f"real data absent: {path} (set REGROWTH_DATA to the folder that holds {name})")
    return path
