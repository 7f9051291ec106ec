"""What writing costs: tokens per CPU-second against transformers' `generate` on the same weights.

    python -m benchmarks.generation      # about two minutes; writes benchmarks/results/generation.json

Both write with the same Llama (2.6 M weights, 1,000 ids) in 32-bit floats on one thread and take turns in one process,
so that a slow minute meets both; a ratio is taken within a turn, the table shows medians. The prompts have 32 tokens.

Work: `equal` writes 64 tokens in every row, no end token ever counts; `mixed` gives each row its own length (8 to 192
tokens, median 48, the way replies come), which `generate` learns from a stopping criterion and pays until its longest
row is done. Ours includes what the text costs; theirs ends at the ids.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from regrowth.core.protocols import Sampling
from regrowth.weights.codec import BpeCodec, train_codec
from regrowth.weights.decoding import Decoder, decoder_of
from regrowth.weights.generation import Draw, generate
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama

RESULTS = Path(__file__).parent / "results" / "generation.json"
SHAPE = LlamaShape(vocabulary=1000, width=192, layers=6, heads=6, kv_heads=2, hidden=512, context=512)
hf: Any = transformers  # its types are not complete
BATCHES = (1, 16, 64)
PROMPT, NEW, LONGEST = 32, 64, 192


@dataclass(frozen=True)
class Endless(BpeCodec):
    """A codec without an end token, so that both write equally much."""

    @property
    def ends(self) -> frozenset[int]:
        return frozenset()


@dataclass(frozen=True)
class Work:
    """One batch to write."""

    prompts: list[list[int]]
    limits: list[int]
    sampling: Sampling


def works(size: int, seed: int) -> dict[str, Work]:
    """Make the batches of one size."""
    random = np.random.default_rng([size, seed])
    prompts = random.integers(6, 1000, (size, PROMPT)).tolist()
    mixed = np.clip(random.lognormal(np.log(48), 0.7, size), 8, LONGEST).astype(int).tolist()
    made = {}
    for way, temperature in (("T=1", 1.0), ("greedy", 0.0)):
        sampling = Sampling(temperature=temperature, max_tokens=LONGEST)
        made[f"equal {way}"] = Work(prompts, [NEW] * size, sampling)
        if size > 1:
            made[f"mixed {way}"] = Work(prompts, mixed, sampling)
    return made


def ours(decoder: Decoder, codec: BpeCodec, work: Work) -> int:
    """Write with our engine; return the number of tokens."""
    draws = [
        Draw(prompt, work.sampling, seed, limit)
        for seed, (prompt, limit) in enumerate(zip(work.prompts, work.limits, strict=True))
    ]
    written: list[int] = []
    generate(decoder, codec, draws, lambda _, reply: written.append(len(reply.tokens)))
    return sum(written)


class Lengths(transformers.StoppingCriteria):
    """End each row at its own length."""

    def __init__(self, limits: Sequence[int]) -> None:
        self.ends = torch.tensor(limits) + PROMPT

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return self.ends <= input_ids.shape[1]


def theirs(model: Any, work: Work) -> int:
    """Write with `generate`; return the number of tokens that were asked for."""
    ids = torch.tensor(work.prompts)
    with torch.inference_mode():
        written = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=work.sampling.temperature > 0,
            top_k=0,  # none is the default of 50
            max_new_tokens=max(work.limits),
            stopping_criteria=[Lengths(work.limits)] if len(set(work.limits)) > 1 else None,
        )
    assert written.shape[1] == PROMPT + max(work.limits), "a row ended early, or late"
    return sum(work.limits)


def rate(write: Callable[[], int]) -> tuple[float, float]:
    """Return tokens per CPU-second and per second of wall time."""
    cpu, wall = time.process_time(), time.perf_counter()
    tokens = write()
    return tokens / (time.process_time() - cpu), tokens / (time.perf_counter() - wall)


def rivals() -> tuple[Decoder, BpeCodec, Any]:
    """Make one set of weights and load it on both sides."""
    random = np.random.default_rng(0)
    codec = train_codec(("".join(random.choice(list("aeiourstln"), 5)) for _ in range(4000)), SHAPE.vocabulary)
    network = new_llama(SHAPE, codec, seed=1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(2.0 if weight.ndim > 1 else 1.0)  # far from uniform, as trained weights are
    with tempfile.TemporaryDirectory() as folder:
        save(network, codec, Path(folder), lineage={})
        model = hf.AutoModelForCausalLM.from_pretrained(folder).eval()
        decoder = decoder_of(load(folder).network, pad=0)
    model.generation_config = hf.GenerationConfig(eos_token_id=None, pad_token_id=0, use_cache=True)
    return decoder, Endless(codec.tokenizer), model


def measure(repeats: int) -> list[dict[str, Any]]:
    """Take turns and return one line per work."""
    decoder, codec, model = rivals()
    lines = []
    for size in BATCHES:
        for name, work in works(size, seed=0).items():
            ours(decoder, codec, work), theirs(model, work)  # warm up
            turns = []
            for _ in range(repeats):
                turns.append((*rate(partial(ours, decoder, codec, work)), *rate(partial(theirs, model, work))))
            lines.append({"batch": size, "work": name, **summary(turns)})
            print(row(lines[-1]), flush=True)
    return lines


def summary(turns: list[tuple[float, float, float, float]]) -> dict[str, float]:
    """Return medians, and the range of the ratio over the turns."""
    ratios = [mine / other for mine, _, other, _ in turns]
    columns = [statistics.median(column) for column in zip(*turns, strict=True)]
    return {
        "ours_tokens_per_cpu_second": round(columns[0]),
        "theirs_tokens_per_cpu_second": round(columns[2]),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_lowest": round(min(ratios), 2),
        "ratio_highest": round(max(ratios), 2),
        "ours_tokens_per_second": round(columns[1]),
        "theirs_tokens_per_second": round(columns[3]),
    }


def row(line: dict[str, Any]) -> str:
    """Print one line of the table."""
    return (
        f"{line['batch']:>3}  {line['work']:<13}{line['ours_tokens_per_cpu_second']:>8,} tok/CPU-s  "
        f"{line['theirs_tokens_per_cpu_second']:>7,}  ratio {line['ratio']:.2f}"
        f"  ({line['ratio_lowest']:.2f} to {line['ratio_highest']:.2f})"
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hf.utils.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    lines = measure(options.repeats)
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": 1,
        "repeats": options.repeats,
    }
    options.results.parent.mkdir(exist_ok=True)
    options.results.write_text(json.dumps({"machine": machine, "lines": lines}, indent=2) + "\n")


if __name__ == "__main__":
    main()
