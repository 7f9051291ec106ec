"""Real text for the worlds that write: a file of yours; or Python's own documentation; or worked exercises.

    documents(None)[0]          "return the smallest item of an iterable …"
    exercises()[0]              "Tom has 24 books. Tom gives away 9. How many books? 24 - 9 = 15"
    parted(documents(None))     Corpus(train, verifier, held_out)

Words are cut as everywhere in this package, and a document after 80 of them. Exercises are what the packaged model can
write at all; they stay as they are.
"""

import ast
import gzip
import random
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.domains import DOMAINS, problems
from regrowth.texts import words

__all__ = ["Corpus", "documents", "exercises", "parted"]

SHORTEST, LONGEST = 8, 80
"""Words of a document."""
FEWEST = 60
EXERCISES = 4000


class Corpus(NamedTuple):
    """Hold real documents in three parts without a document in common."""

    train: Sequence[str]
    verifier: Sequence[str]
    """What the verifier knows of the real world."""
    held_out: Sequence[str]


def documents(file: Path | None) -> list[str]:
    """Return real documents: the lines of a text file, packed or not; without one, the docstrings of Python's library.

    Raises:
        DataError: the file cannot be read, or holds fewer than 60 lines of at least 8 words.
    """
    found = dict.fromkeys(" ".join(cut[:LONGEST]) for cut in map(words, _lines(file)) if len(cut) >= SHORTEST)
    if len(found) < FEWEST:
        raise DataError(f"{file}: {len(found)} lines of {SHORTEST} words or more, expected at least {FEWEST}.")
    return list(found)


def exercises() -> list[str]:
    """Return worked exercises of two domains, question and solution as one text."""
    made = problems(("arithmetic", "reading"), EXERCISES, seed=0, split="train")
    return [f"{one.prompt} {DOMAINS[one['domain']].solution(one)}".replace("\n", ", ") for one in made]


def parted(found: Sequence[str], *, held_out: int = 250) -> Corpus:
    """Put documents aside, the same ones each time: so many held out, a quarter of the others for the verifier."""
    order = sorted(found)
    random.Random(0).shuffle(order)
    held_out = min(held_out, len(order) // 4)
    aside = held_out + (len(order) - held_out) // 4
    return Corpus(order[aside:], order[held_out:aside], order[:held_out])


def _lines(file: Path | None) -> Iterator[str]:
    if file is None:
        yield from _docstrings(Path(sysconfig.get_paths()["stdlib"]))
        return
    try:
        packed = file.read_bytes()
        text = (gzip.decompress(packed) if file.suffix == ".gz" else packed).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a text file that can be read ({error}).") from None
    yield from text.splitlines()


def _docstrings(folder: Path) -> Iterator[str]:
    """Yield the docstrings of a library; tests and what was installed later are not part of it."""
    for path in sorted(folder.rglob("*.py")):
        if {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError, OSError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
                yield text
