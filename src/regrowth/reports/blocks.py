"""What a report says, as plain data: frozen blocks that are the JSON file and, drawn by `page`, the HTML page.

A recipe saves its own blocks beside its data (`save`), the page of the run puts them before the collected ones:
    blocks.json   [{"kind": "headline", "text": "accuracy 34 % → 47 % on 800 unseen problems", "figures": []}, …]
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, FiniteFloat, NonNegativeInt, TypeAdapter, ValidationError, model_validator

from regrowth.core.errors import DataError
from regrowth.core.files import told, write_text
from regrowth.core.settings import Frozen
from regrowth.reports.compared import Associations, Judgement, Marginals, Readings, Twins
from regrowth.reports.fields import Figure, MaybeNumber, Measured, Words

__all__ = [
    "Arm",
    "Block",
    "Contribution",
    "CostTable",
    "Curves",
    "Difference",
    "Examined",
    "Facts",
    "Figure",
    "Funnel",
    "Headline",
    "Lineage",
    "Measure",
    "Passage",
    "Provenance",
    "Refusals",
    "RefusedRecord",
    "Rejects",
    "Report",
    "Scores",
    "Series",
    "StepCost",
    "Stratum",
    "Text",
    "Verdict",
    "load",
    "save",
]

BLOCKS = "blocks.json"
"""Where a recipe leaves its own blocks in a run folder."""


class Headline(Frozen):
    """Say in one sentence what came out."""

    kind: Literal["headline"] = "headline"
    text: Words
    figures: tuple[Figure, ...] = ()


class Measure(Frozen):
    """Name something that was measured on every arm."""

    name: Words
    unit: Literal["share", "number"] = "share"
    """A `share` is between 0 and 1 and shown in percent."""
    better: Literal["higher", "lower"] = "higher"


class Arm(Frozen):
    """Hold what one model, or one way of training, reached."""

    name: Words
    role: Literal["result", "baseline", "control"] = "control"
    estimates: Mapping[Words, Measured]
    """By the name of the measure; a measure may be missing."""
    note: Words = ""


class Difference(Frozen):
    """Hold a paired difference: how far `arm` exceeds `against` on the same problems."""

    measure: Words
    arm: Words
    against: Words
    estimate: Measured


class Scores(Frozen):
    """Compare arms: the result, the baseline it started from, its controls."""

    kind: Literal["scores"] = "scores"
    title: Words = "Before and after"
    measures: tuple[Measure, ...]
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...] = ()
    note: Words = ""

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        arms, measures = {arm.name for arm in self.arms}, {measure.name for measure in self.measures}
        named = {name for gap in self.differences for name in (gap.arm, gap.against)}
        measured = {name for arm in self.arms for name in arm.estimates} | {gap.measure for gap in self.differences}
        if unknown := sorted((named - arms) | (measured - measures)):
            raise ValueError(f"unknown {', '.join(unknown)}: expected arms {sorted(arms)}, measures {sorted(measures)}")
        if sum(arm.role == "baseline" for arm in self.arms) > 1:
            raise ValueError("more than one baseline: mark the one arm that the result started from")
        return self


class Passage(Frozen):
    """Count what one gate stopped."""

    gate: Words
    refused: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    """Records lost because a call of the gate itself broke."""


class Stratum(Frozen):
    """Count what became of the attempts on one stratum."""

    name: Words
    wanted: NonNegativeInt | None = None
    attempted: NonNegativeInt
    accepted: NonNegativeInt
    refused: NonNegativeInt = 0
    failed: NonNegativeInt = 0

    @property
    def filled(self) -> float:
        """Return the share of the quota that was reached; without a quota, accepted records per attempt."""
        return self.accepted / max(1, self.attempted if self.wanted is None else self.wanted)


class Funnel(Frozen):
    """Follow records from the attempts through every gate. No record vanishes: the counts must add up."""

    kind: Literal["funnel"] = "funnel"
    title: Words = "What passed the gates"
    attempted: NonNegativeInt
    broken: NonNegativeInt = 0
    """Attempts that broke before they made anything."""
    made: NonNegativeInt
    gates: tuple[Passage, ...] = ()
    """In the order in which records meet them."""
    accepted: NonNegativeInt
    wanted: NonNegativeInt | None = None
    strata: tuple[Stratum, ...] = ()
    note: Words = ""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        stopped = sum(gate.refused + gate.failed for gate in self.gates)
        if self.made != self.accepted + stopped:
            raise ValueError(f"{self.made} made, but {self.accepted} accepted and {stopped} stopped: a record vanished")
        return self


class RefusedRecord(Frozen):
    """Show one record that was refused."""

    id: Words
    prompt: Words
    response: Words = ""
    reason: Words


class Refusals(Frozen):
    """Count the records that one gate refused, and show a few."""

    gate: Words
    count: NonNegativeInt
    failed: bool = False
    """Whether a call or the code broke here, instead of a gate refusing."""
    records: Annotated[tuple[RefusedRecord, ...], Field(max_length=3)] = ()


class Rejects(Frozen):
    """Say why records were refused."""

    kind: Literal["rejects"] = "rejects"
    title: Words = "Why records were refused"
    gates: tuple[Refusals, ...] = ()
    note: Words = ""

    @property
    def total(self) -> int:
        """Return how many records were refused in all."""
        return sum(gate.count for gate in self.gates)


class Series(Frozen):
    """Hold one line of a plot; None is a gap (not finite numbers become gaps)."""

    name: Words
    x: tuple[FiniteFloat, ...]
    y: tuple[MaybeNumber, ...]
    low: tuple[MaybeNumber, ...] = ()
    """Lower ends of the intervals, one per point, or none."""
    high: tuple[MaybeNumber, ...] = ()

    @model_validator(mode="after")
    def _equal_lengths(self) -> Self:
        lengths = {len(self.x), len(self.y), len(self.low) or len(self.x), len(self.high) or len(self.x)}
        if len(lengths) > 1 or bool(self.low) != bool(self.high):
            raise ValueError(f"series {self.name!r}: x, y, low and high must be equally long")
        return self


class Curves(Frozen):
    """Draw lines over steps or rounds."""

    kind: Literal["curves"] = "curves"
    title: Words
    x: Words
    """Title of the horizontal axis, with its unit."""
    y: Words
    unit: Literal["share", "number"] = "number"
    series: tuple[Series, ...] = ()
    note: Words = ""


class StepCost(Frozen):
    """Count what one step took."""

    step: Words
    calls: NonNegativeInt = 0
    replayed: NonNegativeInt | None = None
    """Calls answered from the store instead of paid; None where it is not known."""
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    money: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Time spent waiting for the calls, added up over those in flight together."""


class CostTable(Frozen):
    """Say what the run took, step by step."""

    kind: Literal["cost"] = "cost"
    title: Words = "What it took"
    steps: tuple[StepCost, ...] = ()
    currency: Words = ""
    note: Words = ""


class Provenance(Frozen):
    """Count where the records of one dataset come from."""

    dataset: Words
    real: NonNegativeInt = 0
    synthetic: NonNegativeInt = 0
    children: NonNegativeInt = 0
    """Records that name a parent."""
    parents: NonNegativeInt = 0
    """Distinct records that they name."""


class Contribution(Frozen):
    """Count the answers and scores that one model gave."""

    digest: Words
    answers: NonNegativeInt
    name: Words = ""


class Lineage(Frozen):
    """Count where the records come from."""

    kind: Literal["lineage"] = "lineage"
    title: Words = "Where the records come from"
    datasets: tuple[Provenance, ...] = ()
    models: tuple[Contribution, ...] = ()
    note: Words = ""


class Verdict(Frozen):
    """Hold what one examination found in one dataset."""

    dataset: Words
    examination: Words
    found: NonNegativeInt
    examined: NonNegativeInt
    allowed: NonNegativeInt
    passed: bool


class Examined(Frozen):
    """List what was looked for in the data before a model was trained on them, and who signed for what was found."""

    kind: Literal["examined"] = "examined"
    title: Words = "What the data were examined for"
    verdicts: tuple[Verdict, ...] = ()
    signed: tuple[Words, ...] = ()


class Facts(Frozen):
    """List what is needed to repeat the run."""

    kind: Literal["facts"] = "facts"
    title: Words = "To repeat this run"
    pairs: tuple[tuple[Words, Words], ...] = ()
    command: Words = ""


class Text(Frozen):
    """Say something in plain paragraphs."""

    kind: Literal["text"] = "text"
    title: Words = ""
    paragraphs: tuple[Words, ...]


Block: TypeAlias = (
    Headline
    | Scores
    | Funnel
    | Rejects
    | Curves
    | CostTable
    | Lineage
    | Examined
    | Facts
    | Text
    | Judgement
    | Readings
    | Marginals
    | Associations
    | Twins
)


class Report(Frozen):
    """Hold a whole report."""

    title: Words
    subtitle: Words = ""
    blocks: tuple[Annotated[Block, Field(discriminator="kind")], ...] = ()


_BLOCKS: TypeAdapter[tuple[Block, ...]] = TypeAdapter(tuple[Annotated[Block, Field(discriminator="kind")], ...])


def save(folder: Path, blocks: Sequence[Block]) -> Path:
    """Leave a recipe's own blocks in its run folder, for the page of the run.

    Raises:
        StoreError: the folder cannot be written.
    """
    text = _BLOCKS.dump_json(tuple(blocks), indent=1).decode()
    write_text(folder / BLOCKS, text + "\n")
    return folder / BLOCKS


def load(folder: Path) -> tuple[Block, ...]:
    """Return the blocks that a recipe left in its run folder; none if it left none.

    Raises:
        DataError: the file is there and cannot be read.
    """
    path = folder / BLOCKS
    try:
        return _BLOCKS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(
            f"{path}: {where}: {first['msg']}. Expected a list of report blocks; run the recipe again to write it anew."
        ) from error
    except OSError as error:
        raise told(error, folder) from error
