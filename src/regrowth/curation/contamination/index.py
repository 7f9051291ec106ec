"""What is known of benchmarks: hashes of runs of words, and which items they stand in. No text.

    index = Index.of([read_items(Path("gsm8k_test.jsonl.gz"))])
    index.save(Path("benchmarks.index"))        # arrays and a manifest in plain JSON
    index = Index.load(Path("benchmarks.index"))

Three lengths of runs: 13 words prove a copy, 8 words point at one, and 3 words survive edits: of a text in which one
word of ten was replaced, 73 % of them are left. Runs that say nothing are left out: those that several items of a
benchmark share, those of common templates.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.files import replace_folder, write_text
from regrowth.core.record import digest
from regrowth.curation.contamination.grams import Batch, Numbers, Places, Table, grams, hashed, number_of
from regrowth.curation.contamination.items import Benchmark
from regrowth.texts import words

__all__ = ["LENGTHS", "Grams", "Index", "Known"]

LENGTHS = (3, 8, 13)
"""Words of a run."""
SHARED = {3: (3, 12), 8: (2, 5), 13: (2, 5)}
"""In how many items of one benchmark, and of all together, a run may stand and still count."""
BACKGROUND = 1e4
"""Parts among which a run of three words is thought to be looked for: sets how much more a rare one weighs."""
SAYING = 4
"""Words of a part that is looked for at all."""
SHORTEST = 5
"""Runs of three words that a part must have left to be found by them."""
WORDY = {3: 1, 8: 4, 13: 8}
"""Of a run, the words with letters it needs: sums such as `20 x 5 = 100` stand in every book."""
VERSION = 1
_STORED = ("keys", "offsets", "parts", "weights")
Weights: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """Name one benchmark of an index."""

    name: str
    digest: str
    items: int
    first: int
    """Number of its first item among all of the index."""


class Grams:
    """Hold the runs of one length: their numbers, sorted, and for each the parts that hold it."""

    def __init__(self, keys: Numbers, offsets: Places, parts: Places, weights: Weights) -> None:
        self.table = Table(keys)
        self.keys, self.offsets, self.parts = keys, offsets, parts
        self.weights = weights
        """The rarer, and the more words with letters, the more; the same in whatever part it stands."""

    def totals(self, size: int) -> Weights:
        """Return the weight of all runs of each part."""
        spread = np.repeat(self.weights, np.diff(self.offsets))
        return np.bincount(self.parts, spread, size).astype(np.float64)


class Index:
    """Hold the hashes of some benchmarks."""

    def __init__(self, benchmarks: Sequence[Known], arrays: Mapping[str, Any]) -> None:
        self.benchmarks = tuple(benchmarks)
        self.items: Places = arrays["items"]
        """Of each part, the item it belongs to, numbered through all benchmarks."""
        self.lengths: Places = arrays["lengths"]
        """Of each part, its words."""
        self.wholes: Numbers = arrays["wholes"]
        """Of each part, the number of all of it."""
        self.grams = {n: Grams(*(arrays[f"{what}{n}"] for what in _STORED)) for n in LENGTHS}
        self.counts = np.bincount(self.grams[3].parts, minlength=len(self.items))
        self.totals = self.grams[3].totals(len(self.items))
        order = np.argsort(self.wholes, kind="stable")
        self._wholes, self._order = Table(self.wholes[order]), order
        self._arrays = dict(arrays)

    @classmethod
    def of(cls, benchmarks: Iterable[Benchmark]) -> "Index":
        """Return the index of some benchmarks.

        Raises:
            DataError: two of them have one name.
        """
        known, parts, items, owners = list[Known](), list[list[str]](), list[int](), list[int]()
        seen = set[int]()
        for number, benchmark in enumerate(benchmarks):
            if benchmark.name in {one.name for one in known}:
                raise DataError(f"two benchmarks are called {benchmark.name!r}. Rename one of the files.")
            first = sum(one.items for one in known)
            known.append(Known(benchmark.name, benchmark.digest, len(benchmark.items), first))
            for item in benchmark.items:
                for text in item.parts:
                    said = words(text)
                    if len(said) >= SAYING and (whole := number_of(" ".join(said))) not in seen:
                        seen.add(whole)  # a passage that many items quote counts once, for the first of them
                        parts.append(said)
                        items.append(first + item.number)
                        owners.append(number)
        if not parts:
            raise DataError("no benchmark with any text: nothing to compare with.")
        batch = hashed(parts)
        wordy = np.fromiter((_is_wordy(word) for said in parts for word in said), np.int64, len(batch.words))
        arrays: dict[str, Any] = {
            "items": np.array(items, np.int64),
            "lengths": np.diff(batch.starts),
            "wholes": np.array([number_of(" ".join(said)) for said in parts], np.uint64),
        }
        for length in LENGTHS:
            arrays |= _posted(batch, wordy, length, np.array(owners, np.int64))
        return cls(known, arrays)

    @property
    def digest(self) -> str:
        """Return what names the benchmarks and how they were hashed."""
        return digest("contamination index", VERSION, [[one.name, one.digest] for one in self.benchmarks])

    def benchmark_of(self, item: int) -> Known:
        """Return the benchmark that an item belongs to."""
        return next(one for one in reversed(self.benchmarks) if item >= one.first)

    def save(self, folder: Path) -> None:
        """Write the index as a folder: `grams.npz` and `manifest.json`; whole or not at all.

        Raises:
            StoreError: the disk is full or the folder cannot be written.
        """
        folder = Path(folder)
        draft = folder.with_name(f".{folder.name}.unfinished")
        draft.mkdir(parents=True, exist_ok=True)
        np.savez(draft / "grams.npz", **self._arrays)
        manifest = {
            "format": "regrowth contamination index",
            "version": VERSION,
            "digest": self.digest,
            "benchmarks": [{"name": o.name, "digest": o.digest, "items": o.items} for o in self.benchmarks],
            "parts": len(self.items),
            "grams": {str(n): len(self.grams[n].keys) for n in LENGTHS},
        }
        write_text(draft / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        replace_folder(draft, folder)

    @classmethod
    def load(cls, folder: Path) -> "Index":
        """Return the index that a folder holds.

        Raises:
            DataError: it holds none, one of another version, or one that was changed.
        """
        try:
            manifest = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
            packed = io.BytesIO((Path(folder) / "grams.npz").read_bytes())
            with np.load(packed, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            known, first = list[Known](), 0
            for one in manifest["benchmarks"]:
                known.append(Known(one["name"], one["digest"], one["items"], first))
                first += one["items"]
            index = cls(known, arrays)
        except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{folder}: no index of benchmarks that can be read ({error}). Make it again.") from error
        if manifest.get("version") != VERSION or manifest.get("digest") != index.digest:
            raise DataError(f"{folder}: an index of another version, or one that was changed. Make it again.")
        return index

    def whole(self, said: Sequence[str]) -> int | None:
        """Return the part that consists of just these words."""
        _, at = self._wholes.find(np.array([number_of(" ".join(said))], np.uint64))
        return int(self._order[at[0]]) if len(at) else None


def _is_wordy(word: str) -> bool:
    return any(map(str.isalpha, word)) and (len(word) > 1 or not word.isascii())


def _posted(batch: Batch, wordy: Places, length: int, owners: Places) -> dict[str, Any]:
    """Return which parts hold each run of a length, those left out that say nothing."""
    numbers, at = grams(batch, length)
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(wordy)])
    letters = sums[at + length] - sums[at]
    good = (letters >= WORDY[length]) & ~np.isin(numbers, _template_grams(length))
    numbers, parts, letters = numbers[good], batch.texts[at[good]], letters[good]
    pairs, once = np.unique(np.stack([numbers, parts.astype(np.uint64)]), axis=1, return_index=True)
    numbers, parts, letters = pairs[0], pairs[1].astype(np.int64), letters[once]
    rare = ~_crowded(numbers, owners[parts], length)
    numbers, parts, letters = numbers[rare], parts[rare], letters[rare]
    keys, firsts, counts = np.unique(numbers, return_index=True, return_counts=True)
    stored = (
        keys,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        parts,
        np.log(1 + BACKGROUND / np.maximum(counts, 1)) * letters[firsts] / length,
    )
    return {f"{name}{length}": array for name, array in zip(_STORED, stored, strict=True)}


def _crowded(numbers: Numbers, owners: Places, length: int) -> npt.NDArray[np.bool_]:
    """Return which runs stand in too many parts, of one benchmark or of all."""
    of_one, of_all = SHARED[length]
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    pairs = place * (int(owners.max(initial=0)) + 1) + owners
    _, where, many = np.unique(pairs, return_inverse=True, return_counts=True)
    worst = np.zeros(len(counts), np.int64)
    np.maximum.at(worst, place, many[where])
    found: npt.NDArray[np.bool_] = (counts > of_all)[place] | (worst > of_one)[place]
    return found


def _template_grams(length: int) -> Numbers:
    lines = package_files("regrowth.curation.contamination").joinpath("templates.txt").read_text("utf-8").splitlines()
    return grams(hashed([words(line) for line in lines if line and not line.startswith("# ")]), length)[0]
