"""Train the packaged tiny model from nothing, on problems that the project draws itself, and measure it.

    python scripts/train_tiny.py --scratch /tmp/tiny        # about twenty-five minutes on one core of its own

Every number that reaches the weights stands in this file; equal numbers on an equal machine give equal bytes.
The base is meant to be weak: it sees easy problems more often than hard ones, and one answer in seven holds a slip.
Interrupted, the same command goes on from the last checkpoint.
"""

import argparse
import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from pathlib import Path
from random import Random
from string import Template

import torch

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Backend, Estimate, Gate
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, problems, verified, verifier
from regrowth.domains.code.lessons import is_description, is_test_suite, to_describe, to_repair, to_test
from regrowth.domains.code.steps import mistakes, values, written
from regrowth.domains.code.tasks import hidden_inputs, pipeline_of
from regrowth.domains.reading import UNKNOWN
from regrowth.domains.tools import TOOLS
from regrowth.domains.transforms import LETTERS
from regrowth.domains.words import CITIES, DAYS, FOODS, NAMES, PETS, THINGS
from regrowth.metrics.intervals import proportion
from regrowth.models.torch import TorchBackend
from regrowth.recipes.evaluation import MODES
from regrowth.sandbox.ladder import sandbox
from regrowth.training.journal import TrainingLog
from regrowth.training.loop import train
from regrowth.training.objectives import sft
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import Weights, load, save
from regrowth.weights.network import Llama, LlamaShape, new_llama

HOME = Path(__file__).parents[1] / "src" / "regrowth" / "models" / "tiny_weights"
CARD = Path(__file__).with_name("tiny_card.md")

VOCABULARY = 640
PLAIN = [name for name, domain in DOMAINS.items() if not domain.runs_code]
SHAPE = LlamaShape(vocabulary=VOCABULARY, width=160, layers=4, heads=4, kv_heads=2, hidden=448, context=256)
BY_DIFFICULTY = {1: 1.0, 2: 0.8, 3: 0.5, 4: 0.35}
BY_DOMAIN = {"arithmetic": 1.0, "transforms": 1.0, "tool_calls": 0.5, "reading": 0.6}
"""Part of the problems drawn that is trained on: more of what is easy, and of what takes long to learn."""
SLIPS = 0.15
"""Share of the worked answers with one wrong number or word: a teacher who is careless, as real ones are."""
ALIKE: tuple[tuple[str, ...], ...] = (
    NAMES,
    DAYS,
    THINGS,
    tuple(TOOLS),
    tuple(LETTERS),
    (UNKNOWN, *CITIES, *PETS, *FOODS),
)
"""Words that are taken for one another."""
SEEDS = {"codec": 1, "network": 2, "evaluation": 11}
PER_STRATUM = 100
"""Held-out problems per domain and difficulty."""


@dataclass(frozen=True, slots=True)
class Term:
    """Hold one of the four parts of the training."""

    name: str
    settings: TrainingSettings
    problems: int
    """Drawn from the domains that run no code, before `BY_DIFFICULTY` and `BY_DOMAIN`."""
    programs: Mapping[str, int]
    """Lessons about programs, by kind."""
    by_difficulty: Mapping[int, float]
    """Shares of these lessons."""
    seeds: tuple[int, int]
    """Of the problems and of the programs."""


SETTINGS = TrainingSettings(steps=2750, tokens_per_batch=1650, learning_rate=2e-3, warmup=30, seed=4, threads=1)
FIRST = Term(
    name="first",
    settings=SETTINGS,
    problems=80_000,
    programs={"solve": 7000, "tests": 6000, "repair": 7000, "describe": 4000},
    by_difficulty={1: 0.25, 2: 0.28, 3: 0.25, 4: 0.22},
    seeds=(3, 6),
)
SECOND = Term(
    name="second",
    settings=SETTINGS.model_copy(update={"steps": 700, "schedule": "cosine", "seed": 8}),
    problems=18_000,
    programs={"solve": 500, "tests": 4500, "repair": 3000, "describe": 1200},
    by_difficulty={1: 0.45, 2: 0.30, 3: 0.15, 4: 0.10},
    seeds=(9, 10),
)
"""Ends with small steps, and repeats what is learnt last: values of calls, and repairs."""
THIRD = Term(
    name="third",
    settings=SECOND.settings.model_copy(update={"seed": 11}),
    problems=18_000,
    programs={"solve": 500, "settled tests": 5000, "settled repair": 3000, "describe": 800},
    by_difficulty={1: 0.45, 2: 0.30, 3: 0.15, 4: 0.10},
    seeds=(12, 13),
)
"""The same with inputs that are always the same: what to test is then no question, only what comes out."""
FOURTH = Term(
    name="fourth",
    settings=SECOND.settings.model_copy(update={"steps": 850, "seed": 14}),
    problems=15_000,
    programs={"solve": 500, "settled tests": 9000, "settled repair": 3000, "describe": 800},
    by_difficulty={1: 0.50, 2: 0.30, 3: 0.10, 4: 0.10},
    seeds=(15, 16),
)
TERMS = (FIRST, SECOND, THIRD, FOURTH)


def main() -> None:
    """Train, pack, measure, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=HOME, help="folder of the packaged weights")
    parser.add_argument("--scratch", type=Path, required=True, help="folder for checkpoints; kept, so reruns resume")
    arguments = parser.parse_args()
    torch.set_num_threads(SETTINGS.threads)
    untrained(arguments.scratch / "untrained")
    weights = load(arguments.scratch / "untrained")
    studied = [study(weights, term, arguments.scratch / term.name) for term in TERMS]
    lineage = {"script": "scripts/train_tiny.py", "data": digest([data for data, _ in studied])}
    save(weights.network, weights.codec, arguments.out, lineage=lineage, half=True)
    asked = list(questions())
    marks = asyncio.run(measured(TorchBackend(arguments.out), asked))
    facts = {
        "parameters": f"{sum(weight.numel() for weight in weights.network.parameters()):,}",
        "bytes": f"{(arguments.out / 'model.safetensors').stat().st_size:,}",
        "records": f"{sum(log.records for _, log in studied):,}",
        "tokens": f"{sum(log.tokens for _, log in studied):,}",
        "loss": f"{sum(studied[-1][1].losses[-20:]) / 20:.3f}",
        "minutes": f"{sum(minutes(arguments.scratch / term.name) for term in TERMS):.0f}",
        "digest": load(arguments.out).digest,
        "scores": table(asked, marks),
        "cores": cores(asked),
    }
    (arguments.out / "README.md").write_text(card(facts), encoding="utf-8")


def study(weights: Weights, term: Term, scratch: Path) -> tuple[str, TrainingLog]:
    """Train for one term; return what names its lessons, and the log."""
    lessons = list(textbook(term))
    data = digest([lesson.id for lesson in lessons])
    log = train(
        weights,
        lessons,
        sft,
        term.settings,
        out=scratch / "trained",
        scratch=scratch,
        lineage={"data": data},
        on_step=lambda step, facts: print(term.name, step, round(facts["loss"], 3)) if step % 50 == 0 else None,
    )
    return data, log


def untrained(folder: Path) -> None:
    """Write the network before its first step, with its tokenizer."""
    drawn = problems(PLAIN, 3200, seed=SEEDS["codec"], split="train")
    texts = [text for record in drawn for text in (record.prompt, record.target)]
    for lesson in programs(dict.fromkeys(FIRST.programs, 400), FIRST.by_difficulty, SEEDS["codec"]):
        texts += [*(content for _, content in lesson.messages), lesson.response]
    codec = train_codec(texts, VOCABULARY)
    network = new_llama(SHAPE, codec, SEEDS["network"])
    widen(network)
    save(network, codec, folder, lineage={})


@torch.no_grad()
def widen(network: Llama) -> None:
    """Scale the first weights to a deviation of one over the root of the width.

    At 0.02, which suits widths near 2,500, attention stays flat for the first several hundred steps.
    """
    for weight in network.parameters():
        if weight.ndim > 1:
            weight.mul_(SHAPE.width**-0.5 / 0.02)


def textbook(term: Term) -> Iterator[Record]:
    """Yield problems of the training split with answers, easy ones more often; some answers hold a slip."""
    first, second = term.seeds
    rng = Random(first)
    for problem in problems(PLAIN, term.problems, seed=first, split="train"):
        if rng.random() < BY_DIFFICULTY[problem["difficulty"]] * BY_DOMAIN[problem["domain"]]:
            yield problem.derive(response=slip(problem, rng) if rng.random() < SLIPS else problem.target)
    yield from programs(term.programs, term.by_difficulty, second)


def programs(counts: Mapping[str, int], by_difficulty: Mapping[int, float], seed: int) -> Iterator[Record]:
    """Yield lessons about small functions of the training split."""
    rng = Random(seed)
    for lesson, count in counts.items():
        for difficulty in rng.choices([*by_difficulty], [*by_difficulty.values()], k=count):
            yield LESSONS[lesson](DOMAINS["code"].problem(rng.getrandbits(48), difficulty, "train"), rng)


def solved(problem: Record, rng: Random) -> Record:
    """Return the lesson of writing a program: now and then one that is a small mistake away from the right one."""
    pipeline = pipeline_of(problem)
    if rng.random() >= SLIPS:
        return problem.derive(response=problem.target)
    given = hidden_inputs(pipeline)
    wrong = [other for other in mistakes(pipeline) if values(other, given) != values(pipeline, given)]
    return problem.derive(response=written(rng.choice(wrong)))


LESSONS: dict[str, Callable[[Record, Random], Record]] = {
    "solve": solved,
    "tests": partial(to_test, settled=False),
    "repair": partial(to_repair, settled=False),
    "settled tests": to_test,
    "settled repair": to_repair,
    "describe": lambda problem, _: to_describe(problem),
}


def slip(problem: Record, rng: Random) -> str:
    """Return the worked answer with one number or word changed, so that it is wrong."""
    parts = re.split(r"([0-9]+|[a-zA-Z]+)", problem.target)
    places = [place for place, part in enumerate(parts) if part.isdigit() or any(part in words for words in ALIKE)]
    while True:
        place = rng.choice(places)
        answer = "".join((*parts[:place], mistaken(parts[place], rng), *parts[place + 1 :]))
        try:
            verified(problem.derive(response=answer))
        except Rejected:
            return answer


def mistaken(part: str, rng: Random) -> str:
    """Return a number near a number, or a word like a word."""
    if part.isdigit():
        return str(abs(int(part) + rng.choice((-10, -2, -1, 1, 2, 10))))
    return rng.choice([other for words in ALIKE if part in words for other in words])


@dataclass(frozen=True, slots=True)
class Question:
    """Hold what a model is asked, and how its answer is judged."""

    group: str
    """The domain, or the further lesson about programs."""
    record: Record
    is_right: Callable[[Record], Awaitable[bool]]


def questions() -> Iterator[Question]:
    """Yield held-out problems of every domain, and the further lessons about those of `code`."""
    gate = verifier(sandbox())
    plain = problems(PLAIN, PER_STRATUM * 16, seed=SEEDS["evaluation"], split="heldout")
    programs = list(problems(["code"], PER_STRATUM * 4, seed=SEEDS["evaluation"], split="heldout"))
    for problem in (*plain, *programs):
        yield Question(problem["domain"], problem, partial(passes, gate))
    rng = Random(SEEDS["evaluation"])
    for name, lesson in {"tests": to_test, "repair": to_repair, "describe": LESSONS["describe"]}.items():
        for problem in programs:
            yield Question(f"code, {name}", lesson(problem, rng), JUDGES.get(name, partial(passes, gate)))


async def passes(gate: Gate, answered: Record) -> bool:
    """Return whether a program finds an answer right."""
    try:
        found = gate(answered)
        if isawaitable(found):
            await found
    except Rejected:
        return False
    return True


async def _tests_well(answered: Record) -> bool:
    return is_test_suite(answered, answered.response)


async def _describes_well(answered: Record) -> bool:
    return is_description(answered, answered.response)


JUDGES = {"tests": _tests_well, "describe": _describes_well}


async def measured(backend: Backend, asked: Sequence[Question]) -> dict[str, list[bool]]:
    """Put every question once per mode; return per mode which answers are right."""
    marks = {}
    for mode, sampling in MODES.items():
        records = [question.record for question in asked]
        calls = (backend.answer(record.messages, sampling, [record.seed("evaluation")]) for record in records)
        answers = [backend.read(answer.raw)[0].text for answer in await asyncio.gather(*calls)]
        pairs = zip(asked, answers, strict=True)
        marks[mode] = [await question.is_right(question.record.derive(response=text)) for question, text in pairs]
    await backend.close()
    return marks


def minutes(scratch: Path) -> float:
    """Return how long the training took by the clock, interruptions not counted."""
    steps = map(json.loads, (scratch / "metrics.jsonl").read_text("utf-8").splitlines())
    return float(sum(step["tokens"] / step["tokens_per_second"] for step in steps)) / 60


def table(asked: Sequence[Question], marks: Mapping[str, Sequence[bool]]) -> str:
    """Return the scores as a Markdown table: a line per group and difficulty, per group, and over all domains."""
    lines = ["| domain | difficulty | n | T = 1 | greedy |", "|---|---|---|---|---|"]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, question in enumerate(asked):
        for difficulty in (str(question.record["difficulty"]), "all"):
            places[question.group, difficulty].append(place)
    for group, sums in {"all": DOMAINS, "all but code": PLAIN}.items():
        places[group, "all"] = [place for place, question in enumerate(asked) if question.group in sums]
    groups = list(dict.fromkeys(group for group, _ in places))
    for key in sorted(places, key=lambda key: (groups.index(key[0]), key[1])):
        chosen = places[key]
        cells = [shown(proportion(sum(marks[mode][i] for i in chosen), len(chosen))) for mode in ("T=1", "greedy")]
        lines.append(f"| {key[0]} | {key[1]} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cores(asked: Sequence[Question]) -> str:
    """Return how many different answers the shortest problems have, stratum by stratum."""
    few = [("arithmetic", 1), ("tool_calls", 1), ("tool_calls", 2), ("code", 1)]
    targets = [
        {one.record.target for one in asked if (one.group, one.record["difficulty"]) == stratum} for stratum in few
    ]
    *others, last = (str(len(found)) for found in targets)
    return f"{', '.join(others)} and {last}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def shown(share: Estimate) -> str:
    """Write a share in per cent, with its interval."""
    return f"{100 * share.value:.1f} ({100 * share.low:.1f} – {100 * share.high:.1f})"


def card(facts: Mapping[str, str]) -> str:
    """Fill the model card."""
    numbers = {
        "vocabulary": VOCABULARY,
        **{f"steps_{term.name}": term.settings.steps for term in TERMS},
        **{f"programs_{term.name}": _listed(term.programs) for term in TERMS},
        "batch": f"{SETTINGS.tokens_per_batch:,}",
        "rate": f"{SETTINGS.learning_rate:g}",
        "warmup": SETTINGS.warmup,
        "slips": f"{SLIPS:.0%}",
        "context": SHAPE.context,
        "by_difficulty": ", ".join(f"{share:.0%} of difficulty {key}" for key, share in BY_DIFFICULTY.items()),
        "by_domain": ", ".join(f"{share:.0%} of {key}" for key, share in BY_DOMAIN.items()),
        "seeds": ", ".join(f"{name} {seed}" for name, seed in SEEDS.items()),
        "seeds_of_terms": "; ".join(f"{(*term.seeds, term.settings.seed)}" for term in TERMS),
        "width": SHAPE.width,
        "layers": SHAPE.layers,
        "heads": SHAPE.heads,
        "kv_heads": SHAPE.kv_heads,
        "max_tokens": MODES["T=1"].max_tokens,
    }
    return Template(CARD.read_text(encoding="utf-8")).substitute({**numbers, **facts})


if __name__ == "__main__":
    main()
