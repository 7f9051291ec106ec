"""What was kept of a round, as a folder of plain arrays; read by mapping them into memory.

digests.npy rows.npy                            the texts, exactly
keys.npy owners.npy sizes.npy                   what near ones are found by
shingles.npy shingle_ends.npy different.npy     what they are verified by
numbers.npy number_ends.npy lengths.npy vectors.npy
ids.npy findings.json                           which records these are, and what fell
"""

import json
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

import numpy as np

from regrowth.core.errors import DataError
from regrowth.core.files import replace_folder, told
from regrowth.curation.duplicates.candidates import Postings
from regrowth.curation.duplicates.engine import Shelf
from regrowth.curation.duplicates.ragged import Array, Ragged
from regrowth.curation.duplicates.shingles import Shingled
from regrowth.curation.findings import Finding

__all__ = ["Kept", "findings_at", "mapped", "saved"]

FINDINGS = "findings.json"
NAMES = (
    "digests", "rows", "shingles", "shingle_ends", "different", "keys", "owners", "sizes", "numbers", "number_ends",
    "lengths", "vectors", "ids",
)  # fmt: skip


class Kept(NamedTuple):
    """Hold a round's survivors."""

    shelf: Shelf
    ids: Array
    """Of their records, 32 bytes each."""


def saved(shelf: Shelf, ids: Sequence[str], findings: Sequence[Finding], place: Path) -> None:
    """Write a folder; it is whole or not there.

    Raises:
        StoreError: it cannot be written.
    """
    draft = place.with_name(f".{place.name}.unfinished")
    try:
        rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, values in {**_arrays(shelf), "ids": np.array(ids, "S32")}.items():
            np.save(draft / f"{name}.npy", values, allow_pickle=False)
        plain = [{"record": one.record, "reason": one.reason, "evidence": one.evidence} for one in findings]
        (draft / FINDINGS).write_text(json.dumps(plain), "utf-8")
        replace_folder(draft, place)
    except OSError as error:
        raise told(error, place.parent) from error


def _arrays(shelf: Shelf) -> dict[str, Array]:
    texts = shelf.texts
    return {
        "digests": shelf.digests,
        "rows": shelf.rows,
        "shingles": texts.shingles.values,
        "shingle_ends": texts.shingles.ends,
        "different": texts.different,
        "keys": shelf.postings.keys,
        "owners": shelf.postings.owners,
        "sizes": texts.keys.counts.astype(np.uint16),
        "numbers": texts.numbers.values,
        "number_ends": texts.numbers.ends,
        "lengths": texts.lengths,
        "vectors": shelf.vectors,
    }


def mapped(place: Path) -> Kept:
    """Map a folder into memory.

    Raises:
        DataError: a file of it is missing or broken.
    """
    try:
        found = {name: np.load(place / f"{name}.npy", "r", allow_pickle=False) for name in NAMES}
    except (OSError, ValueError) as error:
        raise DataError(f"{place}: not what an index of duplicates holds ({error}). Add its rounds anew.") from error
    texts = Shingled(
        Ragged(found["shingles"], found["shingle_ends"]),
        found["different"],
        Ragged.of(found["keys"][:0], found["sizes"]),
        Ragged(found["numbers"], found["number_ends"]),
        found["lengths"],
    )
    postings = Postings(found["keys"], found["owners"])
    return Kept(Shelf(found["digests"], found["rows"], texts, postings, found["vectors"]), found["ids"])


def findings_at(place: Path) -> tuple[Finding, ...]:
    """Return what was found when a folder was written."""
    return tuple(Finding(**one) for one in json.loads((place / FINDINGS).read_text("utf-8")))
