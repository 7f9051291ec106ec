"""Do synthetic rows give away the rows that their generator was trained on?

    real, made, held = aligned(train, synthetic, holdout).tables
    for reading in privacy(real, made, held):
        reading.measure, reading.estimate, reading.null, reading.worse

Every reading stands beside what the hold-out reads in place of the training rows: what an attacker finds out about
people who are not in the data is knowledge of the world, no leak. So there is no risk without a hold-out; the real rows
cannot be split to get one, as both halves trained the generator. Without it, only repetition is measured, against what
real rows repeat of each other.

Same rows, same readings: rows are first brought into an order of their own, then samples are drawn.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.intervals import proportion
from regrowth.metrics.leakage import membership
from regrowth.metrics.leakage.nearest import repeats, space_nearness
from regrowth.metrics.leakage.tables import Floats, Places, Space, comparable, row_keys
from regrowth.metrics.privacy.neighbours import Halves, approached, guessed, nearest_distances, parted
from regrowth.metrics.privacy.risk import Successes, chance, risk
from regrowth.metrics.privacy.singling import singled_out
from regrowth.metrics.reading import Reading

__all__ = ["NO_HOLDOUT", "privacy", "sample_size"]

CELLS = 50_000_000
"""Distances that a search may need; more rows, fewer of them are looked up."""
LEAST, MOST = 500, 2000
"""Rows that are looked up, at least and at most."""
ATTACKS = 1000
"""Predicates of a singling-out attack."""
ALARMS = 0.01
FEW = 200
"""Rows of a hold-out below which there is no rate at one false alarm in a hundred: half of them are a reference."""

SMALL = 1e-4
"""Added to distances before they are divided: no row is nearer than near."""

REAL, MADE, HELD, REFERENCE = 0, 1, 2, 3
NO_HOLDOUT = (
    "No hold-out: attacks cannot be told from what would be found out about anybody, so singling out, linkability, "
    "inference, membership and the DCR share are missing. Give real rows that the generator never saw; splitting those "
    "it was trained on gives none."
)


def sample_size(rows: int) -> int:
    """Return how many rows are looked up among so many: 2,000 up to 25,000 rows, 1,000 of 50,000, 500 from 100,000."""
    return max(LEAST, min(MOST, CELLS // max(1, rows)))


def privacy(
    real: Table,
    synthetic: Table,
    holdout: Table | None = None,
    *,
    halves: Halves | None = None,
    secrets: Sequence[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Sequence[Reading]:
    """Measure what synthetic rows give away.

    Args:
        real: the rows that the generator was trained on; all tables aligned.
        holdout: real rows of the same kind that it never saw, drawn apart by chance.
        halves: the columns that two attackers know who want to link their rows; every other one each if not given.
        secrets: the columns that are guessed from all others; all of them if not given.
        limit: how many rows of each table are looked up; `sample_size` if not given. Identical rows, identifiers and
            predicates are counted over all rows.

    Raises:
        DataError: fewer than two rows in a table, nothing but identifiers, or a column of that name does not exist.
    """
    sizes = {"real": real.rows, "synthetic": synthetic.rows, **({} if holdout is None else {"held-out": holdout.rows})}
    if min(sizes.values()) < 2:
        found = ", ".join(f"{count} {name}" for name, count in sizes.items())
        raise DataError(f"{found} rows: expected two of each at least; one row has no neighbours.")
    given = (real, synthetic) if holdout is None else (real, synthetic, holdout)
    tables, keys = _ordered(comparable(given))
    chosen = limit or sample_size(max(sizes.values()))
    told = [_identical(keys), *_identifiers(given)]
    if holdout is None:
        space = Space.of(tables, scale=(REAL,))
        made, own = repeats(
            synthetic.rows, real.rows, lambda one, other: space.distances(1 - one, 1 - other), limit=chosen, seed=seed
        )
        return [*told, Reading("nndr", "", made, own, NO_HOLDOUT)]
    reference = tables[HELD].take(_shuffled(tables[HELD], HELD, seed)[holdout.rows // 2 :])
    space = Space.of([*tables, reference], scale=(REAL, HELD))
    near = space_nearness(space, (MADE, REAL, HELD), limit=chosen, seed=seed)
    note = f"{len(near.asked):,} of {synthetic.rows:,} synthetic rows, against all real ones."
    even = f" Without a leak: {near.even:.3f}. A smoke test."
    if holdout.rows < FEW:
        even += f" Membership needs {FEW} held-out rows, and is missing."
    return [
        Reading("dcr_share", "", near.synthetic.closer, near.null.closer, note + even),
        Reading("nndr", "", near.synthetic.ratio, near.null.ratio, note),
        *told,
        *_singled(tables, seed),
        *_approached(tables, space, halves or parted(space.columns), secrets, chosen, seed),
    ]


def _ordered(tables: Sequence[Table]) -> tuple[Sequence[Table], Sequence[npt.NDArray[np.uint64]]]:
    """Return tables and keys of their rows in an order that does not depend on that of the rows."""
    keys = [row_keys(table) for table in tables]
    orders = [np.argsort(one, kind="stable") for one in keys]
    return [table.take(order) for table, order in zip(tables, orders, strict=True)], [
        one[order] for one, order in zip(keys, orders, strict=True)
    ]


def _identical(keys: Sequence[npt.NDArray[np.uint64]]) -> Reading:
    own = keys[REAL]
    found = proportion(int(np.isin(keys[MADE], own).sum()), len(keys[MADE]))
    if len(keys) > HELD:
        return Reading("identical_share", "", found, proportion(int(np.isin(keys[HELD], own).sum()), len(keys[HELD])))
    _, places, counts = np.unique(own, return_inverse=True, return_counts=True)
    repeated = proportion(int((counts[places] > 1).sum()), len(own))
    return Reading("identical_share", "", found, repeated, f"Null: real rows that equal another one. {NO_HOLDOUT}")


def _identifiers(tables: Sequence[Table]) -> Iterator[Reading]:
    for column in tables[REAL].of_kind("identifier"):
        shares = [_known(table[column.name]) for table in tables[MADE:]]
        yield Reading("repeated_identifiers", column.name, shares[0], shares[1] if len(shares) > 1 else None)


def _known(column: Column) -> Estimate:
    return proportion(int(((column.values >= 0) & (column.values < column.known)).sum()), len(column))


def _singled(tables: Sequence[Table], seed: int) -> Iterator[Reading]:
    for name, columns in (("univariate", 1), ("multivariate", 3)):
        rng = np.random.default_rng((seed, columns))
        found = singled_out(*tables, columns=columns, attacks=ATTACKS, rng=rng)
        if found is not None:
            yield _risk(f"singling_out_{name}", "", found.attack, found.control)


def _risk(measure: str, of: str, attack: Successes, control: Successes) -> Reading:
    note = f"Training records: {attack} attacks succeed; unseen records: {control}."
    return Reading(measure, of, risk(attack, control), chance(control, attack.of), note)


def _approached(
    tables: Sequence[Table], space: Space, halves: Halves, secrets: Sequence[str] | None, limit: int, seed: int
) -> Iterator[Reading]:
    if unknown := sorted({*halves[0], *halves[1], *(secrets or ())} - set(space.columns)):
        raise DataError(f"No column {unknown[0]!r} to attack. Columns: {', '.join(space.columns)}.")
    alone = len(space.columns) == 1
    wanted = [name for name in secrets or space.columns if _varies(tables[REAL][name]) and not alone]
    sides = (REAL, HELD)
    places = {side: _shuffled(tables[side], side, seed)[:limit] for side in sides}
    found = {
        side: approached(space, targets=side, synthetic=MADE, places=places[side], halves=halves, secrets=wanted)
        for side in sides
    }
    if halves[0] and halves[1]:
        linked = [Successes(int(found[side].linked.sum()), len(places[side])) for side in sides]
        yield _risk("linkability", "", *linked)
    for name in wanted:
        right = [guessed(name, tables[side], tables[MADE], places[side], found[side].guesses[name]) for side in sides]
        yield _risk("attribute_inference", name, *right)
    if min(2 * limit, tables[HELD].rows) >= FEW:
        near, far = found[REAL].distances, found[HELD].distances
        yield from _told("distance", -near, -far, "By the distance to the nearest synthetic row.", seed)
        half = tables[HELD].rows // 2  # the other half is the reference, and is not attacked
        ours, theirs = (
            np.log(nearest_distances(space, side, REFERENCE, places[side][:half]) + SMALL)
            - np.log(found[side].distances[:half] + SMALL)
            for side in sides
        )
        yield from _told("density ratio", ours, theirs, "By that over the distance to the nearest reference row.", seed)


def _varies(column: Column) -> bool:
    present = column.present
    return bool(len(present) and (present != present[0]).any())


def _shuffled(table: Table, side: int, seed: int) -> Places:
    return np.random.default_rng((seed, side)).permutation(table.rows)


def _told(of: str, members: Floats, others: Floats, note: str, seed: int) -> Iterator[Reading]:
    found = membership.attack(members.tolist(), others.tolist(), alarms=ALARMS, seed=seed)
    none = membership.shuffled(members.tolist(), others.tolist(), alarms=ALARMS, seed=seed)
    yield Reading("membership_auc", of, found.auc, none.auc, note)
    yield Reading("membership_tpr", of, found.tpr, none.tpr, note)
