"""The tables of `docs/methods/nemotron.md`, out of what was measured."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from regrowth.metrics.intervals import across_seeds
from regrowth.recipes._nemotron.judges import JUDGES
from regrowth.recipes._nemotron.rewards import ATTRIBUTES
from regrowth.recipes._nemotron.strength import MODES

__all__ = ["printed"]

Read = Callable[[Mapping[str, Any]], float | None]


def printed(found: Mapping[str, Any]) -> None:
    """Print every table for which there are figures."""
    for part, table in TABLES.items():
        if part in found:
            print(f"\n## {part}\n")
            beside = found.get("hiding", {}) if part == "rewards" else {}
            table({seed: {**one, **beside.get(seed, {})} for seed, one in found[part].items()})


def _across(seeds: Sequence[Mapping[str, Any]], read: Read, *, percent: bool = False, sign: str = "") -> str:
    """Return mean and interval over the seeds of what is read; a dash where fewer than two seeds have something."""
    values = [read(one) for one in seeds]
    known = [100 * value if percent else value for value in values if value is not None]
    if len(known) < 2:
        return "–"
    one, digits = across_seeds(known), 1 if percent else 2
    bounds = (0.0, 100.0) if percent and not sign else (-math.inf, math.inf)
    ends = (min(max(number, bounds[0]), bounds[1]) for number in (one.low, one.value, one.high))
    low, value, high = (f"{number:{sign}.{digits}f}" for number in ends)
    return f"{value} [{low}, {high}]"


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def _head(*cells: str) -> None:
    _row(*cells)
    print("|---" * len(cells) + "|")


def _rewards(found: Mapping[str, Any]) -> None:
    seeds = list(found.values())
    names = (*ATTRIBUTES, "mean of five", "reward")
    _head("labels", *names, "pairs ranked right", "typical error of a gap")
    arms = ("all labels", "the teacher's replies", "half hidden")
    for arm in (one for one in arms if one in seeds[0]):
        cells = [_across(seeds, lambda one, a=arm, n=name: 100 * one[a]["r"][n]) for name in names]
        _row(
            arm,
            *cells,
            _across(seeds, lambda one, a=arm: one[a]["accuracy"], percent=True),
            _across(seeds, lambda one, a=arm: one[a]["noise"]),
        )
    if "half hidden" in seeds[0]:
        _lost(seeds, names)
    errors = [_across(seeds, lambda one, n=name: one["all labels"]["error"][n]) for name in ATTRIBUTES]
    _row("error, mean = 1", *errors, "", "", "", "")
    longer = _across(seeds, lambda one: one["longer wins"]["accuracy"], percent=True)
    _row("longer wins", *[""] * len(names), longer, "")


def _lost(seeds: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    lost = [
        _across(seeds, lambda one, n=name: 100 * (one["all labels"]["r"][n] - one["half hidden"]["r"][n]))
        for name in names
    ]
    gap = _across(
        seeds, lambda one: one["all labels"]["accuracy"] - one["half hidden"]["accuracy"], percent=True, sign="+"
    )
    _row("points lost", *lost, gap, "")


def _judges(found: Mapping[str, Any]) -> None:
    seeds = list(found.values())
    _head("judge", "decides", "right where the truth is known", "κ with the truth", "κ with reward", "oracle agrees")

    def kappa(one: Mapping[str, Any], judge: str, other: str) -> float | None:
        return one[judge]["kappa"].get(other, {}).get("value")

    for judge in JUDGES:
        _row(
            judge,
            _across(seeds, lambda one, j=judge: one[j]["decided"] / one["pairs"], percent=True),
            _across(seeds, lambda one, j=judge: (one[j]["accuracy"] or {}).get("value"), percent=True),
            _across(seeds, lambda one, j=judge: kappa(one, j, "truth")),
            _across(seeds, lambda one, j=judge: kappa(one, j, "reward")),
            _across(seeds, lambda one, j=judge: one[j]["oracle"], percent=True),
        )


def _preferring(found: Mapping[str, Any]) -> None:
    seeds = list(found.values())
    arms = [name for name in seeds[0] if ", " in name]
    parts, facts = ("trained", "held out"), ("slope", "small gaps", "accuracy", "chosen gain")
    _head("arm", "look", *(f"{name}, {part}" for name in facts for part in parts), *MODES, "KL")
    start = [_across(seeds, lambda one, m=mode: one["start"][m]) for mode in MODES]
    asked = [_across(seeds, lambda one, p=part: one[arms[0]][0][p]["small gaps ask"]) for part in parts]
    _row("start; asked for", "", "1", "1", *asked, "", "", "", "", *start, "0")
    for arm in arms:
        for look in range(len(seeds[0][arm])):
            cells = [
                _across(
                    seeds,
                    lambda one, a=arm, k=look, p=part, n=name: one[a][k][p][n],
                    percent=name == "accuracy",
                )
                for name in facts
                for part in parts
            ]
            marks = [_across(seeds, lambda one, a=arm, k=look, m=mode: one[a][k]["reward"][m]) for mode in MODES]
            _row(arm, str(look + 1), *cells, *marks, _across(seeds, lambda one, a=arm, k=look: one[a][k]["kl"]))
    print()
    _head("lost by flipping", "look", *MODES, "slope, held out")
    for name in ("dpo", "rpo"):
        for look in range(len(seeds[0][arms[0]])):
            pair = f"{name}, clean", f"{name}, flipped"
            cells = [
                _across(
                    seeds,
                    lambda one, p=pair, k=look, m=mode: one[p[0]][k]["reward"][m] - one[p[1]][k]["reward"][m],
                    sign="+",
                )
                for mode in MODES
            ]
            slope = _across(
                seeds,
                lambda one, p=pair, k=look: one[p[0]][k]["held out"]["slope"] - one[p[1]][k]["held out"]["slope"],
                sign="+",
            )
            _row(name, str(look + 1), *cells, slope)
    print()
    _equal_kl(seeds)


def _equal_kl(seeds: Sequence[Mapping[str, Any]]) -> None:
    """Print the reward at the KL that every arm had come to at a look, in straight lines between looks."""
    arms = [name for name in seeds[0] if ", " in name and not name.startswith("sft")]
    _head("at equal KL", "KL", *MODES)
    for look in range(len(seeds[0][arms[0]])):

        def reached(one: Mapping[str, Any], look: int = look) -> float:
            return min(float(one[name][look]["kl"]) for name in arms)

        for arm in arms:
            cells = []
            for mode in MODES:

                def read(one: Mapping[str, Any], mode: str = mode, arm: str = arm) -> float:
                    points = [(0.0, one["start"][mode]), *((point["kl"], point["reward"][mode]) for point in one[arm])]
                    return _between(sorted(points), reached(one))

                cells.append(_across(seeds, read))
            _row(arm, _across(seeds, reached), *cells)


def _between(points: Sequence[tuple[float, float]], at: float) -> float:
    for (left, low), (right, high) in pairwise(points):
        if left <= at <= right:
            return low if right == left else low + (high - low) * (at - left) / (right - left)
    return points[-1][1]


def _rounds(found: Mapping[str, Any]) -> None:
    seeds = list(found.values())
    titles = [f"{who}, {mode}" for who in ("oracle", "reward model") for mode in MODES]
    _head("arm", *titles, *(f"{name}, {mode}" for name in ("right", "garbage") for mode in MODES))
    for arm in seeds[0]["rounds"]:
        for number in range(max(len(one["rounds"][arm]) for one in seeds)):
            label = f"{arm}, round {number + 1}" if arm in ("selected", "unselected") else arm
            _marked(label, seeds, lambda one, a=arm, k=number: _at(one["rounds"][a], k))
    print()
    _head("selected, less", *(f"oracle, {mode}" for mode in MODES))
    for mine, other in ((0, "teacher"), (0, "unselected"), (0, "real only"), (-1, "teacher"), (-1, "selected")):
        gaps = [
            _across(
                seeds,
                lambda one, k=mine, o=other, m=mode: (
                    one["rounds"]["selected"][k]["oracle"][m] - one["rounds"][o][0]["oracle"][m]
                ),
                sign="+",
            )
            for mode in MODES
        ]
        _row(f"round {'1' if mine == 0 else 'last'} less {other}{', round 1' if other == 'selected' else ''}", *gaps)
    print()
    _head("stage", *titles, *(f"{name}, {mode}" for name in ("right", "garbage") for mode in MODES))
    for stage in seeds[0]["stages"]:
        if stage != "pairs":
            _marked(stage, seeds, lambda one, s=stage: one["stages"][s])
    print()
    _head("stages", *(f"oracle, {mode}" for mode in MODES))
    for mine in ("dpo", "rpo-2"):
        for other in ("sft", "sft on the chosen"):
            gaps = [
                _across(
                    seeds,
                    lambda one, n=mine, o=other, m=mode: one["stages"][n]["oracle"][m] - one["stages"][o]["oracle"][m],
                    sign="+",
                )
                for mode in MODES
            ]
            _row(f"{mine} less {other}", *gaps)


def _at(rounds: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    return rounds[number] if number < len(rounds) else None


def _marked(
    label: str, seeds: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> None:
    known = [marks for one in seeds if (marks := read(one)) is not None]
    cells = [_across(known, lambda one, w=who, m=mode: one[w][m]) for who in ("oracle", "rater") for mode in MODES]
    shares = [
        _across(known, lambda one, n=name, m=mode: one["attributes"][m][n], percent=True)
        for name in ("right", "garbage")
        for mode in MODES
    ]
    _row(label if len(known) == len(seeds) else f"{label} ({len(known)} seeds)", *cells, *shares)


def _real(found: Mapping[str, Any]) -> None:
    _head("task", "replies", "prompts", "r", "r of length", "pairs ranked right", "longer wins")
    for task, facts in found.items():
        seeds = facts["seeds"]
        _row(
            task,
            f"{facts['replies']:,}",
            f"{facts['prompts']:,}",
            _across(seeds, lambda one: one["r"]),
            _across(seeds, lambda one: one["r of length"]),
            _across(seeds, lambda one: one["accuracy"], percent=True),
            _across(seeds, lambda one: one["longer wins"], percent=True),
        )
    print()
    _head("judge of solutions", "decides", "right where the truth is known")
    judged = [one["judges"] for one in found.get("gsm8k", {}).get("seeds", ())]
    for judge in JUDGES if judged else ():
        decides = _across(judged, lambda one, j=judge: one[j]["decided"] / max(1, one["pairs"]), percent=True)
        _row(judge, decides, _across(judged, lambda one, j=judge: one[j]["accuracy"], percent=True))


TABLES: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "rewards": _rewards,
    "judges": _judges,
    "preferring": _preferring,
    "rounds": _rounds,
    "real": _real,
}
