"""The reward model of attributes, and three judges, on replies that real language models wrote.

Small versions of `benchmarks/nemotron/real.py`, where it is measured what such a reward model is worth on prompts that
it never saw. Here the road from the files to verdicts has to carry, and labels have to be learnt by heart.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.judges import agreement, believed, known, opinions
from regrowth.recipes._nemotron.rewards import Rater, RewardSettings, labelled, reward_model, trusted, worth
from regrowth.recipes._nemotron.selection import candidates, decided
from regrowth.run import Run, open_run
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import save
from regrowth.weights.network import LlamaShape, new_llama
from support.data import shared_data

pytestmark = pytest.mark.slow

WRITERS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
SETTINGS = RewardSettings(steps=60, tokens=2048, learning_rate=3e-3)
CUT = 600
"""Characters of a text that are kept, so that a small network can read it."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def solutions() -> Iterator[Record]:
    """Yield solutions of GSM8K's problems by four models of the GPT-3 family, labelled right (4) or wrong (0)."""
    for row in rows("reasoning/gsm8k_model_solutions.jsonl.gz"):
        for writer in WRITERS:
            right = 4.0 if row[writer]["is_correct"] else 0.0
            solution = row[writer]["solution"]
            yield Record.of(row["question"], response=solution, target=row["ground_truth"], correctness=right)


def graded() -> Iterator[Record]:
    """Yield first turns of MT-Bench with GPT-4's grade, 1 to 10, on the scale from 0 to 4."""
    answers = {
        (row["model"], row["question_id"]): row["turns"][0] for row in rows("teacher_outputs/mt_bench_answers.jsonl.gz")
    }
    for row in rows("preference/mt_bench_gpt4_judgments.jsonl.gz"):
        if row["turn"] == 1 and (key := (row["model"], row["question_id"])) in answers:
            label = (row["score"] - 1) / 9 * 4
            yield Record.of(f"Question {key[1]}", response=answers[key][:CUT], helpfulness=label)


def untrained(run: Run, records: Sequence[Record], folder: Path) -> RememberedModel:
    """Return a network of 160,000 weights that has read nothing."""
    codec = train_codec((text for record in records for text in (record.prompt, record.response)), 1000)
    shape = LlamaShape(vocabulary=codec.size, width=64, layers=2, heads=4, kv_heads=2, hidden=176, context=1024)
    save(new_llama(shape, codec, seed=0), codec, folder, lineage={})
    return run.model(folder)


def rater(run: Run, records: Sequence[Record], attribute: str, folder: Path) -> Rater:
    """Return a reward model of one attribute; the four others have no labels and are masked."""
    model = reward_model(run, untrained(run, records, folder), records, SETTINGS)
    return Rater(run.wait(model), {attribute: 1.0})


def test_the_answer_gate_finds_right_what_the_file_says_is_right() -> None:
    records = list(solutions())
    agreed = sum(known(one) == (one["correctness"] == 4) for one in records)
    assert len(records) > 1000
    assert agreed / len(records) > 0.995


def test_a_masked_reward_model_learns_what_programs_said_of_real_solutions(run: Run, tmp_path: Path) -> None:
    records = list(islice(solutions(), 80))
    found = run.wait(worth(run, rater(run, records, "correctness", tmp_path / "base"), records))
    assert set(found.correlations) == {"correctness", "reward"}
    assert found.correlations["correctness"].value > 0.8
    assert found.errors["correctness"] < 0.6
    assert trusted(found) is found


def test_it_learns_what_gpt_4_said_of_real_replies(run: Run, tmp_path: Path) -> None:
    records = list(islice(graded(), 100))
    found = run.wait(worth(run, rater(run, records, "helpfulness", tmp_path / "base"), records))
    assert found.correlations["helpfulness"].value > 0.8


def test_three_judges_meet_on_real_solutions(run: Run, tmp_path: Path) -> None:
    records = list(islice(solutions(), 160))
    judging = rater(run, records, "correctness", tmp_path / "base")
    drawn = [one.derive(parents=(one.prompt,)).scored(reward=0.0) for one in records]
    work = partial(opinions, judge=run.model("tiny"), rater=judging, criterion="Be right.", style="brief")
    pairs = list(run.wait(run.agrow(candidates(drawn), work, name="judged")))
    found = agreement(pairs)
    assert all(one.decided + one.undecided == len(pairs) > 60 for one in found.values())
    assert 10 < found["truth"].decided < len(pairs), "of two solutions one is right in some pairs only"
    assert found["reward"].accuracy is not None
    assert found["reward"].accuracy.low > 0.5, "it knows these by heart"
    assert "model" not in believed(found, ("truth", "model", "reward"))[0], "the packaged model never learnt to compare"
    kept = []
    for pair in pairs:
        if pair.scores["truth"] * pair.scores["reward"] > 0:
            kept.append(decided(pair, judges=("truth",), least_gap=0.0))
    assert kept
    assert all(known(one) for one in kept)


def test_real_labels_in_a_file_are_read_and_a_model_at_chance_on_them_is_stopped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    lines = [{"prompt": one.prompt, "response": one.response, "correctness": one["correctness"]} for one in solutions()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines[:480]), "utf-8")
    records = labelled(RewardSettings(labels=str(path)))
    assert len(records) == 480
    settings = SETTINGS.model_copy(update={"steps": 2, "learning_rate": 1e-6})
    base = untrained(run, records, tmp_path / "base")
    model = run.wait(reward_model(run, base, records[:80], settings))
    found = run.wait(worth(run, Rater(model, {"correctness": 1.0}), records[80:]))
    with pytest.raises(DataError, match="The reward model is at chance"):
        trusted(found)
