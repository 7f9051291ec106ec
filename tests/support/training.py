"""A tiny base model and records to train it on."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regrowth.core.record import Record
from regrowth.training.journal import TrainingLog
from regrowth.training.loop import train
from regrowth.training.objectives import Objective, sft
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama

__all__ = ["SHORT", "additions", "files", "make_base", "trained"]

SHORT = TrainingSettings(steps=8, tokens_per_batch=150, learning_rate=1e-2, checkpoint_every=3, threads=1)


def additions(count: int, *, seed: int = 0, rejected: bool = False) -> list[Record]:
    """Return sums of one to four numbers, so that lengths differ, with the right answer worked out."""
    draw = random.Random(seed)
    records = []
    for _ in range(count):
        numbers = [draw.randint(0, 9) for _ in range(draw.randint(1, 4))]
        question = " + ".join(map(str, numbers))
        wrong = f"{question} = {sum(numbers) + 1}" if rejected else ""
        records.append(Record.of(f"{question} ?", response=f"{question} = {sum(numbers)}", rejected=wrong))
    return records


def make_base(folder: Path) -> Path:
    """Write an untrained network of 20,000 weights with its tokenizer."""
    codec = train_codec(["1 + 2 = 3", "What is it?"] * 3, 270)
    shape = LlamaShape(vocabulary=codec.size, width=32, layers=2, heads=4, kv_heads=2, hidden=64, context=64)
    save(new_llama(shape, codec, seed=1), codec, folder, lineage={"made": "by a test"})
    return folder


def trained(
    start: Path, folder: Path, settings: TrainingSettings = SHORT, objective: Objective = sft, **how: Any
) -> TrainingLog:
    """Train on thirty sums; weights go to `folder/out`, checkpoints to `folder/scratch`."""
    records = how.pop("records", None) or additions(30, rejected=True)
    places = {"out": folder / "out", "scratch": folder / "scratch", "lineage": {"data": "thirty sums"}}
    return train(load(start), records, objective, settings, **{**places, **how})


def files(folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
