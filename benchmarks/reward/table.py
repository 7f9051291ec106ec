"""Results as Markdown tables."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["printed"]


def printed(results: Mapping[str, Any]) -> str:
    """Return every table that the results hold."""
    parts = [
        "\n".join(_attributes(found) if "pearson" in found else _task(name, found))
        for name, found in results.items()
        if name != "machine"
    ]
    return "\n\n".join(parts)


def _told(estimate: Mapping[str, float], scale: float = 100, sign: str = "") -> str:
    low, value, high = (f"{scale * estimate[name]:{sign}.1f}" for name in ("low", "value", "high"))
    return f"{value} [{low}, {high}]"


def _task(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    (first, *_), judges = found["train, dev, test"], [arm for arm in found["arms"] if arm.startswith("reward model")]
    tested = sum(size for _, _, size in found["train, dev, test"])
    yield f"### {name}: {found['cases']} cases of {found['families']} families; about {first[0]} train, {tested} tested"
    ranked = found.get("ranking", {})
    extra = "AUC | within a question | F1 | " if ranked else ""
    yield f"| arm | accuracy | over seeds | {extra}{' | '.join(f'{judge} − arm' for judge in judges)} |"
    yield "|---|---|---|" + "---|" * (3 * bool(ranked) + len(judges))
    for arm, marks in found["arms"].items():
        cells = [arm, _told(marks["tested"]), _told(marks["seeds"])]
        if ranked and arm in ranked:
            rank = ranked[arm]
            cells += [_told(rank["auc"]), _told(rank["auc within a question"]), f"{100 * rank['f1']:.1f}"]
        gaps = [found["differences"].get(f"{judge} − {arm}") for judge in judges]
        cells += [_told(gap, sign="+") if gap else "" for gap in gaps]
        yield f"| {' | '.join(cells)} |"


def _attributes(found: Mapping[str, Any]) -> Iterator[str]:
    names = list(next(iter(found["pearson"].values())))
    yield f"### five attributes after {found.get('steps', 60)} steps: Pearson r × 100, and points lost to all labels"
    yield f"| labels | {' | '.join(names)} | points lost |"
    yield "|---|" + "---|" * (len(names) + 1)
    for arm, values in found["pearson"].items():
        lost = found["points lost"].get(arm)
        cells = [*(f"{100 * values[name]['value']:.1f}" for name in names), _told(lost["mean"], 1) if lost else ""]
        yield f"| {arm} | {' | '.join(cells)} |"
