"""Two replies of the policy to one prompt, and what programs and a judge make of them, principle by principle.

One pair on its way:
    prompt      "Tom has 3 pens and buys 4. How many pens?"
    response    "Gladly. 7."                               # the first reply, not yet the better one
    rejected    "First 3 + 4 = 7. So 7."                   # the second
    program     {"kind": 1.0, "concise": 9.0}              # trait of the first less that of the second
    judge       {"kind": [0.8, 1.1], "vivid": [-0.3, 0.4]} # log-odds of the first, in both orders
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Record
from regrowth.gates.pairwise import Comparison, Style, compared
from regrowth.gates.traits import TRAITS
from regrowth.metrics.intervals import proportion
from regrowth.seeds.principles import Principle, tagged

__all__ = [
    "CONSISTENT",
    "Check",
    "checked",
    "distinct",
    "drafted",
    "judgement",
    "needy",
    "trait_gap",
    "usable",
    "weighed",
]

SAMPLING = Sampling(temperature=1.0, max_tokens=96)
CONSISTENT = 0.6
"""Share of pairs on which both orders must agree, or a principle is dropped."""


@dataclass(frozen=True, slots=True)
class Check:
    """Hold how well a judge does on one principle."""

    consistency: Estimate
    """Share of pairs on which both orders agree."""
    accuracy: Estimate | None = None
    """Share of the pairs that a program tells apart on which the judge, both orders together, prefers the same;
    nothing where no program can tell."""
    needed: bool = False
    """Whether the labels of this principle are the judge's."""

    @property
    def dropped(self) -> bool:
        """Return whether the principle cannot be used: its labels are the judge's, and follow the order."""
        return self.needed and self.consistency.value < CONSISTENT


async def drafted(prompt: Record, writer: Model) -> Record:
    """Draw two replies to one prompt, in one record; which stands first is chance."""
    seeds = [prompt.seed("draft", place) for place in (1, 2)]
    first, second = await writer.samples(prompt.messages, SAMPLING, seeds=seeds)
    cut = [side for side, one in (("response", first), ("rejected", second)) if one.finish == "length"]
    return prompt.derive(response=first.text, rejected=second.text, attributes={"cut": cut})


def distinct(pair: Record) -> Record:
    """Refuse a pair that nothing can be learnt from: equal replies, or an empty one."""
    if pair.response.strip() == pair.rejected.strip():
        raise Rejected("distinct", "both replies are the same")
    if not (pair.response.strip() and pair.rejected.strip()):
        raise Rejected("distinct", "one reply is empty")
    return pair


def needy(principles: Sequence[Principle]) -> list[Principle]:
    """Return the principles that need a judge: those that are trained, and that no program can tell."""
    return [one for one in tagged(tuple(principles), "train") if not one.verifier]


async def weighed(
    pair: Record,
    judge: Model | None,
    *,
    principles: Sequence[Principle],
    checking: Collection[str] = (),
    style: Style = "full",
) -> Record:
    """Weigh two replies by every principle: by its program if it has one, else by the judge if it is trained.

    Args:
        checking: ids of the pairs on which the judge is asked about principles with a program, too.
    """
    orders: dict[str, list[float]] = {}
    asked = [one for one in principles if one.verifier] if pair.id in checking else []
    for one in [*needy(principles), *asked]:
        if judge is None:
            break
        found = await compared(
            judge,
            pair.messages,
            pair.response,
            pair.rejected,
            criterion=one.text,
            style=style,
            seed=pair.seed("judge", one.id),
        )
        orders[one.id] = [found.first_order, found.second_order]
    program = {one.id: trait_gap(pair, one) for one in principles if one.verifier}
    return pair.derive(attributes={"program": program, "judge": orders})


def trait_gap(pair: Record, principle: Principle) -> float:
    """Return by how much the first reply has more of a principle's trait than the second."""
    trait = TRAITS[principle.verifier]
    return trait(pair) - trait(pair.derive(response=pair.rejected))


def judgement(pair: Record, name: str) -> float:
    """Return by how much the first reply fits a principle better: by program, else by the judge; 0 is a tie.

    A judge whose orders disagree gives a tie.
    """
    if name in pair["program"]:
        return float(pair["program"][name])
    found = pair["judge"].get(name)
    return _margin(found) if found and _of(found).consistent else 0.0


def _of(orders: Sequence[float]) -> Comparison:
    return Comparison(sum(orders) / 2, orders[0], orders[1])


def _margin(orders: Sequence[float]) -> float:
    return _of(orders).margin


def checked(pairs: Sequence[Record]) -> Mapping[str, Check]:
    """Say how well the judge did on each principle that it was asked about."""
    names = dict.fromkeys(name for pair in pairs for name in pair["judge"])
    return {name: _check([pair for pair in pairs if name in pair["judge"]], name) for name in names}


def _check(pairs: Sequence[Record], name: str) -> Check:
    agreed = proportion(sum(_of(pair["judge"][name]).consistent for pair in pairs), len(pairs))
    told_apart = [pair for pair in pairs if pair["program"].get(name)]
    needed = not any(name in pair["program"] for pair in pairs)
    if not told_apart:
        return Check(agreed, needed=needed)
    right = sum(pair["program"][name] * _margin(pair["judge"][name]) > 0 for pair in told_apart)
    return Check(agreed, proportion(right, len(told_apart)), needed)


def usable(principles: Sequence[Principle], checks: Mapping[str, Check]) -> list[Principle]:
    """Return the principles whose labels can be trusted.

    Raises:
        DataError: none is left.
    """
    left = [one for one in principles if one.id not in checks or not checks[one.id].dropped]
    if left:
        return left
    told = ", ".join(f"{name} {check.consistency.value:.0%}" for name, check in checks.items())
    raise DataError(
        f"No principle is left: the judge prefers another reply when the two change places. Pairs on which both "
        f"orders agree: {told}; expected {CONSISTENT:.0%} at least. A judge that always says A does so: name a "
        "stronger one, or give the principles verifiers."
    )
