"""The reward model on what people, GPT-4 and programs said of real replies, and three judges of real solutions.

Files of REGROWTH_DATA (licences in its SOURCES.md), and what becomes a label from 0 to 4:

    hh-rlhf, harmless      helpfulness    4 for the reply that a person chose, 0 for the other
    MT-Bench               helpfulness    GPT-4's grade from 1 to 10 of a model's turn
    self-instruct          helpfulness    4 for what a person wrote, 0 for what plain GPT-3 (davinci) wrote
    GSM8K solutions        correctness    4 for a right final answer, 0 for a wrong one

The network is made here (1.25 M weights, nothing read before), no pretrained one was to be had. Long texts are cut by
rule: the last 600 characters of what came before, the first 800 of the reply.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.nemotron.rewarding import length_rule
from benchmarks.nemotron.world import SEEDS, WORK
from benchmarks.reward.data import cases_of
from benchmarks.reward.judges import untrained
from regrowth.core.record import Record, digest
from regrowth.metrics.agreement import correlation
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.judges import agreement, opinions
from regrowth.recipes._nemotron.rewards import Rater, RewardSettings, labels, reward_model, worth
from regrowth.recipes._nemotron.selection import candidates
from regrowth.run import Run, open_run

__all__ = ["real"]

BEFORE, REPLY = 600, 800
FOLDS = 5
SETTINGS = RewardSettings(steps=40, tokens=4096, learning_rate=3e-4)
CRITERION = "The solution is right."
WRITERS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def real() -> dict[str, Any]:
    """Measure every task with three seeds, each on another fifth of the prompts."""
    with open_run(WORK / "nemotron-real") as run:
        base = run.model(_untrained())
        found: dict[str, Any] = {}
        for task, (read, attribute) in TASKS.items():
            replies = list(read())
            found[task] = {"replies": len(replies), "prompts": len({one.messages for one in replies})}
            found[task]["seeds"] = [measured(run, base, replies, attribute, task, seed) for seed in SEEDS]
            print(task, found[task], flush=True)
    return found


def _untrained() -> Path:
    folder = WORK / "reward" / "untrained-0"
    return folder if (folder / "model.safetensors").exists() else untrained(folder, 0)


def measured(
    run: Run, base: RememberedModel, replies: Sequence[Record], attribute: str, task: str, seed: int
) -> dict[str, Any]:
    """Train on four fifths of the prompts and measure on the last one; beside it what length tells."""
    train, test = fold(replies, seed)
    settings, weights = SETTINGS.model_copy(update={"seed": seed}), {attribute: 1.0}
    rater = Rater(run.wait(reward_model(run, base, train, settings, name=f"{task}-{seed}")), weights)
    found = run.wait(worth(run, rater, test))
    lengths, truths = [len(one.response) for one in test], [labels(one)[attribute] for one in test]
    facts: dict[str, Any] = {
        "tested": len(test),
        "r": found.correlations[attribute].value if attribute in found.correlations else None,
        "r of length": correlation(lengths, truths).value,
        "error": found.errors.get(attribute),
        "accuracy": found.accuracy.value if found.accuracy else None,
        "pairs": found.accuracy.n if found.accuracy else 0,
        "longer wins": length_rule(test, weights),
    }
    return facts | ({"judges": three(run, rater, test, seed)} if attribute == "correctness" else {})


def fold(replies: Sequence[Record], seed: int) -> tuple[list[Record], list[Record]]:
    """Return two parts; all replies to one prompt are in one, and no two seeds test on the same prompts."""
    ranked = sorted({one.messages for one in replies}, key=digest)
    place = {messages: rank % FOLDS for rank, messages in enumerate(ranked)}
    parts: tuple[list[Record], list[Record]] = ([], [])
    for one in replies:
        parts[place[one.messages] == seed].append(one)
    return parts


def three(run: Run, rater: Rater, test: Sequence[Record], seed: int) -> dict[str, Any]:
    """Let the answer gate, the packaged model and the reward model judge pairs of solutions."""
    judge = run.model("tiny")
    drawn = [one.derive(parents=(digest(one.messages),)) for one in test]
    scored = [one.scored(reward=0.0) for one in drawn]
    work = partial(opinions, judge=judge, rater=rater, criterion=CRITERION, style="brief")
    pairs = list(run.wait(run.agrow(candidates(scored, seed=seed), work, name=f"solutions-{seed}")))
    told = {
        name: {
            "decided": one.decided,
            "undecided": one.undecided,
            "accuracy": one.accuracy.value if one.accuracy else None,
        }
        for name, one in agreement(pairs).items()
    }
    return {"pairs": len(pairs), **told}


# What the files say --------------------------------------------------------------------------------------------------


def _rows(name: str) -> list[dict[str, Any]]:
    path = Path(os.environ["REGROWTH_DATA"]) / name
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _reply(before: str, response: str, target: str = "", **said: float) -> Record:
    return Record.of(before[-BEFORE:], response=response.strip()[:REPLY], target=target, **said)


def harmless() -> Iterator[Record]:
    """Yield both replies of hh-rlhf's pairs."""
    for case in cases_of("hh")[0]:
        before = "\n".join(f"{turn.role}: {turn.content}" for turn in case.record.messages)
        yield _reply(before, case.record.response, helpfulness=4.0)
        yield _reply(before, case.record.rejected, helpfulness=0.0)


def graded() -> Iterator[Record]:
    """Yield turns of MT-Bench that GPT-4 graded."""
    questions = {row["question_id"]: row["turns"] for row in _rows("instruction/mt_bench.jsonl")}
    answers = {
        (row["model"], row["question_id"]): row["turns"] for row in _rows("teacher_outputs/mt_bench_answers.jsonl.gz")
    }
    seen = set[tuple[str, int, int]]()
    for row in _rows("preference/mt_bench_gpt4_judgments.jsonl.gz"):
        key, turn = (row["model"], row["question_id"]), row["turn"]
        if key not in answers or row["score"] < 1 or (*key, turn) in seen:
            continue
        seen.add((*key, turn))
        yield _reply(questions[key[1]][turn - 1], answers[key][turn - 1], helpfulness=(row["score"] - 1) / 9 * 4)


def written() -> Iterator[Record]:
    """Yield what people and what plain GPT-3 wrote to the user-oriented tasks of self-instruct."""
    for row in _rows("teacher_outputs/self_instruct_predictions.jsonl.gz"):
        if row["model"] == "davinci" and row["response"].strip() and row["target"].strip():
            before = f"{row['instruction']}\n{row['input']}"
            yield _reply(before, row["target"], helpfulness=4.0)
            yield _reply(before, row["response"], helpfulness=0.0)


def solved() -> Iterator[Record]:
    """Yield solutions of GSM8K's test problems by four GPT-3 models."""
    for row in _rows("reasoning/gsm8k_model_solutions.jsonl.gz"):
        for writer in WRITERS:
            if writer in row:
                right = 4.0 if row[writer]["is_correct"] else 0.0
                yield _reply(row["question"], row[writer]["solution"], row["ground_truth"], correctness=right)


TASKS: Mapping[str, tuple[Callable[[], Iterator[Record]], str]] = {
    "hh": (harmless, "helpfulness"),
    "mt-bench": (graded, "helpfulness"),
    "self-instruct": (written, "helpfulness"),
    "gsm8k": (solved, "correctness"),
}
