"""Synthetic records beside the real records nearest to them, so that a person sees whether they are copies.

    twins(real, synthetic)       Twins(equal=3, of=2000, pairs=(Twin(distance=0.0, synthetic_place=812, …), …))

Equal records are counted among all; for the others a sample is searched, and its size is told.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Column, Table
from regrowth.metrics.leakage.nearest import CELLS
from regrowth.metrics.leakage.shingles import Shingles
from regrowth.reports import wording
from regrowth.reports.compared import Cell, Twin, Twins

__all__ = ["text_twins", "twins"]

SAMPLE = 400
"""Synthetic records whose nearest real ones are searched."""
MOST_REAL = 20_000
"""Real records that are searched."""
SHOWN = 5
SHOWN_CELLS = 40
"""Columns of a pair that are shown: those that differ come first."""
MOST_LETTERS = 600
KINDS = ("number", "date", "category")

Numbers = npt.NDArray[np.float32]


def twins(real: Table, synthetic: Table, *, seed: int = 0) -> Twins:
    """Return the synthetic rows that lie nearest to real ones, equal rows first.

    Each column weighs the same: numbers and dates by how far they lie apart, over the range of the real ones;
    categories, and missing values, by whether they differ.
    """
    names = [column.name for column in real.of_kind("number", "date", "category")]
    if not names:
        return Twins(lead="There is no column of numbers, dates or names to compare records by.")
    equal = _equal_rows(real, synthetic, names)
    generator = np.random.default_rng(seed)
    asked = _sample(generator, synthetic.rows, SAMPLE)
    known = _sample(generator, real.rows, MOST_REAL)
    nearest, distance = _nearest(synthetic.take(asked), real.take(known), names)
    found = {int(asked[row]): (int(known[nearest[row]]), float(distance[row])) for row in range(len(asked))}
    found |= {row: (twin, 0.0) for row, twin in equal.items()}
    pairs = [
        Twin(
            distance=round(gap, 4),
            synthetic_place=row + 1,
            real_place=twin + 1,
            cells=(cells := _cells(synthetic, row, real, twin))[:SHOWN_CELLS],
            unshown=max(0, len(cells) - SHOWN_CELLS),
        )
        for row, (twin, gap) in sorted(found.items(), key=lambda one: (one[1][1], one[0]))[:SHOWN]
    ]
    return Twins(
        pairs=tuple(pairs),
        equal=len(equal),
        of=synthetic.rows,
        usual=float(np.median(distance)),
        note=_searched(len(asked), len(known)),
    )


def text_twins(real: Sequence[str], synthetic: Sequence[str], *, seed: int = 0, words: int = 3) -> Twins:
    """Return the synthetic texts that share most runs of three words with a real one."""
    generator = np.random.default_rng(seed)
    asked, known = _sample(generator, len(synthetic), SAMPLE), _sample(generator, len(real), MOST_REAL)
    between = Shingles.of([synthetic[row] for row in asked], words).distances(
        Shingles.of([real[row] for row in known], words)
    )
    step = max(1, CELLS // len(known))
    blocks = [between(start, min(len(asked), start + step)) for start in range(0, len(asked), step)]
    nearest = np.concatenate([block.argmin(axis=1) for block in blocks])
    distance = np.concatenate([block.min(axis=1) for block in blocks])
    first: dict[str, int] = {}
    for place, text in enumerate(real):
        first.setdefault(text, place)
    found = {int(asked[row]): (int(known[nearest[row]]), float(distance[row])) for row in range(len(asked))}
    equal = {row: (first[text], 0.0) for row, text in enumerate(synthetic) if text in first}
    chosen = sorted((found | equal).items(), key=lambda one: (one[1][1], one[0]))[:SHOWN]
    pairs = [
        Twin(
            distance=round(gap, 4),
            synthetic_place=row + 1,
            real_place=twin + 1,
            cells=(Cell(synthetic=_clipped(synthetic[row]), real=_clipped(real[twin])),),
        )
        for row, (twin, gap) in chosen
    ]
    return Twins(
        pairs=tuple(pairs),
        equal=len(equal),
        of=len(synthetic),
        usual=float(np.median(distance)),
        note=_searched(len(asked), len(known)),
    )


def _searched(asked: int, known: int) -> str:
    return f"Nearest among {known:,} real records, searched for {asked:,} synthetic ones drawn at random."


def _sample(generator: np.random.Generator, rows: int, most: int) -> npt.NDArray[np.intp]:
    if rows <= most:
        return np.arange(rows)
    return np.sort(generator.choice(rows, most, replace=False))


def _equal_rows(real: Table, synthetic: Table, names: Sequence[str]) -> dict[int, int]:
    """Return, for synthetic rows that equal a real one in every column, the first such row."""
    keys = [np.stack([_key(table[name]) for name in names], axis=1) for table in (real, synthetic)]
    rows = [
        np.ascontiguousarray(key).view(np.dtype((np.void, key.dtype.itemsize * len(names)))).ravel() for key in keys
    ]
    first: dict[object, int] = {}
    for place, row in enumerate(rows[0].tolist()):
        first.setdefault(row, place)
    return {place: first[row] for place, row in enumerate(rows[1].tolist()) if row in first}


def _key(column: Column) -> npt.NDArray[np.float64]:
    values = column.values.astype(np.float64) + 0.0  # -0 equals 0, but not in its bytes
    return np.where(column.missing, np.nan, values)


def _nearest(asked: Table, known: Table, names: Sequence[str]) -> tuple[npt.NDArray[np.intp], Numbers]:
    columns = [_scaled(asked[name], known[name]) for name in names]
    step = max(1, CELLS // known.rows)
    places, gaps = [], []
    for start in range(0, asked.rows, step):
        total = np.zeros((min(step, asked.rows - start), known.rows), dtype=np.float32)
        for mine, theirs, named in columns:
            part = mine[start : start + step, None]
            if named:
                total += part != theirs[None, :]
            else:
                # A missing value is far from every other, and near another missing one: see `_scaled`.
                total += np.minimum(np.abs(part - theirs[None, :]), 1)
        place = total.argmin(axis=1)
        places.append(place)
        gaps.append(total[np.arange(len(place)), place] / len(names))
    return np.concatenate(places), np.concatenate(gaps)


def _scaled(asked: Column, known: Column) -> tuple[Numbers, Numbers, bool]:
    if known.kind == "category":
        return asked.values.astype(np.float32), known.values.astype(np.float32), True
    present = known.present
    low = float(present.min()) if len(present) else 0.0
    width = float(present.max() - low) if len(present) else 0.0
    scaled = [np.clip((column.values - low) / (width or 1.0), -2, 3) for column in (asked, known)]
    first, second = (np.where(np.isnan(values), 9.0, values).astype(np.float32) for values in scaled)
    return first, second, False


def _cells(synthetic: Table, row: int, real: Table, twin: int) -> tuple[Cell, ...]:
    cells = [
        Cell(column=name, synthetic=_written(synthetic[name], row), real=_written(column, twin))
        for name, column in real.columns.items()
        if column.kind != "identifier"
    ]
    return tuple(sorted(cells, key=lambda cell: cell.same))


def _written(column: Column, row: int) -> str:
    if column.missing[row]:
        return "–"
    value = column.values[row]
    if column.kind == "category":
        return _clipped(column.labels[value])
    if column.kind == "text":
        return _clipped(value)
    if column.kind == "date":
        return str(np.datetime64(round(float(value) * 86_400), "s")).replace("T00:00:00", "").replace("T", " ")
    return f"{float(value):,.10g}".replace("-", wording.MINUS)


def _clipped(text: str) -> str:
    return wording.clipped(text, MOST_LETTERS)
