"""What whole runs leave behind."""

import contextlib
import sqlite3
from pathlib import Path

from regrowth.core.dataset import Dataset
from support.flows import bytes_of

__all__ = ["SMALL", "remembered", "result"]

SETTINGS = ("problems=48", "samples=2", "keep=24", "real=32", "steps=8", "heldout=48")
SMALL = [word for one in SETTINGS for word in ("--set", one)]
"""Settings of a demo that takes seconds."""


def remembered(folder: Path) -> set[bytes]:
    """Return the keys of the effects that are committed."""
    if not (folder / "store.sqlite").exists():
        return set()
    with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as db:
        if not db.execute("select 1 from sqlite_master where name = 'effects'").fetchone():
            return set()
        return {key for (key,) in db.execute("select key from effects")}


def result(folder: Path) -> dict[str, bytes]:
    """Return what a run made: every dataset, every weight, the marks of every arm."""
    made = {
        f"{path.parent.name}/{name}": content
        for path in sorted((folder / "data").glob("[!.]*/manifest.json"))
        for name, content in bytes_of(Dataset(path.parent)).items()
    }
    for path in sorted((folder / "artefacts").glob("*/*.safetensors")):
        made[f"{path.parent.name}/{path.name}"] = path.read_bytes()
    return {**made, "blocks": (folder / "blocks.json").read_bytes()}
