"""A reward model and a judge of truth on what people said of replies that real language models wrote.

Small versions of `benchmarks/reward`: whether a judge is any good on unseen prompts is measured there. Here the road
from the files to the scores has to carry, and a judge has to learn by heart what it was shown.
"""

import asyncio
import gzip
import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from regrowth.core.record import Record
from regrowth.models.torch import TorchBackend
from regrowth.training.journal import TrainingLog
from regrowth.training.loop import train
from regrowth.training.objectives import bradley_terry, verdict
from regrowth.training.objectives.view import Objective
from regrowth.training.settings import TrainingSettings
from regrowth.weights.codec import train_codec
from regrowth.weights.heads import with_head
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama
from support.data import shared_data

pytestmark = pytest.mark.slow

LEARNT = TrainingSettings(steps=60, tokens_per_batch=2048, learning_rate=3e-3, threads=1)
CHOSEN = LEARNT.model_copy(update={"evaluate_every": 5, "watch": "accuracy", "patience": 3})


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def preferred() -> Iterator[Record]:
    """Yield the pairs of which two or three of three people prefer the same reply."""
    for row in rows("preference/pandalm_testset.jsonl.gz"):
        (choice, votes), *_ = Counter(row[f"annotator{one}"] for one in (1, 2, 3)).most_common(1)
        first, second = row["response1"].strip(), row["response2"].strip()
        if votes > 1 and choice and first and second:
            good, bad = (first, second) if choice == 1 else (second, first)
            yield Record.of(f"{row['instruction']}\n\n{row['input']}", response=good, rejected=bad)


def labelled() -> Iterator[Record]:
    """Yield different answers to TruthfulQA's questions, each labelled as true or not."""
    seen = set[str]()
    for row in rows("factuality/truthfulqa_finetune_truth.jsonl.gz"):
        question, answer = row["prompt"].removeprefix("Q: ").removesuffix("\nTrue:").split("\nA:", 1)
        if answer.strip() and row["prompt"] not in seen:
            seen.add(row["prompt"])
            yield Record.of(question, response=answer.strip(), label=float(row["completion"].strip() == "yes"))


def judge(records: Sequence[Record], objective: Objective, folder: Path, aside: Sequence[Record] = ()) -> TrainingLog:
    """Train a network of 160,000 weights and its head; its best weights are chosen where records are put aside."""
    codec = train_codec((text for record in records for text in (record.prompt, record.response)), 1000)
    shape = LlamaShape(vocabulary=codec.size, width=64, layers=2, heads=4, kv_heads=2, hidden=176, context=1024)
    save(new_llama(shape, codec, seed=0), codec, folder / "base", lineage={})
    weights, out, scratch = with_head(load(folder / "base"), objective.head), folder / "judge", folder / "scratch"
    settings = CHOSEN if aside else LEARNT
    return train(weights, records, objective, settings, out=out, scratch=scratch, lineage={}, held_out=aside or None)


def scores(folder: Path, asked: Sequence[tuple[Record, str]]) -> list[float]:
    """Return the first output for each reply, through the backend that runs use."""

    async def all_of_them() -> list[float]:
        backend = TorchBackend(folder)
        try:
            answers = await asyncio.gather(*(backend.score(record.messages, reply) for record, reply in asked))
        finally:
            await backend.close()
        return [cast("dict[str, Any]", answer.raw)["values"][0] for answer in answers]

    return asyncio.run(all_of_them())


def agreement(folder: Path, records: Sequence[Record]) -> float:
    """Return the share of records of which a saved judge says what people said."""
    said = scores(folder, [(one, one.response) for one in records])
    if records[0].rejected:
        other = scores(folder, [(one, one.rejected) for one in records])
        return statistics.mean(float(better > worse) for better, worse in zip(said, other, strict=True))
    return statistics.mean(float((value > 0) == one["label"]) for value, one in zip(said, records, strict=True))


def test_a_reward_model_learns_which_of_two_replies_people_prefer(tmp_path: Path) -> None:
    records = list(islice(preferred(), 60))
    log = judge(records, bradley_terry(), tmp_path)
    assert not log.skipped
    assert statistics.mean(log.losses[-5:]) < log.losses[0] / 2
    assert agreement(tmp_path / "judge", records) > 0.8


def test_a_judge_of_truth_learns_the_labels_it_was_shown(tmp_path: Path) -> None:
    records = list(islice(labelled(), 300))
    log = judge(records, verdict(), tmp_path)
    assert not log.skipped
    assert statistics.mean(log.losses[-5:]) < log.losses[0] / 2
    assert agreement(tmp_path / "judge", records) > 0.8


@pytest.mark.parametrize(("judged", "objective"), [(preferred, bradley_terry()), (labelled, verdict())])
def test_the_judge_that_is_kept_is_the_best_of_those_looked_at(
    judged: Callable[[], Iterator[Record]], objective: Objective, tmp_path: Path
) -> None:
    records = list(islice(judged(), 84))
    log = judge(records[:60], objective, tmp_path, aside=records[60:])
    seen = [look.figures["accuracy"] for look in log.held_out]
    assert len(set(seen)) > 1, "looks that are all alike would prove nothing"
    assert agreement(tmp_path / "judge", records[60:]) == pytest.approx(max(seen))
