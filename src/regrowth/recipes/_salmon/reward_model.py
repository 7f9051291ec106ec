"""The reward model that reads principles: how a reply is shown to it, and what it has learnt.

What it is shown, principles first (in a causal network every token of the reply can then attend to them):
    user        "Be kind. Be long.\\nTom has 3 pens and buys 4. How many pens?"
    reply       "Gladly. 7."

Departs from the authors' code, which shows the answer first, then the instruction, then the principles
(`order="last"` shows the prompt, the reply and then the principles).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate, Model
from regrowth.core.record import Message, Messages, Record
from regrowth.gates.pairwise import Style
from regrowth.gates.prompt_files import load
from regrowth.metrics.agreement import correlation
from regrowth.metrics.intervals import clustered_mean
from regrowth.models.model import RememberedModel
from regrowth.recipes._salmon.draws import Draw, drawn, ids, novel, opposite, said
from regrowth.recipes._salmon.preferences import Scales, verdict
from regrowth.run import Run
from regrowth.seeds.principles import Principle
from regrowth.training.settings import TrainingSettings

__all__ = ["Exam", "Format", "Order", "Question", "conditioned", "examined", "learn", "questions", "trusted"]

Order: TypeAlias = Literal["first", "last", "none"]
"""Where the principles stand; `none` leaves them out: the control."""

FEWEST = 4
"""Questions of a kind below which nothing is said about it."""


@dataclass(frozen=True, slots=True)
class Format:
    """Say how principles are told to a reward model."""

    known: Mapping[str, Principle]
    style: Style = "full"
    order: Order = "first"

    def shown(self, messages: Messages, reply: str, draw: Draw) -> tuple[tuple[Message, ...], str]:
        """Return the conversation and the reply as the reward model sees them."""
        words = said(draw, self.known)
        told = " ".join(words) if self.style == "brief" else "\n".join(f"- {one}" for one in words)
        if self.order == "last":
            return tuple(messages), f"{reply}\n{told}"
        if self.order == "none" or not words:
            return tuple(messages), reply
        head = messages[0]
        text = load(f"salmon/{self.style}", "regrowth.recipes").render(principles=told, prompt=head.content)
        return (Message(head.role, text), *messages[1:]), reply

    async def score(self, model: Model, messages: Messages, reply: str, draw: Draw) -> float:
        """Ask a reward model how well a reply fits the principles of a draw."""
        return (await model.score(*self.shown(messages, reply, draw))).reward


def conditioned(preferences: Iterable[Record], form: Format) -> Iterator[Record]:
    """Yield preferences as the reward model is trained on them."""
    for one in preferences:
        draw = tuple(one["principles"])
        messages, better = form.shown(one.messages, one.response, draw)
        worse = form.shown(one.messages, one.rejected, draw)[1]
        yield one.derive(messages=messages, response=better, rejected=worse)


async def learn(
    run: Run,
    start: RememberedModel,
    preferences: Dataset,
    form: Format,
    how: TrainingSettings,
    *,
    name: str = "reward-model",
) -> RememberedModel:
    """Train a reward model on preferences, with the principles in their messages."""
    from regrowth.training.objectives import bradley_terry  # torch, on first use

    lesson = run.write(f"{name}-lesson", conditioned(preferences, form))
    return await run.afit(start, lesson, how, name=name, objective=bradley_terry(centring=0.01, margin=True))


# The exam: held-out pairs under principles whose answer is known -----------------------------------------------------


class Question(NamedTuple):
    """Ask which reply of a held-out pair fits a draw better."""

    kind: str
    pair: Record
    draw: Draw
    truth: float
    """By how much the first reply does, in the judgements' own terms; never 0."""


@dataclass(frozen=True)
class Exam:
    """Hold how a reward model does on held-out pairs."""

    accuracy: Mapping[str, Estimate]
    """Share of questions answered right, by kind."""
    principles: Mapping[str, Estimate]
    """The same by principle, single ones, both ways round."""
    flips: Mapping[str, Estimate]
    """Share of questions whose answer is reversed when every principle is turned round, by kind; `single`: positive."""
    turned: Mapping[str, Estimate]
    """The same by principle, single ones."""
    mirror: Estimate | None
    """Correlation of the reward gap under a single principle with that under its opposite: -1 is best."""
    asked: Mapping[str, int] = field(default_factory=dict)

    @property
    def overall(self) -> Estimate | None:
        """Return the accuracy on the principles that were trained, singly and combined; nothing of too few pairs."""
        return self.accuracy.get("all")


def questions(
    pairs: Sequence[Record],
    principles: Sequence[Principle],
    spread: Scales,
    *,
    most: int,
    extra: Sequence[Principle] = (),
) -> list[Question]:
    """Return the questions of the exam, without those whose replies fit alike.

    Args:
        extra: principles that training never saw, asked by themselves.
    """
    found: list[tuple[str, Record, Draw]] = []
    for pair in pairs:
        rng = Random(pair.seed("exam"))
        for one in principles:
            found += [("single", pair, (one.id,)), ("negated", pair, (f"-{one.id}",))]
        for one in extra:
            found += [("unseen principle", pair, (name,)) for name in (one.id, f"-{one.id}")]
        several = [drawn(rng, principles, most=most) for _ in range(2)]
        found += [("combination", pair, draw) for draw in several if len(draw) > 1]
        found += [("unseen combination", pair, draw) for _ in range(2) if (draw := novel(rng, principles, most=most))]
    asked = (Question(kind, pair, draw, verdict(spread.judged(pair, draw))) for kind, pair, draw in found)
    return [one for one in asked if one.truth]


def trusted(exam: Exam) -> Exam:
    """Return an exam that was passed.

    Raises:
        DataError: the reward model does no better than chance.
    """
    found = exam.overall
    if found is None:
        raise DataError("Fewer than four held-out pairs tell anything about the reward model. Give more pairs.")
    if found.low > 0.5:
        return exam
    raise DataError(
        f"The reward model is right on {found.value:.1%} [{found.low:.1%}, {found.high:.1%}] of the questions about "
        f"{found.n} held-out pairs; chance is 50 %. No policy is trained on that. Give it more pairs or steps, or "
        "principles that its model can tell apart."
    )


async def examined(run: Run, model: Model, asked: Sequence[Question], form: Format, *, name: str) -> Exam:
    """Ask a reward model every question, and every one turned round."""

    async def gaps(one: Question) -> tuple[float, float]:
        there, back = one.draw, opposite(one.draw)
        return await _gap(model, one.pair, there, form), await _gap(model, one.pair, back, form)

    found = await run.aeach(asked, gaps, name=name) if asked else []
    answers = list(zip(asked, found, strict=False))  # a preview answers fewer
    kinds = {kind: [a for a in answers if a[0].kind == kind] for kind in dict.fromkeys(one.kind for one, _ in answers)}
    trained = [a for kind, of in kinds.items() if kind != "unseen principle" for a in of]
    alone = [a for a in answers if len(a[0].draw) == 1]
    names = dict.fromkeys(one.draw[0].removeprefix("-") for one, _ in alone)
    by_name = {name: [a for a in alone if name in ids(a[0].draw)] for name in names}
    return Exam(
        accuracy=_shares({"all": trained} | kinds, _right),
        principles=_shares(by_name, _right),
        flips=_shares({kind: of for kind, of in kinds.items() if kind != "negated"}, _turned),
        turned=_shares(by_name, _turned),
        mirror=_mirror([gap for _, gap in kinds.get("single", [])]),
        asked=Counter(one.kind for one in asked),
    )


Answered: TypeAlias = tuple[Question, tuple[float, float]]


async def _gap(model: Model, pair: Record, draw: Draw, form: Format) -> float:
    first = await form.score(model, pair.messages, pair.response, draw)
    return first - await form.score(model, pair.messages, pair.rejected, draw)


def _right(answer: Answered) -> float:
    question, (gap, _) = answer
    return 0.5 if gap == 0 else float(question.truth * gap > 0)


def _turned(answer: Answered) -> float:
    _, (gap, back) = answer
    return float(gap * back < 0)


def _shares(parts: Mapping[str, Sequence[Answered]], score: Callable[[Answered], float]) -> dict[str, Estimate]:
    """Return shares with intervals in which all questions about one pair count as one observation."""
    return {
        name: clustered_mean(map(score, answers), [one.pair.id for one, _ in answers])
        for name, answers in parts.items()
        if len({one.pair.id for one, _ in answers}) >= FEWEST
    }


def _mirror(found: Sequence[tuple[float, float]]) -> Estimate | None:
    gaps, backs = [gap for gap, _ in found], [back for _, back in found]
    if len(found) < FEWEST or len(set(gaps)) == 1 or len(set(backs)) == 1:
        return None
    return correlation(gaps, backs)
