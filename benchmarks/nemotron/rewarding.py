"""The reward model of five attributes, with all labels and with half of them, and three judges on the same pairs."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.nemotron.world import World
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.domains import manners
from regrowth.metrics.intervals import clustered_mean
from regrowth.recipes._nemotron.judges import agreement, comparisons, opinions
from regrowth.recipes._nemotron.rewards import ATTRIBUTES, Worth, hidden, labels, overall
from regrowth.recipes._nemotron.selection import SelectionSettings, candidates
from regrowth.recipes._nemotron.strength import answered

__all__ = ["hiding", "judges", "length_rule", "pairs_of", "rewards"]

CRITERION = "Be right and kind."
ASKED, JUDGED = 400, 400
"""Questions, and pairs of replies to them that the judges see."""
JUDGE = {"steps": 180, "learning_rate": 3e-3, "schedule": "cosine"}


def rewards(world: World) -> dict[str, Any]:
    """Measure the reward model, on labelled replies and on the teacher's own, and what length alone tells."""
    return {
        "all labels": _worth(world.worth(world.judged, "all labels")),
        "the teacher's replies": _worth(world.worth(world.judged, "own", world.own)),
        "longer wins": {"accuracy": length_rule(world.unseen_people, world.weights)},
    }


def hiding(world: World) -> dict[str, Any]:
    """Measure a reward model that learnt from half of the labels."""
    half = world.rater(hidden(world.people, 0.5, world.seed), "half-hidden")
    return {"half hidden": _worth(world.worth(half, "half hidden"))}


def _worth(found: Worth) -> dict[str, Any]:
    correlations = {name: one.value for name, one in found.correlations.items()}
    correlations["mean of five"] = sum(correlations[name] for name in ATTRIBUTES) / len(ATTRIBUTES)
    accuracy = found.accuracy.value if found.accuracy else None
    return {"r": correlations, "error": dict(found.errors), "accuracy": accuracy, "noise": found.noise}


def length_rule(replies: Sequence[Record], weights: Mapping[str, float]) -> float:
    """Return the share of pairs of replies to one prompt in which the longer one is the better one."""
    groups: dict[str, list[tuple[int, float]]] = {}
    for reply in replies:
        groups.setdefault(reply.prompt, []).append((len(reply.response), overall(labels(reply), weights)))
    right = [
        (prompt, 0.5 if one[0] == other[0] else float((one[0] > other[0]) == (one[1] > other[1])))
        for prompt, group in groups.items()
        for place, one in enumerate(group)
        for other in group[:place]
        if one[1] != other[1]
    ]
    return clustered_mean([share for _, share in right], [prompt for prompt, _ in right]).value


def pairs_of(world: World) -> list[Record]:
    """Return pairs of replies that the policy drew, unordered."""
    asked = manners.questions(ASKED, seed=world.number("pairs"), split="train")
    rated = world.run.wait(answered(world.run, world.teacher, asked, world.judged, SelectionSettings(), name="policy"))
    return candidates(rated, seed=world.seed)


def judges(world: World) -> dict[str, Any]:
    """Let three judges decide the same pairs."""
    lessons = list(comparisons(6000, CRITERION, world.weights, seed=world.number("judge")))
    judge = world.fitted(world.base, lessons, "judge", **JUDGE)
    work = partial(opinions, judge=judge, rater=world.judged, criterion=CRITERION, style="brief")
    pairs = list(world.run.wait(world.run.agrow(pairs_of(world)[:JUDGED], work, name="judged")))
    found = {
        name: {
            "decided": one.decided,
            "undecided": one.undecided,
            "accuracy": _told(one.accuracy),
            "kappa": {other: _told(value) for other, value in one.kappas.items()},
            "oracle": _beside_oracle(world, pairs, name),
        }
        for name, one in agreement(pairs).items()
    }
    return {"pairs": len(pairs), **found}


def _beside_oracle(world: World, pairs: list[Record], judge: str) -> float | None:
    """Return the share of a judge's verdicts that the oracle's reward shares."""
    gaps = [(one.scores[judge], world.truth(one) - world.truth(one.derive(response=one.rejected))) for one in pairs]
    right = [float((said > 0) == (gap > 0)) for said, gap in gaps if said and gap]
    return sum(right) / len(right) if right else None


def _told(one: Estimate | None) -> dict[str, float] | None:
    return None if one is None else {"value": one.value, "low": one.low, "high": one.high, "n": one.n}
