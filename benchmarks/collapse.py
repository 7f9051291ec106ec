"""Model collapse: every formula and table of the literature beside what the worlds of `regrowth run collapse` do.

    python -m benchmarks.collapse numbers       # Gaussian, regression, categories, kernels, one-round laws: CPU minutes
    python -m benchmarks.collapse words         # the word trigram on two kinds of real text, the autoencoder of digits
    python -m benchmarks.collapse transformer   # three seeds, five rounds
    python -m benchmarks.collapse table         # prints the tables of what was written

REGROWTH_DATA names the folder of the real data. Each part adds to benchmarks/results/collapse.json; what was played is
remembered, so a run that was stopped goes on. A row is met where the expected number lies in the interval of ours:
Student's t over the seeds (for a replaced Gaussian, whose variance has so heavy a tail that t would be too narrow,
the exact standard error), at 99 % for each table as a whole (Bonferroni: 1 - 0.01 / rows). Where the expected number
was itself measured, on as many seeds and without an interval of its own, ours is widened by the square root of 2.
"""

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from benchmarks.collapse_rows import Row, courses, met, row, timed
from benchmarks.collapse_worlds import shapes, transformer, words
from regrowth.recipes._collapse import laws, theory
from regrowth.recipes._collapse.arms import Mixing
from regrowth.recipes._collapse.categories import Zipf
from regrowth.recipes._collapse.published import publications

RESULTS = Path(__file__).parent / "results" / "collapse.json"
DATA = Path(os.environ.get("REGROWTH_DATA", "../shared/data"))
Arms = tuple[str, ...]


# Tables with theory ---------------------------------------------------------------------------------------------------


def regression() -> list[Row]:
    """Excess risk of least squares, T = 100, d = 10, 200 seeds; and of replace over a grid of d and noise."""
    found = courses("regression", world="regression", arms=("replace", "accumulate", "subsample"))
    sheet = {1: 0.1137, 2: 0.2037, 5: 0.2826, 10: 0.3245, 20: 0.3276}
    rows = []
    for arm, source in (("replace", "theory"), ("accumulate", "first order"), ("subsample", "first order")):
        said = theory.excess_risk(arm, 20, 100, 10)  # type: ignore[arg-type]
        assert said is not None
        for n in sheet:
            rows.append(row(f"{arm}, n = {n}", said[n - 1], found[arm].at("excess risk", n), source))
    rows += [
        row(f"subsample, n = {n}", value, found["subsample"].at("excess risk", n), "measured")
        for n, value in sheet.items()
    ]
    for dims in (1, 3, 10, 32):
        for square in (0.1, 1.0, 10.0):
            details = {"dims": dims, "noise": math.sqrt(square)}
            name = f"regression-{dims}-{square:g}"
            one = courses(name, world="regression", arms=("replace",), rounds=10, details=details)["replace"]
            said = theory.excess_risk("replace", 10, 100, dims, math.sqrt(square))
            assert said is not None
            rows.append(row(f"replace, d = {dims}, s² = {square:g}, n = 10", said[9], one.at("excess risk", 10)))
    return rows


def gaussian() -> list[Row]:
    """Variance of a Gaussian on a line by maximum likelihood after t fits on M points each; 4,000 seeds."""
    rows = []
    sheet = {1: 0.957, 10: 0.898, 100: 0.892}
    for size in (10, 32, 100):
        arms: Arms = ("replace", "accumulate", "fixed_real", "fresh_real")
        found = courses(f"gaussian-{size}", arms=arms, size=size, repeats=4000)
        pooled = courses(f"gaussian-{size}-subsample", arms=("subsample",), size=size, repeats=1000)
        for arm, course in {**found, **pooled}.items():
            said = theory.kept_variance(arm, 100, size)  # type: ignore[arg-type]
            assert said is not None
            for t in (1, 10, 100):
                exact = _replaced_error(size, t, 4000) if arm == "replace" else None
                rows.append(row(f"M = {size}, {arm}, t = {t}", said[t - 1], course.at("variance", t), error=exact))
        logs = theory.log_variance(100, size)
        rows.append(
            row(f"M = {size}, replace, log variance, t = 100", logs[-1], found["replace"].at("log variance", 100))
        )
        kept = found["accumulate"].at("variance", 100) + found["accumulate"].at("error of the mean", 100)
        rows.append(row(f"M = {size}, accumulate, variance + squared error, t = 100", 1.0, kept))
    rows += [
        row(
            f"M = 32, subsample, t = {t}",
            value,
            courses("gaussian-32-subsample", arms=("subsample",), size=32, repeats=1000)["subsample"].at("variance", t),
            "measured",
        )
        for t, value in sheet.items()
    ]
    return rows


def _replaced_error(size: int, t: int, seeds: int) -> float:
    """Return the exact standard error: E[v²] = (1 - 1/M²)^t, since M v'/v has a chi-squared distribution."""
    return math.sqrt(((1 - size**-2) ** t - (1 - 1 / size) ** (2 * t)) / seeds)


def unbiased() -> list[Row]:
    """Divisor M - 1, M = 32, replace, t = 100: the mean stays, the median dies; 4,000 seeds."""
    found = courses("gaussian-32-ddof", arms=("replace",), size=32, repeats=4000, details={"ddof": 1})["replace"]
    values, logs = found.at("variance", 100), found.at("log variance", 100)
    exact = math.sqrt(((1 + 2 / 31) ** 100 - 1) / 4000)
    low, high = np.quantile(values, [0.5 - 0.5 / math.sqrt(4000), 0.5 + 0.5 / math.sqrt(4000)])
    middle = float(np.median(values))
    return [
        row("log variance", theory.log_variance(100, 32, 1)[-1], logs),
        row("mean variance", 1.0, values, error=exact),
        Row("median variance", 0.038, "measured", middle, float(high - low) / 2, 4000),
    ]


def categories() -> list[Row]:
    """Zipf(1), 1,000 types, 1,000 draws per round, 100 seeds."""
    sheet: Mapping[str, Mapping[str, Sequence[float]]] = {
        "types": {
            "replace": (335, 247, 151, 97, 30),
            "subsample": (335, 265, 232, 221, 213),
        },
        "cross-entropy": {
            "replace": (5.48, 5.62, 5.88, 6.14, 7.03),
            "subsample": (math.nan,) * 4 + (5.70,),
            "fixed_real": (math.nan,) * 4 + (5.75,),
        },
        "simpson": {"replace": (0.9698, 0.9687, 0.9662, 0.9626, 0.9281)},
    }
    arms: Arms = ("replace", "accumulate", "subsample", "fixed_real", "fresh_real")
    found = courses("categories", world="categorical", arms=arms, repeats=100)
    world, times = Zipf(), (1, 2, 5, 10, 50)
    first = float((1 - (1 - world.truth) ** 1000).sum())
    tail = float(world.truth[500:].sum())
    rows = [row("types, real data", first, found["replace"].at("types", 1))]
    for arm in arms:
        said = theory.kept_variance(arm, 50, 1000)  # type: ignore[arg-type]
        assert said is not None
        rows += [
            row(f"Simpson, {arm}, t = {t}", world.simpson * said[t - 1], found[arm].at("simpson", t)) for t in times
        ]
        rows += [row(f"tail mass, {arm}, t = {t}", tail, found[arm].at("tail mass", t)) for t in (10, 50)]
    for arm in ("accumulate", "fixed_real"):
        gap = found[arm].at("types", 50) - found[arm].at("types", 1)
        rows.append(row(f"types lost in 50 rounds, {arm}", 0.0, gap))
    for figure, by_arm in sheet.items():
        for arm, values in by_arm.items():
            for t, value in zip(times, values, strict=True):
                if not math.isnan(value):
                    rows.append(row(f"{figure}, {arm}, t = {t}", value, found[arm].at(figure, t), "measured"))
    return rows


def bias() -> list[Row]:
    """The bias law: variance of a kernel density estimate on a line, h = 0.5, 20,000 points, 10 seeds."""
    arms: Arms = ("replace", "accumulate", "fixed_real")
    found = courses(
        "kernel-line",
        world="kde",
        arms=arms,
        rounds=50,
        size=20_000,
        repeats=10,
        details={"shape": "line"},
        mixing={"real_share": 0.3},
    )
    rows = []
    for arm in arms:
        said = theory.kernel_variance(arm, 50, 0.5, 20_000, Mixing(real_share=0.3))  # type: ignore[arg-type]
        assert said is not None
        rows += [
            row(f"{arm}, t = {t}", said[t - 1], found[arm].at("variance", t), "first order")
            for t in (1, 2, 5, 10, 20, 50)
        ]
    for rule in ("scott", "silverman"):
        details = {"shape": "line", "bandwidth": rule}
        some = courses(
            f"kernel-line-{rule}",
            world="kde",
            arms=("replace", "accumulate"),
            rounds=50,
            size=2000,
            repeats=20,
            details=details,
        )
        for arm, course in some.items():
            said = theory.kernel_variance(arm, 50, rule, 2000)  # type: ignore[arg-type]
            assert said is not None
            rows.append(row(f"{rule}, {arm}, t = 50", said[-1], course.at("variance", 50), "first order"))
    return rows


def golden() -> list[Row]:
    """Fresh real data with weight w: long-run squared error of a known-variance mean, in units of 1/M; 4,000 seeds."""
    rows = []
    for weight in (0.3, 0.5, 0.618, 0.8, 1.0):
        settings = {"arms": ("fresh_real",), "rounds": 60, "size": 2, "repeats": 4000, "details": {"known": True}}
        one = courses(f"golden-{weight:g}", mixing={"fresh_weight": weight}, **settings)["fresh_real"]
        rows.append(row(f"w = {weight:g}", theory.fresh_ratio(weight), 2 * one.at("error of the mean", 60)))
    return rows


def strong() -> list[Row]:
    """Strong collapse: least squares, d = 20, share p of labels from a teacher with squared offset 0.5; 100 seeds."""
    rows = []
    sheet = {
        0.0: (0.0273, 0.0053, 0.0010, 0.0003),
        0.1: (0.0405, 0.0123, 0.0062, 0.0054),
        0.5: (0.173, 0.138, 0.126, 0.126),
    }
    for share, values in sheet.items():
        for size, value in zip((200, 1000, 5000, 20_000), values, strict=True):
            seen = laws.strong_collapse(share, size, seeds=100 if size < 20_000 else 30, seed=0)
            rows.append(row(f"p = {share:g}, n = {size:,}", value, seen, "measured"))
            if size > 200:
                noise = (0.25 * 20 + share * (1 - share) * 0.5 * 22) / (size - 21)
                rows.append(
                    row(f"p = {share:g}, n = {size:,}", theory.strong_floor(share, 0.5) + noise, seen, "first order")
                )
    return rows


def verification() -> list[Row]:
    """Accuracy of a classifier trained on 20,000 verified labels, d = 50; theory for large samples; 10 seeds."""
    rows = []
    sheet = {
        (0.55, 1.0, 1.0): 0.31,
        (0.55, 0.9, 0.5): 0.698,
        (0.55, 0.9, 0.3): 0.711,
        (0.7, 1.0, 1.0): 0.278,
        (0.7, 0.9, 0.5): 0.339,
        (0.7, 0.9, 0.3): 0.665,
    }
    for (error, right, wrong), value in sheet.items():
        seen = laws.verified_accuracy(error, right, wrong, seeds=10)
        kept = (1 - error) * right + error * wrong
        slope = 0.6 * (1 - 2 * error * wrong / kept)
        said = NormalDist().cdf(0.6 * slope / math.sqrt(slope**2 + 49 / (20_000 * kept)))
        name = f"error {error:g}, φ = {right:g}, ψ = {wrong:g}, p* = {theory.threshold(right, wrong):.3f}"
        rows.append(row(name, said, seen, "first order"))
        # The sheet's one run was marked on 4,000 sampled points, which alone is worth 0.0075.
        rows.append(Row(name, value, "measured", float(seen.mean()), 0.0075, 10_000))
    return rows


def tails() -> dict[str, Any]:
    """Zipf 1.5, a learner by heart: computed, not sampled, but for the generators (10 draws each)."""
    masses = laws.zipf(1.5)
    sizes = [10**3, 10**4, 10**5, 10**6]
    clean = [laws.tail_error(size, masses) for size in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(clean), 1)[0])
    rows = []
    for size, value in ((10**3, 0.0938), (10**4, 0.0440), (10**5, 0.0202)):
        unseen = [float(masses[laws.generator(masses, size, seed=seed) == 0].sum()) for seed in range(10)]
        rows.append(row(f"generator of {size:,} draws: what it never says", laws.tail_error(size, masses), unseen))
        if size < 10**5:  # the sheet gives the third as a bound
            rows.append(row(f"generator of {size:,} draws: what it never says", value, unseen, "measured"))
    cut = {
        rank: [laws.tail_error(size, masses, laws.truncated(masses, rank)) for size in sizes] for rank in (100, 1000)
    }
    missing = {rank: float(masses[rank:].sum()) for rank in cut}
    return {
        "rows": met(rows),
        "sizes": sizes,
        "clean": clean,
        "slope": slope,
        "slope between the largest two": math.log(clean[-1] / clean[-2]) / math.log(10),
        "slope, theory": -(1 - 1 / 1.5),
        "cut at a rank": {str(rank): {"errors": values, "missing mass": missing[rank]} for rank, values in cut.items()},
    }


def published() -> dict[str, Any]:
    """The published runs of the Gaussian, against theory, beside ours of equal size."""
    file = DATA / "results" / "collapse_gaussian_replace_vs_accumulate.csv"
    known = publications(file)
    rows, points = [], []
    for size in sorted({one.size for one in known}):
        arms: Arms = ("replace", "accumulate")
        repeats = 4000 if size < 316 else 1000
        name = f"gaussian-{size}" if size < 316 else "gaussian-316"
        arms = ("replace", "accumulate", "fixed_real", "fresh_real") if size < 316 else arms
        found = courses(name, arms=arms, size=size, repeats=repeats)
        for one in (point for point in known if point.size == size):
            ours = found[one.arm].at("variance", one.round)
            spread = float(ours.std(ddof=1))
            said = theory.kept_variance(one.arm, one.round, size)
            assert said is not None
            if one.arm == "replace":
                spread = _replaced_error(size, one.round, 1)
            error = spread / math.sqrt(one.runs)
            name = f"M = {size}, {one.arm}, t = {one.round}"
            rows.append(Row(name, float(said[-1]), "theory", one.variance, error, 10_000))
            points.append(
                {
                    **one._asdict(),
                    "ours": float(ours.mean()),
                    "our median": float(np.median(ours)),
                    "theory": float(said[-1]),
                }
            )
    return {"rows": met(rows), "points": points}


def numbers() -> Iterable[tuple[str, Any]]:
    """Yield every table that takes numbers alone."""
    for make in (regression, gaussian, unbiased, categories, bias, golden, strong, verification):
        yield make.__name__, timed(lambda make=make: {"about": make.__doc__, "rows": met(make())})  # type: ignore[misc]
    for other in (tails, published, shapes):
        yield other.__name__, timed(lambda other=other: {"about": other.__doc__, **other()})  # type: ignore[misc]


# The edge -------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Run a part, write the figures and print the tables."""
    part = sys.argv[1] if len(sys.argv) == 2 else ""
    parts = {"numbers": numbers, "words": words, "transformer": transformer}
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if part != "table" and part not in parts:
        raise SystemExit(__doc__)
    for name, found in parts[part]() if part in parts else ():
        known[name] = found
        RESULTS.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        missed = [one["what"] for one in found.get("rows", ()) if not one["met"]]
        print(f"{name}: {found['CPU seconds']} CPU seconds; missed: {missed or 'none'}", file=sys.stderr, flush=True)
    table(known)


def table(known: Mapping[str, Any]) -> None:
    """Print every table as Markdown."""
    for name, found in known.items():
        if rows := found.get("rows"):
            alone = sum(not one["met at 99 % alone"] for one in rows)
            agreed = sum(one["met"] for one in rows)
            print(f"\n### {name}: {agreed} of {len(rows)} rows met; {alone} outside 99 % alone\n")
            print("| | expected | source | ours | interval | met |\n|---|---|---|---|---|---|")
            for one in rows:
                numbers = f"{one['value']:.4g} | {one['low']:.4g} … {one['high']:.4g}"
                verdict = "yes" if one["met"] else "**no**"
                print(f"| {one['what']} | {one['expected']:.4g} | {one['source']} | {numbers} | {verdict} |")
        for one in found.get("orders", ()):
            gap = f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
            print(f"\n{name}, round {one['round']}: {one['gap']} = {gap}")


if __name__ == "__main__":
    main()
