"""Examinations of a student: questions without their documents, marked against what is known to be right.

    agreement("Rome.", "rome")                                  1.0     # short targets: the same words
    agreement("It lies in the south.", "In the southern sky, low.")    0.4     # longer ones: F1 of the words

The F1 of words is that of SQuAD (Rajpurkar et al., 2016, arXiv:1606.05250), here for targets of more than five words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Record
from regrowth.gates.spans import words
from regrowth.metrics.intervals import mean, paired_difference
from regrowth.reports.blocks import Arm, Curves, Difference, Measure, Scores, Series
from regrowth.run import Run
from regrowth.seeds.taxonomy import Leaf

__all__ = ["MODES", "Marked", "agreement", "compared", "examination", "examined", "over_phases"]

SHORT = 5
MODES: Mapping[str, float] = {"greedy": 0.0, "T=1": 1.0}
GROUPS = ("knowledge", "foundational", "skill")


@dataclass(frozen=True)
class Marked:
    """Hold how one model did: per mode one mark in [0, 1] for each question, in their order."""

    of: Mapping[str, tuple[float, ...]]
    kinds: tuple[str, ...]
    """`knowledge`, `foundational` or `skill`, for each question."""

    def marks(self, mode: str, kind: str = "") -> list[float]:
        """Return the marks of one kind of questions; of all, if none is named."""
        return [mark for mark, own in zip(self.of[mode], self.kinds, strict=True) if kind in ("", own)]

    def mean(self, mode: str, kind: str = "") -> float:
        """Return the mean mark."""
        found = self.marks(mode, kind)
        return sum(found) / len(found)


def agreement(answer: str, target: str) -> float:
    """Return how far an answer says what is right: 1 or 0 for a short target, the F1 of the words for a longer one."""
    said, wanted = words(answer), words(target)
    if len(wanted) <= SHORT:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))


def examination(leaves: Iterable[Leaf]) -> list[Record]:
    """Return the seeds of leaves as questions: knowledge without its document, a grounded skill with its text."""
    return [
        Record.of(
            f"{one['context']}\n\n{one.prompt}"
            if one.attributes.get("context") and leaf.kind != "knowledge"
            else one.prompt,
            target=one.response,
            leaf=leaf.id,
            kind=leaf.kind,
        )
        for leaf in leaves
        for one in leaf.records()
    ]


async def examined(run: Run, model: Model, questions: Sequence[Record], *, name: str) -> Marked:
    """Ask every question once per mode and mark the answers."""
    marks = {}
    for mode, temperature in MODES.items():

        async def one(question: Record, temperature: float = temperature) -> float:
            longest = 64 if len(question.target.split()) <= SHORT else 256
            sampling = Sampling(temperature=temperature, max_tokens=longest)
            try:
                reply = await model.generate(question.messages, sampling, seed=question.seed("examination"))
            except CallFailed:  # too long for its context: it does not know
                return 0.0
            return agreement(reply.text, question.target)

        marks[mode] = tuple(await run.aeach(questions, one, name=f"{name}, {mode}"))
    asked = questions[: len(marks["greedy"])]
    return Marked(marks, tuple(str(question["kind"]) for question in asked))


def compared(arms: Mapping[str, Marked], *, result: str, baseline: str) -> Scores:
    """Return the table of all arms by kind of question and mode, the result against each."""
    kinds = [kind for kind in GROUPS if kind in arms[result].kinds]
    measured = [(kind, mode) for kind in kinds for mode in MODES]
    rows = tuple(
        Arm(
            name=name,
            role="result" if name == result else "baseline" if name == baseline else "control",
            estimates={f"{kind}, {mode}": share(one.marks(mode, kind)) for kind, mode in measured},
        )
        for name, one in arms.items()
    )
    gaps = tuple(
        Difference(
            measure=f"{kind}, {mode}",
            arm=result,
            against=name,
            estimate=paired_difference(arms[result].marks(mode, kind), one.marks(mode, kind)),
        )
        for name, one in arms.items()
        if name != result
        for kind, mode in measured
        if len(one.marks(mode, kind)) > 1
    )
    note = (
        "Questions without their documents. Short answers must be the same words; for longer ones the F1 of the words."
    )
    measures = tuple(Measure(name=f"{kind}, {mode}") for kind, mode in measured)
    return Scores(title="What the student knows", measures=measures, arms=rows, differences=gaps, note=note)


def share(marks: Sequence[float]) -> Estimate:
    """Estimate a mean mark; one question alone has no interval but the whole."""
    if len(marks) < 2:
        return Estimate(marks[0], 0.0, 1.0, 1)
    found = mean(marks)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.n)


def over_phases(phases: Mapping[str, Marked], mode: str = "T=1") -> Curves:
    """Return what was known after each phase, by kind of question: where it falls, something was forgotten."""
    places, kinds = tuple(range(len(phases))), dict.fromkeys(kind for one in phases.values() for kind in one.kinds)
    series = tuple(
        Series(name=kind, x=places, y=tuple(one.mean(mode, kind) for one in phases.values())) for kind in kinds
    )
    note = "0 is the start; then after " + ", ".join(name for name in phases if name != "base") + "."
    return Curves(
        title=f"What is known after each phase, {mode}", x="phase", y="mark", unit="share", series=series, note=note
    )
