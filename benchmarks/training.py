"""What training costs: tokens per CPU-second against a plain padded loop on the same batches.

    python -m benchmarks.training        # about three minutes; writes benchmarks/results/training.json

Both train the same network on the same records in the same steps, so their losses agree; that is checked. The plain
loop is what one writes first: each step's records padded to the longest, every logit made, `AdamW` and `.item()` as in
the tutorials. Both use one thread and take turns, so that a slow minute meets both; a ratio is taken within a turn.
`train` is measured whole: reading records, all steps, writing the weights.

Work: `domains` is the demo's (four domains, 1.7 M weights, 700 ids); `gsm8k` are grade-school word problems with their
worked answers (2.7 M weights, 2,000 ids); for these REGROWTH_DATA must name a folder that holds
reasoning/gsm8k_train.jsonl.gz.
"""

import gzip
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from regrowth.core.record import Record
from regrowth.domains import DOMAINS, problems
from regrowth.training.batches import batches
from regrowth.training.loop import train
from regrowth.training.objectives import sft
from regrowth.training.rows import tokenize
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import Weights, load, save
from regrowth.weights.network import LlamaShape, new_llama

RESULTS = Path(__file__).parent / "results" / "training.json"
REPEATS = 3
SETTINGS = TrainingSettings(steps=12, tokens_per_batch=2048, threads=1, checkpoint_every=10**6)


def domains() -> list[Record]:
    """Worked problems of the project's own domains."""
    return [
        p.derive(response=DOMAINS[p["domain"]].solution(p))
        for p in problems(list(DOMAINS), 1500, seed=0, split="train")
    ]


def gsm8k() -> list[Record]:
    """Real word problems with their worked answers."""
    path = Path(os.environ["REGROWTH_DATA"]) / "reasoning" / "gsm8k_train.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, 1500)]
    return [Record.of(row["question"], response=row["answer"]) for row in rows]


WORK: dict[str, tuple[Callable[[], list[Record]], LlamaShape]] = {
    "domains": (
        domains,
        LlamaShape(vocabulary=700, width=160, layers=5, heads=5, kv_heads=5, hidden=432, context=512),
    ),
    "gsm8k": (
        gsm8k,
        LlamaShape(vocabulary=2000, width=192, layers=6, heads=6, kv_heads=2, hidden=512, context=512),
    ),
}


def plain(weights: Weights, records: list[Record]) -> tuple[int, list[float]]:
    """Train as one would first write it; return tokens and losses."""
    rows = tokenize(records, weights.codec, sft, context=weights.context)
    network = weights.network.train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=SETTINGS.learning_rate, betas=(0.9, 0.95), weight_decay=SETTINGS.weight_decay
    )
    tokens, losses = 0, []
    stream = batches(rows, tokens=SETTINGS.tokens_per_batch, seed=SETTINGS.seed)
    for step, batch in enumerate(islice(stream, SETTINGS.steps), 1):
        held = [
            (rows.ids[rows.starts[n] : rows.starts[n + 1]], int(rows.sizes[n, 0] - rows.counts[n, 0]))
            for n in batch.records
        ]
        width = max(len(ids) for ids, _ in held)
        inputs = np.full((len(held), width), weights.codec.pad, dtype=np.int64)
        labels = np.full((len(held), width), -100, dtype=np.int64)
        for place, (ids, prompt) in enumerate(held):
            inputs[place, : len(ids)] = ids
            labels[place, prompt : len(ids)] = ids[prompt:]
            tokens += len(ids)
        logits = network(torch.from_numpy(inputs))
        wanted = torch.from_numpy(labels)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), wanted[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), SETTINGS.clip)
        for group in optimizer.param_groups:
            group["lr"] = SETTINGS.rate_at(step)
        optimizer.step()
        losses.append(loss.item())
    return tokens, losses


def ours(weights: Weights, records: list[Record], threads: int = 1) -> tuple[int, list[float]]:
    """Train with the project's loop; return tokens and losses."""
    settings = SETTINGS.model_copy(update={"threads": threads})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        log = train(weights, records, sft, settings, out=place / "out", scratch=place / "scratch", lineage={})
    return log.tokens, list(log.losses)


def measured(loop: Callable[[], tuple[int, list[float]]]) -> dict[str, float]:
    """Return tokens per second of CPU and of waiting, and the last loss."""
    cpu, wall = time.process_time(), time.perf_counter()
    tokens, losses = loop()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"tokens_per_cpu_s": tokens / cpu, "tokens_per_s": tokens / wall, "loss": losses[-1]}


def compare(name: str) -> dict[str, object]:
    """Let the loops take turns on one kind of work."""
    make, shape = WORK[name]
    records = make()
    codec = train_codec((text for record in records for text in (record.prompt, record.response)), shape.vocabulary)
    with tempfile.TemporaryDirectory() as folder:
        network = new_llama(replace(shape, vocabulary=codec.size), codec, seed=0)
        save(network, codec, Path(folder), lineage={})
        turns = [list(_turn(Path(folder), records)) for _ in range(REPEATS)]
    loops = dict(zip(("plain", "regrowth", "regrowth, 2 threads"), zip(*turns, strict=True), strict=True))
    gap = max(abs(first["loss"] - second["loss"]) for first, second, _ in turns)
    assert gap < 1e-3, f"the losses differ by {gap}"
    medians = {
        loop: {figure: statistics.median(turn[figure] for turn in done) for figure in done[0]}
        for loop, done in loops.items()
    }
    ratios = [second["tokens_per_cpu_s"] / first["tokens_per_cpu_s"] for first, second, _ in turns]
    return {
        "weights": sum(weight.numel() for weight in network.parameters()),
        "loops": medians,
        "cpu_ratio": {"median": statistics.median(ratios), "all": ratios},
        "largest_gap_of_losses": gap,
    }


def _turn(base: Path, records: list[Record]) -> Iterator[dict[str, float]]:
    for loop in (plain, ours, lambda weights, records: ours(weights, records, 2)):
        weights = load(base)
        yield measured(lambda loop=loop, weights=weights: loop(weights, records))  # type: ignore[misc]


def main() -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])  # what it imports on first use is no cost of a step
    names = [name for name in WORK if name != "gsm8k" or "REGROWTH_DATA" in os.environ]
    results = {
        "settings": SETTINGS.model_dump(mode="json"),
        "repeats": REPEATS,
        "machine": {"torch": torch.__version__, "python": platform.python_version(), "load": os.getloadavg()},
        "work": {name: compare(name) for name in names},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    for name, found in results["work"].items():  # type: ignore[attr-defined]
        print(name, f"{found['weights']:,} weights, CPU ratio to the plain loop {found['cpu_ratio']['median']:.2f}")
        for loop, figures in found["loops"].items():
            print(
                f"  {loop:<20} {figures['tokens_per_cpu_s']:8.0f} tokens/CPU-s {figures['tokens_per_s']:8.0f} tokens/s"
            )


if __name__ == "__main__":
    main()
