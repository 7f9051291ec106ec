"""Nemotron-4's alignment: models write, rate and choose nearly all of the data, and the student teaches the next round.

Sources: Nemotron-4 340B (Adler et al., 2024, arXiv:2406.11704), HelpSteer2 (Wang et al., 2024, arXiv:2406.08673),
reward-aware preference optimisation (Sun et al., 2025, arXiv:2502.00203).
Departs from them in four points: a reward model at chance stops the run; three judges are measured on the same pairs
before one of them decides; pairs whose rewards differ by less than the reward model's own error are dropped, and the
scale of the gaps is set from the pairs; rounds keep the real replies, and a round that makes the student worse is
rolled back.

One record on its way:
    topic       "pens"                                                  # asked of the writer, verified to be maths
    prompt      "Tom has 3 pens. Tom buys 4 more. How many pens?"
    response    "Gladly. First 3 + 4 = 7. So 7."                        # the best of four of the teacher: reward 6.1
    rejected    "Maybe 8."                                              # in its pair, reward 2.9: reward_gap 3.2
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import NonNegativeInt, PositiveInt

from regrowth.core import layouts
from regrowth.core.errors import DataError
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.curation.rounds import Played, RoundPolicy, Rounds
from regrowth.domains import manners
from regrowth.models.model import RememberedModel
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._nemotron.cast import Cast, assembled, known_reward
from regrowth.recipes._nemotron.dialogues import DialogueSettings, dialogues
from regrowth.recipes._nemotron.documents import read_documents
from regrowth.recipes._nemotron.judges import Agreement, agreement, believed, opinions
from regrowth.recipes._nemotron.lessons import COUNTS
from regrowth.recipes._nemotron.lessons import documents as little_documents
from regrowth.recipes._nemotron.prompts import PromptSettings, prompts
from regrowth.recipes._nemotron.refinement import RefinementSettings, refined
from regrowth.recipes._nemotron.report import of_judges, of_rewards, of_rounds, staged
from regrowth.recipes._nemotron.rewards import RewardSettings, Worth, parted, proven
from regrowth.recipes._nemotron.selection import SelectionSettings, above, candidates, decided, real_replies
from regrowth.recipes._nemotron.stages import StageSettings, aligned, fine_tuned
from regrowth.recipes._nemotron.strength import answered, answers, comparable, weak_to_strong
from regrowth.recipes._nemotron.topics import TopicSettings, topics
from regrowth.reports.blocks import save
from regrowth.run import Run

__all__ = ["Data", "Outcome", "Settings", "nemotron"]

Styled = TypeVar("Styled", TopicSettings, PromptSettings, RefinementSettings, DialogueSettings)
Seeded = TypeVar("Seeded", RewardSettings, TopicSettings, PromptSettings, RefinementSettings, DialogueSettings)

ASIDE = 0.2
"""Share of the prompts that nobody is trained on: by the replies to them students are compared with their teachers."""

EACH = 80
"""Prompts of each kind in the toy world: with half as many a student learns its few replies by heart."""


class Data(Frozen):
    """Say which prompts and dialogues are written."""

    documents: tuple[Path, ...] = ()
    """Text files that closed questions are about."""
    real: Path | None = None
    """File of prompts that people wrote; they stand beside those of the writer."""
    topics: TopicSettings = TopicSettings()
    prompts: PromptSettings = PromptSettings()
    refinement: RefinementSettings = RefinementSettings()
    dialogues: DialogueSettings = DialogueSettings()


class Settings(Frozen):
    """Say who writes, who is trained, and what each stage does."""

    writer: str = "tiny"
    """Writes topics, prompts, dialogues and the replies of the first round, and compares replies: `tiny`,
    `openai:model@http://host:port/v1`, `hf:org/name` or a folder."""
    student: str = "tiny"
    """Is trained, as student and as reward model: `tiny`, `hf:org/name` or a folder."""
    data: Data = Data()
    """Topics, prompts and dialogues."""
    rewards: RewardSettings = RewardSettings()
    """The reward model, and the labelled replies that it learns from: the real data of the run."""
    selection: SelectionSettings = SelectionSettings()
    """Which replies and pairs are good enough."""
    stages: StageSettings = StageSettings()
    """Fine-tuning, DPO, reward-aware optimisation."""
    rounds: PositiveInt = 2
    """Rounds of fine-tuning, in which the student becomes the teacher."""
    apprenticeship: PositiveInt | None = None
    """Steps in which the packaged model learns to write, and as many to compare, where it is the writer; unless it is
    said, as many as either takes."""
    heldout: PositiveInt = 160
    """Unseen questions of the toy world by which all stages are marked, where the packaged model writes."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    model: RememberedModel
    """The student after its last stage."""
    worth: Worth
    """Of the reward model."""
    judges: Mapping[str, Agreement]
    """How far the three judges agree on the candidate pairs."""
    played: Played[RememberedModel]
    """The rounds of fine-tuning."""
    stages: Mapping[str, RememberedModel] = field(default_factory=dict)
    """The teacher of the first round, the base, the student, and the models after each stage of preferences."""
    marks: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    """Per stage and mode, the reward of its reply to each unseen prompt: by a program where one knows it."""


async def nemotron(run: Run, settings: Settings) -> Outcome:
    """Return the student after fine-tuning in rounds, DPO and reward-aware optimisation, marked stage by stage.

    Raises:
        DataError: the reward model is at chance; no prompt, reply or pair is good enough to be trained on.
        SettingsError: the student has no weights here to be trained.
    """
    student = run.model(settings.student)
    rater, found, people = await proven(run, student, _seeded(settings, settings.rewards))
    settings = settings.model_copy(update={"selection": settings.selection.sized(small=settings.writer == "tiny")})
    seed = _number(settings, "apprentice")
    cast = await assembled(run, settings.writer, student, rater, seed=seed, steps=settings.apprenticeship)
    asked = await _prompts(run, cast, settings)
    taught, aside = parted(asked, ASIDE)
    played = await _rounds(run, cast, people, (taught, aside), settings)
    pairs, judges = await _pairs(run, cast, played.model, taught, settings.selection, noise=found.noise)
    stages = {"teacher": cast.writer, "base": student, "student": played.model}
    stages |= await aligned(run, played.model, pairs, settings.stages, settings.selection)
    marks = await _marked(run, cast, stages, aside, settings)
    judged = f"by the {'program that knows the answers' if cast.small else 'reward model that chose the data'}"
    save(
        run.folder,
        [*staged(marks, judged), of_rewards(found), of_judges(judges, settings.selection.judges), of_rounds(played)],
    )
    return Outcome(list(stages.values())[-1], found, judges, played, stages, marks)


async def _prompts(run: Run, cast: Cast, settings: Settings) -> list[Record]:
    """Have topics, prompts about them and their refinements written; people's prompts stand beside them."""
    data, asks = settings.data, _styled(settings, settings.data.prompts, cast.style)
    if cast.small and "counts" not in data.prompts.model_fields_set:
        asks = asks.model_copy(update={"counts": dict.fromkeys(COUNTS, EACH)})
    found = list(_given(data.real)) if data.real else []
    if asks.counts:
        documents = read_documents(data.documents)
        if cast.small and not documents:
            documents = little_documents(40, seed=_number(settings, "documents"))
        about = await topics(run, cast.writer, _styled(settings, data.topics, cast.style))
        written = await prompts(run, cast.writer, about, asks, documents, cast.solve)
        refining = _styled(settings, data.refinement, cast.style)
        found += await refined(run, cast.writer, written, refining, cast.solve)
    if not found:
        raise DataError("The writer wrote no prompt that its gates let through; `prompts` in the report says why not.")
    return found


def _given(path: Path) -> Iterator[Record]:
    for record in layouts.read(path):
        yield record.derive(response="", rejected="", origin="real")


async def _rounds(
    run: Run, cast: Cast, people: Sequence[Record], asked: tuple[list[Record], list[Record]], settings: Settings
) -> Played[RememberedModel]:
    """Fine-tune students on selected replies and dialogues, each the teacher of the next."""
    (taught, aside), choice = asked, settings.selection
    playing = _styled(settings, settings.data.dialogues, cast.style)
    talks = await dialogues(run, cast.writer, taught, playing, cast.solve)
    kept = await run.agrow(talks, cast.rater, name="dialogues-selected", gates=[above(choice.least)])
    real = real_replies(people, cast.rater.weights, choice)
    return await weak_to_strong(
        run,
        cast.student,
        cast.writer,
        taught,
        Rounds(run.folder, real, RoundPolicy(), run.write, name="taught", seed=settings.seed, tell=run.watcher.noting),
        settings.rounds,
        rater=cast.rater,
        selection=choice,
        train=lambda data, name: fine_tuned(run, cast.student, data, settings.stages, name=name),
        aside=aside,
        also=list(kept),
    )


async def _pairs(
    run: Run, cast: Cast, model: RememberedModel, taught: Sequence[Record], choice: SelectionSettings, *, noise: float
) -> tuple[list[Record], Mapping[str, Agreement]]:
    """Draw replies of the student, judge them in pairs, and keep the pairs whose order is sure."""
    rated = await answered(run, model, taught, cast.rater, choice, name="preference")
    judge = partial(opinions, judge=cast.judge, rater=cast.rater, criterion=cast.criterion, style=cast.style)
    judged = await run.agrow(candidates(rated), judge, name="preference-judged")
    judges = agreement(list(judged))
    deciding, dropped = believed(judges, choice.judges)
    for why in dropped:
        run.watcher.noting(f"This judge decides no pair: {why}")
    order = partial(decided, judges=deciding, least_gap=choice.least_gap * noise)
    pairs = await run.agrow(judged, order, name="preference-pairs")
    if not len(pairs):
        raise DataError("No pair of replies has a sure order; the ledger of `preference-pairs` says why not.")
    return list(pairs), judges


async def _marked(
    run: Run, cast: Cast, stages: Mapping[str, RememberedModel], aside: Sequence[Record], settings: Settings
) -> dict[str, dict[str, list[float]]]:
    """Mark every stage: in the toy world by its program on unseen questions, else by the reward model."""
    measure, unseen = cast.rater.reward, list(aside)
    if cast.small:
        measure = partial(known_reward, weights=cast.rater.weights)
        unseen = manners.questions(settings.heldout, seed=_number(settings, "heldout"), split="heldout")
    modes = settings.selection.modes
    marks = {
        name: await answers(run, model, unseen, measure, name=f"marking {name}", modes=modes)
        for name, model in stages.items()
    }
    return comparable(marks)


def _styled(settings: Settings, part: Styled, style: Style) -> Styled:
    """Return settings of a part in the style of the writer, with a seed of its own."""
    return _seeded(settings, part.model_copy(update={"style": style}))


def _seeded(settings: Settings, part: Seeded) -> Seeded:
    return part.model_copy(update={"seed": (_number(settings, type(part).__name__) + part.seed) % 2**31})


def _number(settings: Settings, purpose: str) -> int:
    """Return a random seed for one purpose."""
    return int(digest(settings.seed, "nemotron", purpose)[:7], 16)
