"""What may stay although it matches, each with a reason: a small TOML file that people write.

[[allow]]
benchmark = "mbpp"
item = 40                       # its place in the file, from 0; left out: all of the benchmark
text = "5f0c1a9e03b2d4c6"       # fingerprint of the text, as the report shows it; left out: any text
reason = "one sentence that stands in every textbook"
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import digest

__all__ = ["Allowed", "Exempt"]


@dataclass(frozen=True, slots=True)
class Exempt:
    """Name a match that may stay, and why."""

    benchmark: str
    reason: str
    item: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hold the exceptions of an allow-list."""

    exceptions: tuple[Exempt, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Allowed":
        """Read an allow-list.

        Raises:
            DataError: the file cannot be read.
            SettingsError: an entry names no benchmark or no reason, or what nobody knows.
        """
        try:
            content = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: no allow-list that can be read ({error}). Expected a TOML file.") from error
        entries = content.get("allow")
        if not isinstance(entries, list) or content.keys() != {"allow"}:
            raise SettingsError(f"{path}: expected [[allow]] entries and nothing else, found {sorted(content)}.")
        return cls(tuple(_exception(path, number, entry) for number, entry in enumerate(entries, 1)))

    @property
    def digest(self) -> str:
        """Return what names the exceptions."""
        return digest("allowed", [[one.benchmark, one.item, one.text, one.reason] for one in self.exceptions])

    def reason(self, benchmark: str, item: int, text: str) -> str:
        """Return why a match may stay; nothing if it may not."""
        for one in self.exceptions:
            if one.benchmark == benchmark and one.item in (None, item) and one.text in (None, text):
                return one.reason
        return ""


def _exception(path: Path, number: int, entry: Any) -> Exempt:
    kinds = {"benchmark": str, "reason": str, "item": int, "text": str}
    if not isinstance(entry, dict) or entry.keys() - kinds.keys():
        raise SettingsError(f"{path}: entry {number}: expected {', '.join(kinds)}, found {sorted(entry)}.")
    if wrong := [name for name, value in entry.items() if type(value) is not kinds[name]]:
        raise SettingsError(f"{path}: entry {number}: {wrong[0]} = {entry[wrong[0]]!r} is of the wrong type.")
    if not entry.get("benchmark") or not entry.get("reason", "").strip():
        raise SettingsError(f"{path}: entry {number}: an exception names its benchmark and a reason.")
    return Exempt(**entry)
