"""Documents that closed questions are about: text files, cut into passages at blank lines.

read_documents([Path("phoenix.md")], at_most=400)     [Record("Phoenix is …", title="phoenix, part 1"), …]
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record

__all__ = ["passages", "read_documents"]

KINDS = (".txt", ".md")


def read_documents(paths: Iterable[Path], *, at_least: int = 30, at_most: int = 400) -> list[Record]:
    """Read text files as records whose prompt is a passage, with its `title`; they are real data.

    Args:
        at_least: Words of a passage; shorter ones are joined with the next, a last one that is shorter is left out.
        at_most: Words of a passage; a longer paragraph is a passage of its own, nothing is cut.

    Raises:
        DataError: a file cannot be read or is of another kind.
        SettingsError: no length lies between the ends.
    """
    if not 0 < at_least <= at_most:
        raise SettingsError(f"documents: nothing is at least {at_least} and at most {at_most} words long.")
    found = []
    for path in paths:
        if path.suffix.lower() not in KINDS:
            raise DataError(f"{path}: a {path.suffix or 'file without ending'}, expected {' or '.join(KINDS)}.")
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as text ({error}).") from error
        for number, passage in enumerate(passages(text, at_least=at_least, at_most=at_most), 1):
            found.append(Record.of(passage, title=f"{path.stem}, part {number}"))
    return found


def passages(text: str, *, at_least: int, at_most: int) -> Iterator[str]:
    """Yield passages of a text: whole paragraphs, as many as fit."""
    held: list[str] = []
    count = 0
    for paragraph in (one.strip() for one in re.split(r"\n\s*\n", text)):
        size = len(paragraph.split())
        if count >= at_least and count + size > at_most:
            yield "\n\n".join(held)
            held, count = [], 0
        if size:
            held.append(paragraph)
            count += size
    if count >= at_least:
        yield "\n\n".join(held)
