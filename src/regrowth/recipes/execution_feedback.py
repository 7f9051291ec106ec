"""Execution feedback: a model writes programs and tests, both are run, what fails is mended, and the dialogue teaches.

Source: Llama 3.1 (Dubey et al., 2024, arXiv:2407.21783, §4.3.1); problems after real snippets as in OSS-Instruct (Wei
et al., 2023, arXiv:2312.02120); agreement as in CodeT (Chen et al., 2022, arXiv:2207.10397).
Departs from them in four points: tests count only if they notice bugs, and are frozen before anything is mended (the
paper lets the model change its own tests); code and tests judge each other over several of each; problems that few
solutions master get more rounds of repair and are told apart in the report, instead of vanishing; nothing runs without
isolation, whose tier is in every record.

One record on its way:
    messages    (user: "Write f(x). …", assistant: the wrong program, user: "Fix it.\\nf([6, 9]) gave 9, expected 15")
    response    "def f(x):\\n    return sum(n for n in x if n > 5)"
    attributes  {"function": "f", "checks": ["assert f([6, 9]) == 15", …], "pass_rate": 0.25, "blamed": "code",
                 "attempts": 2, "repaired": true, …}
    scores      {"mutation": 0.92, "coverage": 1.0, "asserts": 5, "agreement": 0.5, "passed": 1, "isolation": 2}
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.core.flow import Budget
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.domains import Split, verifier
from regrowth.domains import problems as generated
from regrowth.models.model import RememberedModel
from regrowth.recipes._code.agreement import SuiteSettings
from regrowth.recipes._code.arms import accepted, mixes, precision
from regrowth.recipes._code.drafts import How, dialogue, draft, naive, sound, turn
from regrowth.recipes._code.problems import given, inspired, novel, posed, snippets, uncontaminated
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._code.repair import passing
from regrowth.recipes._code.yields import Yield, by_difficulty, yields
from regrowth.recipes.evaluation import Marks, compared, evaluate, losses
from regrowth.recipes.rejection_sampling import worked
from regrowth.reports.blocks import Block, Facts, save
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = ["Lesson", "Outcome", "Settings", "SuiteSettings", "execution_feedback"]

DOMAIN = "code"
"""The generated domain, whose problems come with tests that no model sees."""
RESULT = "execution feedback"
TOKENS = 2048
"""Tokens of a training step."""


class Lesson(Frozen):
    """Say how the model is trained on its dialogues, and beside what."""

    data: Path | None = None
    """File of real records, kept whole in every mix; nothing takes worked examples of the generated domain."""
    real: PositiveInt = 320
    """Worked examples, where no file is named."""
    steps: PositiveInt = 120
    """Training steps, the same for every arm."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak; it falls to a tenth along a cosine."""
    heldout: PositiveInt = 400
    """Generated problems for the evaluation, disjoint from all others by construction."""
    controls: bool = True
    """Whether to train the controls: unverified, no repair, no test-quality gate; equal steps, equal rows."""


def _lesson(value: object) -> object:
    return {} if value is True else value or None


class Settings(Frozen):
    """Say what is to be solved, by whom, how often, and what tests must do to count."""

    model: str = "tiny"
    """Writes problems, solutions, tests and repairs: `tiny`, `openai:model@http://host:port/v1`, `hf:org/name` …"""
    snippets: Path | None = None
    """Real code that problems are invented after: a folder of .py files, one of them, JSONL or Parquet."""
    tasks: Path | None = None
    """File of problems, instead; each names its function. Neither: problems of the generated domain."""
    benchmarks: tuple[Path, ...] = ()
    """Files that will be measured on: a problem that shares eight words in a row with one is refused."""
    problems: PositiveInt = 256
    """Problems, at most, before doubles are refused."""
    solutions: PositiveInt = 4
    """Programs per problem, drawn at temperature 1."""
    suites: SuiteSettings = SuiteSettings()
    """Test suites per problem, and what they must do to count."""
    repairs: NonNegativeInt = 2
    """Rounds of repair for a program that fails; twice as many where less than half of a problem's programs pass."""
    prompts: Style | None = None
    """`full` for models that understand instructions, `brief` for small ones that learnt these lines only; unless it is
    said, `brief` for `tiny` and `full` for all others."""
    train: Annotated[Lesson | None, BeforeValidator(_lesson)] = None
    """Whether, and how, the model is trained on what was kept: `true`, or settings of the lesson."""
    tokens: PositiveInt | None = None
    """Budget of tokens for the repairs; the hardest problems come first."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    data: Dataset
    """The dialogues that end in a program that passes."""
    yields: Sequence[Yield]
    """What became of the drafts, by difficulty."""
    model: RememberedModel | None = None
    """Trained on the dialogues, if that was asked for."""
    marks: Mapping[str, Marks] = field(default_factory=dict)
    """Per arm, right or wrong on each held-out problem."""
    precision: Mapping[str, Estimate] = field(default_factory=dict)
    """Per arm, the share of right programs among those it accepted, where that is known."""


async def execution_feedback(run: Run, settings: Settings) -> Outcome:
    """Return the dialogues that end in a program that passes tests of measured quality; train on them if asked.

    Raises:
        NoIsolation: nothing here can isolate programs; none was run.
        SettingsError: settings that contradict each other.
    """
    writer, how = run.model(settings.model), _how(settings)
    problems = await posed_problems(run, writer, settings)
    drafts = await run.agrow(problems, partial(draft, how=how), writer, run.sandbox, name="drafts")
    # Sorted: if the budget ends, the easy problems go without a repair, not the hard ones.
    queue = sorted(drafts, key=turn)
    kept = await run.agrow(
        queue,
        partial(dialogue, how=how),
        writer,
        run.sandbox,
        name="dialogues",
        gates=[sound, passing],
        budget=Budget(tokens=settings.tokens),
        partial=True,
    )
    found = yields(drafts, kept)
    blocks: list[Block] = [by_difficulty(found), told(kept)]
    if settings.train is None or not len(kept):
        save(run.folder, blocks)
        return Outcome(kept, found)
    return await taught(run, writer, settings, settings.train, Outcome(kept, found), blocks)


def _how(settings: Settings) -> How:
    return How(style=_style(settings), solutions=settings.solutions, suites=settings.suites, repairs=settings.repairs)


# Problems -----------------------------------------------------------------------------------------------------------


async def posed_problems(run: Run, writer: RememberedModel, settings: Settings) -> Dataset:
    """Return the problems: each only once, and none from a benchmark.

    Raises:
        SettingsError: snippets and tasks are both named.
    """
    if settings.snippets is not None and settings.tasks is not None:
        raise SettingsError("snippets and tasks are both named: problems come from one of them. Leave one out.")
    style, count, rng = _style(settings), settings.problems, random.Random(_seed(settings, "source"))
    if settings.snippets is not None:
        source = list(snippets(settings.snippets))
        chosen = rng.sample(source, min(count, len(source)))
        raw = list(await run.agrow(chosen, partial(inspired, style=style), writer, name="inspired"))
    elif settings.tasks is not None:
        source = list(given(settings.tasks, style))
        raw = rng.sample(source, min(count, len(source)))
    else:
        raw = [posed(one, style) for one in generated([DOMAIN], count, seed=_seed(settings, "fresh"), split="train")]
    # Generated problems are different by construction, however alike their few words are.
    gates = [uncontaminated(settings.benchmarks), *([novel(raw)] if settings.snippets or settings.tasks else ())]
    return await run.agrow(raw, lambda problem: problem, name="problems", gates=gates)


# What was kept ------------------------------------------------------------------------------------------------------


def told(kept: Dataset) -> Facts:
    """Return the facts of the dialogues: how many corrected themselves, what was blamed, how good the tests are."""
    records = list(kept)
    repaired = sum(bool(one["repaired"]) for one in records)
    share = f"{repaired / len(records):.1%}" if records else "–"
    pairs = [
        ("dialogues kept", f"{len(records):,}"),
        ("self-corrected among them", f"{repaired:,} ({share})"),
        ("tests blamed by the vote", f"{sum(one['blamed'] == 'tests' for one in records):,} dialogues"),
        *((f"mean {name}", _mean(records, name)) for name in ("mutation", "coverage", "asserts", "agreement")),
        ("isolation tier", ", ".join(sorted({f"{one.scores['isolation']:.0f}" for one in records})) or "–"),
    ]
    return Facts(title="What was kept", pairs=tuple(pairs))


def _mean(records: Sequence[Record], name: str) -> str:
    values = [one.scores[name] for one in records if name in one.scores]
    return f"{sum(values) / len(values):.2f}" if values else "–"


# Training -----------------------------------------------------------------------------------------------------------


async def taught(
    run: Run, writer: RememberedModel, settings: Settings, lesson: Lesson, outcome: Outcome, blocks: list[Block]
) -> Outcome:
    """Train on the dialogues and, beside them, on what the controls accept; mark all on problems nobody saw."""
    kept = {RESULT: list(outcome.data)}
    if lesson.controls:
        kept |= await controls(run, writer, settings, outcome)
    real = list(layouts.read(lesson.data)) if lesson.data else list(worked(_problems(settings, lesson.real, "real")))
    arms = {"base": writer}
    own = mixes(kept, real, seed=_seed(settings, "mix"))
    for arm, mix in own.items():
        data = run.write(f"lesson-{arm.replace(' ', '-')}", mix)
        arms[arm] = await run.afit(writer, data, _training(settings, lesson), name=data.path.name)
    truth = verifier(run.sandbox)
    unseen = _problems(settings, lesson.heldout, "heldout")
    marks = {arm: await evaluate(run, model, unseen, truth, name=f"marking {arm}") for arm, model in arms.items()}
    right: dict[str, Estimate] = {}
    if not (settings.snippets or settings.tasks):
        right = await precision(run, kept, truth)
        blocks = [accepted(right, RESULT), *blocks]
    each = len(own[RESULT]) - len(real)
    counts = [(arm, f"{len(records):,} accepted, {each:,} trained on") for arm, records in kept.items()]
    blocks.append(Facts(title=f"Rows beside {len(real):,} real ones", pairs=tuple(counts)))
    shown = compared(marks, baseline="base", result=RESULT, title="Its own dialogues, beside the controls")
    curves = losses({arm: model.folder for arm, model in arms.items() if arm != "base"})
    save(run.folder, [*shown, *blocks, curves])
    return Outcome(outcome.data, outcome.yields, arms[RESULT], marks, right)


async def controls(run: Run, writer: RememberedModel, settings: Settings, outcome: Outcome) -> dict[str, list[Record]]:
    """Return what the controls accept: anything, only what was right at first, what passes its own tests."""
    drafts = list(run.dataset("drafts"))
    work = partial(naive, how=_how(settings))
    ungated = await run.agrow(drafts, work, writer, run.sandbox, name="ungated", gates=[passing])
    return {
        "unverified": drafts,
        "no repair": [one for one in outcome.data if not one["repaired"]],
        "no test-quality gate": list(ungated),
    }


def _problems(settings: Settings, count: int, purpose: str) -> list[Record]:
    split: Split = "heldout" if purpose == "heldout" else "train"
    drawn = generated([DOMAIN], count, seed=_seed(settings, purpose), split=split)
    return [posed(one, _style(settings)) for one in drawn]


def _training(settings: Settings, lesson: Lesson) -> TrainingSettings:
    return TrainingSettings(
        steps=lesson.steps,
        learning_rate=lesson.learning_rate,
        tokens_per_batch=TOKENS,
        schedule="cosine",
        seed=_seed(settings, "train") % 2**31,
    )


def _style(settings: Settings) -> Style:
    return settings.prompts or ("brief" if settings.model == "tiny" else "full")


def _seed(settings: Settings, *purpose: str | int) -> int:
    return int(digest(settings.seed, purpose)[:8], 16)
