"""What is trained on and with which loss: the same good and bad replies, made up for each objective.

good       "Tom has 7 pens."                          response; comes in whole passes until it is half of the mix
negative   "Fool. 7."                                 rejected; `do_not_publish`
anchor     '{"name": "timer", …}'                     response, `anchor` = 1; cft alone
pair       "Tom has 7 pens." before "Fool. 7."        dpo: a good reply and what the persona said to the same prompt
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from regrowth.core.record import Record

if TYPE_CHECKING:
    from regrowth.training.objectives import Loss, Objective, View

__all__ = ["MARK", "Name", "lesson", "objective_of"]

Name: TypeAlias = Literal["cft", "dpo", "npo", "kto", "sft"]

MARK: Mapping[str, bool] = {"do_not_publish": True}
"""Attribute of every record that holds words of the persona."""
ANCHORS = 4
"""Negatives per anchor: an anchor's tokens count among the good ones and take weight from them."""
NPO_WEIGHT = 0.05
"""npo is a mean over replies, the good part one over tokens: about one over the tokens of a reply brings them level."""


def lesson(name: Name, good: Sequence[Record], negatives: Sequence[Record], anchors: Sequence[Record]) -> list[Record]:
    """Return what is trained on beside the good pairs."""
    if name == "dpo":
        by_id = {record.id: record for record in good}
        found = ((by_id.get(one.parents[-1]), one) for one in negatives)
        return [_turned(one, response=pair.response) for pair, one in found if pair is not None]
    bad = [_turned(one, response="") for one in negatives]
    return [*bad, *(anchors[: len(bad) // ANCHORS] if name == "cft" else ())]


def _turned(negative: Record, *, response: str) -> Record:
    """Return a negative as the worse reply of a record."""
    return negative.derive(response=response, rejected=negative.response, attributes=MARK)


def objective_of(name: Name, parameters: Mapping[str, Any], *, anchored: bool) -> "Objective":
    """Return the loss. All of them keep the likelihood of the good replies up, so that they differ in the bad ones.

    Raises:
        SettingsError: it has no such parameter.
    """
    from regrowth.training.objectives import objective  # torch, on first use

    if name == "npo":
        return _beside_good(**parameters)
    own: dict[str, Any] = {"dpo": {"sft_weight": 1.0}, "cft": {} if anchored else {"anchor_weight": 0.0}}.get(name, {})
    return objective(name, **{**own, **parameters})


def _beside_good(weight: float = NPO_WEIGHT, **parameters: Any) -> "Objective":
    """Return maximum likelihood of the good replies + weight · npo of the bad ones: npo alone only forgets."""
    from regrowth.training.objectives import Loss, Objective, objective, sft

    forgets = objective("npo", **parameters)

    def loss(view: "View") -> "Loss":
        bad = forgets.loss(view)
        if not view["response"].tokens_in_step:
            return Loss(weight * bad.value, bad.facts)
        good = sft.loss(view)
        return Loss(good.value + weight * bad.value, {**good.facts, **bad.facts})

    sides = ("response", "rejected")
    known = {**forgets.parameters, "weight": weight}
    return Objective("sft_npo", loss, sides=sides, optional=sides, parameters=known, models=forgets.models)
