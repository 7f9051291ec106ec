"""Train and ask the judges: a small Llama made here, from scratch or after reading plain text.

No pretrained model is used: none may be had without a hub. The tokenizer and the second starting point see only
WikiText-2's validation part and Shakespeare, never a text that is judged.
"""

import asyncio
import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from benchmarks.reward.data import plain_text
from regrowth.core.record import Message, Record
from regrowth.models.torch import TorchBackend
from regrowth.training.journal import TrainingLog
from regrowth.training.loop import train
from regrowth.training.objectives import supervised
from regrowth.training.objectives.view import Objective
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.heads import with_head
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama

__all__ = ["SHAPE", "judge", "read", "rewards", "untrained"]

SHAPE = LlamaShape(vocabulary=4000, width=128, layers=4, heads=4, kv_heads=2, hidden=352, context=1280)
READING = TrainingSettings(
    steps=460,
    tokens_per_batch=4096,
    learning_rate=2e-3,
    warmup=40,
    schedule="cosine",
    threads=1,
    checkpoint_every=10**6,
)


def untrained(folder: Path, seed: int) -> Path:
    """Write a network with drawn weights and its tokenizer."""
    codec = train_codec(plain_text(), SHAPE.vocabulary)
    save(new_llama(SHAPE, codec, seed), codec, folder, lineage={"seed": str(seed)})
    return folder


def read(base: Path, out: Path) -> TrainingLog:
    """Teach a network to foretell plain text; a paragraph or a speech is one record."""
    records = [Record.of("Text:", response=text) for text in plain_text()]
    scratch = out.with_name(f"{out.name}-scratch")
    return train(load(base), records, supervised(), READING, out=out, scratch=scratch, lineage={})


def judge(
    base: Path,
    objective: Objective,
    parts: tuple[Sequence[Record], Sequence[Record]],
    settings: TrainingSettings,
    folder: Path,
) -> tuple[TrainingLog, float]:
    """Train a head and its body on the first part, choose the weights on the second; return CPU seconds too."""
    weights = with_head(load(base), objective.head, settings.seed)
    start = time.process_time()
    records, held_out = parts
    log = train(
        weights,
        records,
        objective,
        settings,
        out=folder / "judge",
        scratch=folder / "scratch",
        lineage={},
        held_out=held_out if settings.evaluate_every else None,
    )
    return log, time.process_time() - start


def rewards(folder: Path, asked: Sequence[tuple[Sequence[Message], str]]) -> tuple[list[list[float]], float]:
    """Score replies through the backend that runs use; return every output and the CPU seconds that it took."""

    async def all_of_them() -> list[list[float]]:
        backend = TorchBackend(folder)
        try:
            answers = await asyncio.gather(*(backend.score(tuple(messages), reply) for messages, reply in asked))
        finally:
            await backend.close()
        return [list(cast("dict[str, Any]", answer.raw)["values"]) for answer in answers]

    gc.collect()
    torch.set_num_threads(1)
    start = time.process_time()
    values = asyncio.run(all_of_them())
    return values, time.process_time() - start
