"""Train the packaged tiny model from nothing, on problems that the project draws itself, and measure it.

    python scripts/train_tiny.py --scratch /tmp/tiny        # ten to fifteen minutes on one core

Every number that reaches the weights stands in this file; equal numbers on an equal machine give equal bytes.
The base is meant to be weak: it sees easy problems more often than hard ones, and one answer in seven holds a slip.
Interrupted, the same command goes on from the last checkpoint.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from string import Template

import torch

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Backend, Estimate
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, problems, verified
from regrowth.domains.reading import UNKNOWN
from regrowth.domains.tools import TOOLS
from regrowth.domains.transforms import LETTERS
from regrowth.domains.words import CITIES, DAYS, FOODS, NAMES, PETS, THINGS
from regrowth.metrics.intervals import proportion
from regrowth.models.torch import TorchBackend
from regrowth.recipes.evaluation import MODES
from regrowth.training.loop import train
from regrowth.training.objectives import sft
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import load, save
from regrowth.weights.network import Llama, LlamaShape, new_llama

HOME = Path(__file__).parents[1] / "src" / "regrowth" / "models" / "tiny_weights"
CARD = Path(__file__).with_name("tiny_card.md")

VOCABULARY = 640
SHAPE = LlamaShape(vocabulary=VOCABULARY, width=160, layers=4, heads=4, kv_heads=2, hidden=448, context=256)
SETTINGS = TrainingSettings(steps=1450, tokens_per_batch=1650, learning_rate=2e-3, warmup=30, seed=4, threads=1)
BY_DIFFICULTY = {1: 1.0, 2: 0.8, 3: 0.5, 4: 0.35}
BY_DOMAIN = {"arithmetic": 1.0, "transforms": 1.0, "tool_calls": 0.5, "reading": 0.6}
"""Part of the problems drawn that is trained on: more of what is easy, and of what takes long to learn."""
PROBLEMS = 80_000
"""Drawn for training, before `BY_DIFFICULTY` and `BY_DOMAIN`."""
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
SEEDS = {"codec": 1, "network": 2, "problems": 3, "evaluation": 5}
PER_STRATUM = 100
"""Held-out problems per domain and difficulty."""


def main() -> None:
    """Train, pack, measure, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=HOME, help="folder of the packaged weights")
    parser.add_argument("--scratch", type=Path, required=True, help="folder for checkpoints; kept, so reruns resume")
    arguments = parser.parse_args()
    torch.set_num_threads(SETTINGS.threads)
    untrained(arguments.scratch / "untrained")
    weights = load(arguments.scratch / "untrained")
    lessons = list(textbook())
    log = train(
        weights,
        lessons,
        sft,
        SETTINGS,
        out=arguments.scratch / "trained",
        scratch=arguments.scratch / "checkpoints",
        lineage={"data": digest([lesson.id for lesson in lessons])},
        on_step=lambda step, facts: print(step, round(facts["loss"], 3)) if step % 50 == 0 else None,
    )
    lineage = {"script": "scripts/train_tiny.py", "data": digest([lesson.id for lesson in lessons])}
    save(weights.network, weights.codec, arguments.out, lineage=lineage, half=True)
    unseen = list(problems(list(DOMAINS), PER_STRATUM * 16, seed=SEEDS["evaluation"], split="heldout"))
    marks = asyncio.run(measured(TorchBackend(arguments.out), unseen))
    facts = {
        "parameters": f"{sum(weight.numel() for weight in weights.network.parameters()):,}",
        "bytes": f"{(arguments.out / 'model.safetensors').stat().st_size:,}",
        "records": f"{len(lessons):,}",
        "tokens": f"{log.tokens:,}",
        "loss": f"{sum(log.losses[-20:]) / 20:.3f}",
        "minutes": f"{minutes(arguments.scratch / 'checkpoints'):.0f}",
        "digest": load(arguments.out).digest,
        "scores": table(unseen, marks),
    }
    (arguments.out / "README.md").write_text(card(facts), encoding="utf-8")


def untrained(folder: Path) -> None:
    """Write the network before its first step, with its tokenizer."""
    drawn = problems(list(DOMAINS), 4000, seed=SEEDS["codec"], split="train")
    codec = train_codec((text for record in drawn for text in (record.prompt, record.target)), VOCABULARY)
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


def textbook() -> Iterator[Record]:
    """Yield problems of the training split with answers, easy ones more often; some answers hold a slip."""
    rng = Random(SEEDS["problems"])
    for problem in problems(list(DOMAINS), PROBLEMS, seed=SEEDS["problems"], split="train"):
        if rng.random() < BY_DIFFICULTY[problem["difficulty"]] * BY_DOMAIN[problem["domain"]]:
            yield problem.derive(response=slip(problem, rng) if rng.random() < SLIPS else problem.target)


def slip(problem: Record, rng: Random) -> str:
    """Return the worked answer with one number or word changed, so that it is wrong."""
    parts = re.split(r"([0-9]+|[a-zA-Z]+)", problem.target)
    places = [place for place, part in enumerate(parts) if part.isdigit() or any(part in words for words in ALIKE)]
    while True:
        place = rng.choice(places)
        answer = "".join((*parts[:place], mistaken(parts[place], rng), *parts[place + 1 :]))
        if not is_right(problem, answer):
            return answer


def mistaken(part: str, rng: Random) -> str:
    """Return a number near a number, or a word like a word."""
    if part.isdigit():
        return str(abs(int(part) + rng.choice((-10, -2, -1, 1, 2, 10))))
    return rng.choice([other for words in ALIKE if part in words for other in words])


async def measured(backend: Backend, unseen: Sequence[Record]) -> dict[str, list[bool]]:
    """Answer every held-out problem once per mode; return per mode which answers are right."""
    marks = {}
    for mode, sampling in MODES.items():
        calls = (backend.answer(problem.messages, sampling, [problem.seed("evaluation")]) for problem in unseen)
        answers = [backend.read(answer.raw)[0].text for answer in await asyncio.gather(*calls)]
        marks[mode] = [is_right(problem, text) for problem, text in zip(unseen, answers, strict=True)]
    await backend.close()
    return marks


def is_right(problem: Record, answer: str) -> bool:
    """Return whether a program finds an answer right."""
    try:
        verified(problem.derive(response=answer))
    except Rejected:
        return False
    return True


def minutes(scratch: Path) -> float:
    """Return how long the training took by the clock, interruptions not counted."""
    steps = map(json.loads, (scratch / "metrics.jsonl").read_text("utf-8").splitlines())
    return float(sum(step["tokens"] / step["tokens_per_second"] for step in steps)) / 60


def table(unseen: Sequence[Record], marks: Mapping[str, Sequence[bool]]) -> str:
    """Return the scores as a Markdown table: one line per domain and difficulty, per domain, and over all."""
    lines = ["| domain | difficulty | n | T = 1 | greedy |", "|---|---|---|---|---|"]
    for name in (*DOMAINS, "all"):
        for difficulty in (*DOMAINS[name].difficulties, "all") if name in DOMAINS else ("all",):
            chosen = [
                place
                for place, problem in enumerate(unseen)
                if name in (problem["domain"], "all") and difficulty in (problem["difficulty"], "all")
            ]
            cells = [shown(proportion(sum(marks[mode][i] for i in chosen), len(chosen))) for mode in ("T=1", "greedy")]
            lines.append(f"| {name} | {difficulty} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(share: Estimate) -> str:
    """Write a share in per cent, with its interval."""
    return f"{100 * share.value:.1f} ({100 * share.low:.1f} – {100 * share.high:.1f})"


def card(facts: Mapping[str, str]) -> str:
    """Fill the model card."""
    numbers = {
        "vocabulary": VOCABULARY,
        "steps": SETTINGS.steps,
        "batch": f"{SETTINGS.tokens_per_batch:,}",
        "rate": f"{SETTINGS.learning_rate:g}",
        "schedule": SETTINGS.schedule,
        "warmup": SETTINGS.warmup,
        "slips": f"{SLIPS:.0%}",
        "context": SHAPE.context,
        "by_difficulty": ", ".join(f"{share:.0%} of difficulty {key}" for key, share in BY_DIFFICULTY.items()),
        "by_domain": ", ".join(f"{share:.0%} of {key}" for key, share in BY_DOMAIN.items()),
        "seeds": ", ".join(f"{name} {seed}" for name, seed in {**SEEDS, "order": SETTINGS.seed}.items()),
        "width": SHAPE.width,
        "layers": SHAPE.layers,
        "heads": SHAPE.heads,
        "kv_heads": SHAPE.kv_heads,
        "max_tokens": MODES["T=1"].max_tokens,
    }
    return Template(CARD.read_text(encoding="utf-8")).substitute({**numbers, **facts})


if __name__ == "__main__":
    main()
