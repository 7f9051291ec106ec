"""The judge: a model that says yes or no, measured on planted errors before it is trusted.

    found = await calibrated(run, planted(pairs), gates, name="judge")
    found.recall            0.86 [0.79, 0.91]      # of the errors, those it refused
    found.alarms            0.04 [0.01, 0.11]      # of the right pairs, those it refused
    found.why(judging)      ""                     # or: "it finds 3% of the planted errors, wanted 50%"

InstructLab's own example for this judge calls an unsupported answer right, and nobody would notice: a judge that always
says yes has no false alarms. Here it is found out, told, and left out; the gates without a model stay.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from regrowth.core.cells import shown
from regrowth.core.errors import CallFailed, Rejected, SettingsError
from regrowth.core.protocols import Estimate, Gate, Model, Sampling
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.gates.naming import named
from regrowth.metrics.agreement import Detection, detection
from regrowth.metrics.intervals import proportion
from regrowth.models.model import RememberedModel
from regrowth.recipes._lab.asking import Voice, asked
from regrowth.recipes._lab.pairs import refused
from regrowth.recipes._lab.planting import RIGHT, Planted, planted
from regrowth.run import Run
from regrowth.seeds.taxonomy import Leaf

__all__ = ["Calibration", "Judging", "Trust", "calibrated", "judged", "right_pairs", "trusted", "verdict"]

VERDICTS = 3
"""How often a judge is asked before a pair is refused for want of a verdict."""
GREEDY = Sampling(temperature=0.0, max_tokens=256)
CRITERIA: Mapping[Voice, tuple[str, ...]] = {
    "en": ("self_contained", "relevant", "faithful"),
    "de": ("self_contained", "relevant", "faithful"),
    "brief": ("faithful",),
}
_VERDICT = re.compile(r"(?:verdict|urteil)[\"'*_\s]*[:=][\"'*_\s\[(]*(yes|no|ja|nein)\b", re.IGNORECASE)
_BARE = re.compile(r"[*_\s\"']*(yes|no|ja|nein)[*_\s\"'.!]*", re.IGNORECASE)


class Judging(Frozen):
    """Say who judges, and when it is trusted."""

    model: str = ""
    """The judge; nothing takes the teacher itself, `none` takes no judge."""
    recall: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the planted errors that it must find."""
    alarms: Annotated[float, Field(ge=0, le=1)] = 0.35
    """Share of the right pairs that it may refuse."""
    otherwise: Literal["programs", "stop"] = "programs"
    """What follows where it does neither: the gates without a model alone, or an end of the run."""
    pairs: PositiveInt = 48
    """Right pairs, at most, that errors are planted into."""


@dataclass(frozen=True)
class Calibration:
    """Hold how a gate did on planted errors."""

    by_error: Mapping[str, Detection]
    """Precision and recall among the right pairs and the pairs with one kind of error."""
    recall: Estimate
    """Of all errors together."""
    alarms: Estimate
    """Share of the right pairs that were refused."""

    def why(self, judging: Judging) -> str:
        """Return why it cannot be trusted; nothing if it can."""
        if self.recall.value < judging.recall:
            return f"it finds {self.recall.value:.0%} of {self.recall.n} planted errors, wanted {judging.recall:.0%}"
        if self.alarms.value > judging.alarms:
            return f"it refuses {self.alarms.value:.0%} of {self.alarms.n} right pairs, at most {judging.alarms:.0%}"
        return ""


@dataclass(frozen=True)
class Trust:
    """Say whether a judge has a say."""

    gates: Sequence[Gate]
    """The judge, or nothing."""
    measured: Mapping[str, Calibration]
    """What `programs`, the `judge` and `both` find of planted errors."""
    why: str = ""
    """Why a judge that was wanted has no say."""


async def trusted(
    run: Run,
    judging: Judging,
    voice: Voice,
    teacher: RememberedModel,
    leaves: Iterable[Leaf],
    programs: Sequence[Gate],
    *,
    seed: int,
) -> Trust:
    """Measure gates and judge on errors planted into the seeds; let the judge have a say if it is good enough.

    Args:
        programs: The gates without a model.

    Raises:
        SettingsError: it is not, and the settings say to stop then.
    """
    right = right_pairs(leaves)
    probes = planted(Random(seed).sample(right, min(judging.pairs, len(right))), seed=seed)
    gates: dict[str, Sequence[Gate]] = {"programs": programs}
    if judging.model != "none":
        model = run.model(judging.model) if judging.model else teacher
        gates["judge"] = [judged(model, voice)]
        gates["both"] = [*gates["programs"], *gates["judge"]]
    each = {name: await calibrated(run, probes, some, name=f"calibrating {name}") for name, some in gates.items()}
    measured = {name: one for name, one in each.items() if one is not None}
    if "judge" not in gates:
        return Trust((), measured)
    found = measured.get("judge")
    why = found.why(judging) if found else "no pair of the seeds could be put to it"
    if why and judging.otherwise == "stop":
        raise SettingsError(f"The judge cannot be trusted: {why}. Name another (judging.model), or none.")
    return Trust(() if why else gates["judge"], measured, why)


def judged(model: Model, voice: Voice, *, criteria: Sequence[str] = ()) -> Callable[[Record], Awaitable[Record]]:
    """Refuse a pair to which a judge says no by any of its criteria; a record without a context is judged by fewer."""
    return named("judged", _judged, model=model, voice=voice, criteria=tuple(criteria) or CRITERIA[voice])


async def _judged(record: Record, *, model: Model, voice: Voice, criteria: tuple[str, ...]) -> Record:
    question = str(record.attributes.get("question") or record.prompt)
    context = str(record.attributes.get("context") or "")
    knowledge = record.attributes.get("kind", "knowledge") == "knowledge"
    for criterion in criteria:
        if (criterion == "faithful" and not context) or (criterion == "self_contained" and not knowledge):
            continue
        values = {"document": context, "question": question, "answer": record.response}
        prompt = asked(voice, criterion, **values)
        said = await _said(record, model, prompt, criterion)
        if not said:
            raise Rejected("judged", f"{criterion}: the judge says no to {shown(record.response)}")
    return record


async def _said(record: Record, model: Model, prompt: str, criterion: str) -> bool:
    reply = ""
    for number in range(VERDICTS):
        drawn = replace(GREEDY, temperature=1.0) if number else GREEDY
        reply = await model.ask(prompt, drawn, seed=record.seed("judge", criterion, number))
        if (found := verdict(reply)) is not None:
            return found
    raise Rejected("judged", f"{criterion}: no verdict in {VERDICTS} replies, the last: {shown(reply)}")


def verdict(reply: str) -> bool | None:
    """Return the verdict that a reply ends on; nothing if there is none, or if it gives both."""
    named_ones = {found.casefold() for found in _VERDICT.findall(reply)}
    if not named_ones and (bare := _BARE.fullmatch((reply.strip().splitlines() or [""])[-1])):
        named_ones = {bare[1].casefold()}
    said = {one in ("yes", "ja") for one in named_ones}
    return said.pop() if len(said) == 1 else None


def right_pairs(leaves: Iterable[Leaf]) -> list[Record]:
    """Return the seeds of knowledge leaves that have a context, as the gates see pairs: they count as right."""
    return [
        replace(one, attributes={**one.attributes, "topic": f"{leaf.domain}. {leaf.outline}"}, _id="")
        for leaf in leaves
        if leaf.kind == "knowledge"
        for one in leaf.records()
        if one.attributes.get("context")
    ]


async def calibrated(run: Run, pairs: Sequence[Planted], gates: Sequence[Gate], *, name: str) -> Calibration | None:
    """Measure gates, one after the other, on right pairs and planted errors; nothing without any of either.

    A pair that a call failed on counts as neither.
    """
    found = await run.aeach(pairs, lambda one: _refuses(one.record, gates), name=name)
    told = [(flag, one.error) for flag, one in zip(found, pairs, strict=False) if flag is not None]
    refused, errors = [flag for flag, _ in told], [error for _, error in told]
    right = [flag for flag, error in zip(refused, errors, strict=True) if error == RIGHT]
    wrong = [flag for flag, error in zip(refused, errors, strict=True) if error != RIGHT]
    if not right or not wrong:
        return None
    return Calibration(
        {kind: _among(refused, errors, kind) for kind in dict.fromkeys(errors) if kind != RIGHT},
        proportion(sum(wrong), len(wrong)),
        proportion(sum(right), len(right)),
    )


def _among(refused: Sequence[bool], errors: Sequence[str], kind: str) -> Detection:
    some = [(flag, error == kind) for flag, error in zip(refused, errors, strict=True) if error in (RIGHT, kind)]
    return detection([flag for flag, _ in some], [faulty for _, faulty in some])


async def _refuses(record: Record, gates: Sequence[Gate]) -> bool | None:
    try:
        return await refused(record, gates)
    except CallFailed:
        return None
