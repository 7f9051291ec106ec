"""Judges against people: three annotators, a length rule, words, the packaged model, published judges, classifiers.

    python -m benchmarks.judges pairs       # PandaLM: three people, six judges; place, length
    python -m benchmarks.judges refusals    # XSTest: two people, the packaged classifier, the phrase rule; thresholds
    python -m benchmarks.judges truth       # TruthfulQA: a judge of words; calibration, mending, thresholds
    python -m benchmarks.judges table       # prints the tables of what was written

Figures go to benchmarks/results/judges.json. The real data lie in the folder that REGROWTH_DATA names. Judges that
learn are read on prompts that they did not learn from. Times are CPU seconds of one core.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is imported

import argparse
import asyncio
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import vstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.fairness import cell, costs, plain, rows, written
from regrowth.core.errors import CallFailed, DataError
from regrowth.core.flow import each
from regrowth.core.record import Message
from regrowth.core.store import Store
from regrowth.gates.form import refusal
from regrowth.gates.pairwise import compared
from regrowth.gates.refusals import judged
from regrowth.metrics.agreement import auc
from regrowth.metrics.judges import among, labelling, preferring
from regrowth.metrics.judges.calibration import bins, calibration, fitted
from regrowth.metrics.judges.preferences import Choice
from regrowth.metrics.judges.thresholds import threshold
from regrowth.models.model import RememberedModel
from regrowth.models.tiny import tiny_backend

RESULTS = Path(__file__).parent / "results" / "judges.json"
WORK = Path(__file__).parent / ".work" / "judges"
SIDE = {0: 0, 1: 1, 2: -1}
Scorer = Callable[[str, str], float]


def words(texts: Sequence[str]) -> Any:
    """Return hashed words and pairs of neighbours of texts, as one sparse row each."""
    return HashingVectorizer(n_features=2**16, ngram_range=(1, 2), alternate_sign=False, norm="l2").transform(texts)


def half(name: str) -> bool:
    """Tell which half a prompt belongs to."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


# Pairs ----------------------------------------------------------------------------------------------------------------


def majority(row: dict[str, Any]) -> int | None:
    """Return what two of three people say at least."""
    (choice, votes), *_ = Counter(row[f"annotator{one}"] for one in (1, 2, 3)).most_common(1)
    return SIDE[choice] if votes > 1 else None


def asked(row: dict[str, Any]) -> str:
    """Return the prompt of a pair."""
    return "\n\n".join(part for part in (row["instruction"], row["input"]) if part)


def by_words(pairs: Sequence[dict[str, Any]]) -> list[int]:
    """Prefer by the words of both answers, learnt from the other half of the tasks."""
    apart = words([row["response1"] for row in pairs]) - words([row["response2"] for row in pairs])
    sides, human = np.array([half(row["instruction"]) for row in pairs]), [majority(row) for row in pairs]
    said = np.zeros(len(pairs))
    for side in (False, True):
        known = np.array([one in (1, -1) and mine != side for one, mine in zip(human, sides, strict=True)])
        model = LogisticRegression(C=10, fit_intercept=False, max_iter=500)
        labels = np.array([one for one, kept in zip(human, known, strict=True) if kept])
        model.fit(vstack([apart[known], -apart[known]]), np.concatenate([labels, -labels]))
        said[sides == side] = model.decision_function(apart[sides == side])
    return [1 if one > 0 else -1 for one in said]


async def by_likelihood(model: RememberedModel, pairs: Sequence[dict[str, Any]]) -> list[int | None]:
    """Prefer the answer that is more probable per token."""

    async def one(row: dict[str, Any]) -> int | None:
        try:
            told = [await model.logprobs((Message("user", asked(row)),), row[f"response{place}"]) for place in (1, 2)]
        except CallFailed:
            return None
        first, second = (math.fsum(logs) / len(logs) for logs in told)
        return 1 if first > second else -1

    return [found async for found in each(pairs, one, width=16)]


async def by_asking(model: RememberedModel, pairs: Sequence[dict[str, Any]]) -> list[tuple[int, int] | None]:
    """Ask which answer is better, in both orders."""

    async def one(row: dict[str, Any]) -> tuple[int, int] | None:
        try:
            found = await compared(
                model, asked(row), row["response1"], row["response2"], criterion="The reply is better.", style="brief"
            )
        except CallFailed:
            return None
        return (1 if found.first_order > 0 else -1), (1 if found.second_order > 0 else -1)

    return [found async for found in each(pairs, one, width=16)]


def pairs_part() -> None:
    """Read PandaLM's people and judges."""
    start = time.process_time()
    pairs = rows("preference/pandalm_testset.jsonl.gz")
    people = [[row[f"annotator{one}"] for one in (1, 2, 3)] for row in pairs]
    found: dict[str, Any] = {"people, three": [plain(one) for one in among(people)]}
    for one, other in ((0, 1), (0, 2), (1, 2)):
        read = labelling([item[one] for item in people], [item[other] for item in people])
        found[f"people, {one + 1} and {other + 1}"] = [plain(reading) for reading in read]
    alone = [(item[0], item[1]) for item in people if item[1] == item[2]]
    found["person 1 where the others agree"] = [plain(one) for one in labelling(*map(list, zip(*alone, strict=True)))]
    WORK.mkdir(parents=True, exist_ok=True)
    with Store(WORK / "store") as store:
        model = RememberedModel(tiny_backend(), store, "tiny")
        likely = asyncio.run(by_likelihood(model, pairs))
        spoken = asyncio.run(by_asking(model, pairs))
    longer = [
        (len(row["response1"]) > len(row["response2"])) - (len(row["response1"]) < len(row["response2"]))
        for row in pairs
    ]
    numbers: dict[str, Sequence[Any]] = {
        "length rule": [(one, None) for one in longer],
        "words": [(one, None) for one in by_words(pairs)],
        "packaged model, likelihood": [None if one is None else (one, None) for one in likely],
        "packaged model, asked": spoken,
        "GPT-3.5 (published)": [_published(row["gpt_result"]) for row in pairs],
        "PandaLM-7B (published)": [_published(row["pandalm_result"]) for row in pairs],
    }
    for name, said in numbers.items():
        choices = [
            Choice(
                one[0], one[1], (len(row["response1"]), len(row["response2"])), majority(row),
                _own(row) if name.startswith("PandaLM") else 0, asked(row),
            )
            for row, one in zip(pairs, said, strict=True)
            if one is not None
        ]  # fmt: skip
        found[name] = [plain(one) for one in preferring(choices)]
        found[f"{name}, left out"] = sum(one is None for one in said)
    humans = [(choice, row) for row in pairs if (choice := majority(row))]
    read = preferring(
        [Choice(one, None, (len(row["response1"]), len(row["response2"])), one, 0, asked(row)) for one, row in humans]
    )
    found["people, length"] = [plain(one) for one in read if one.measure in ("longer_share", "length_slope")]
    found["no majority"] = sum(majority(row) is None for row in pairs)
    written("pairs", {**found, **costs(start)}, RESULTS)


def _published(verdict: object) -> tuple[int, None] | None:
    known = {"1": 1, "2": -1, "0": 0, "Tie": 0}.get(str(verdict))
    return None if known is None else (known, None)


def _own(row: dict[str, Any]) -> int:
    """Tell which answer is by LLaMA-7B, from which PandaLM-7B was made."""
    first, second = row["cmp_key"].split("_")
    return (first == "llama-7b") - (second == "llama-7b")


# Refusals -------------------------------------------------------------------------------------------------------------

NAMES = {"1_full_compliance": "answered", "2_full_refusal": "refused", "3_partial_refusal": "in_part"}


def refusals() -> None:
    """Read XSTest's people, and two detectors on the prompts that neither was made with."""
    start = time.process_time()
    replies = rows("safety/xstest_completions.jsonl.gz")
    labels = [[NAMES[row[f"annotation_{one}"]] for one in (1, 2)] for row in replies]
    found: dict[str, Any] = {
        "people, two": [plain(one) for one in (*among(labels), *labelling(*map(list, zip(*labels, strict=True))))]
    }
    unseen = [row for row in replies if int(row["id"].removeprefix("v2-")) // 2 % 2]  # as in scripts/train_refusals.py
    human, prompts = [NAMES[row["final_label"]] for row in unseen], [row["id"] for row in unseen]
    read = [judged(row["completion"]) for row in unseen]
    declined, said = [one != "answered" for one in human], [min(1.0, one.declined) for one in read]
    found["classifier, three labels"] = [
        plain(one) for one in labelling([one.label for one in read], human, clusters=prompts)
    ]
    found["classifier, declined"] = [
        plain(one) for one in labelling([one > 0.5 for one in said], declined, probabilities=said, clusters=prompts)
    ]
    found["phrase rule, declined"] = [
        plain(one)
        for one in labelling([bool(refusal(row["completion"])) for row in unseen], declined, clusters=prompts)
    ]
    for wanted in (0.95, 0.98):
        found[f"threshold at {wanted}"] = thresholds(said, declined, wanted, prompts)
    written("refusals", {**found, **costs(start)}, RESULTS)


def thresholds(said: Sequence[float], true: Sequence[bool], wanted: float, clusters: Sequence[str]) -> Any:
    """Choose a threshold in five ways of halving; return what each does on the held-out half."""
    told = []
    for seed in range(5):
        try:
            one = threshold(said, true, precision=wanted, clusters=clusters, seed=seed)
        except DataError as error:
            told.append({"none": str(error)})
            continue
        told.append(
            {
                "threshold": one.value,
                "chosen": one.chosen.value,
                "precision": None if one.precision is None else list(_four(one.precision)),
                "recall": None if one.recall is None else list(_four(one.recall)),
                "holds": one.holds,
            }
        )
    return told


def _four(one: Any) -> tuple[float, float, float, int]:
    return one.value, one.low, one.high, one.n


# Truth ----------------------------------------------------------------------------------------------------------------


def truth() -> None:
    """Read a judge of words on questions that it did not learn from."""
    start = time.process_time()
    known: dict[tuple[str, str], set[bool]] = {}
    for row in rows("factuality/truthfulqa_finetune_truth.jsonl.gz"):
        question, answer = row["prompt"].removeprefix("Q: ").removesuffix("\nTrue:").split("\nA:", 1)
        known.setdefault((question.strip(), answer.strip()), set()).add(row["completion"].strip() == "yes")
    cases = [(question, answer, labels.pop()) for (question, answer), labels in known.items() if len(labels) == 1]
    seen, unseen = ([case for case in cases if half(case[0]) == side] for side in (True, False))
    model = LogisticRegression(C=30, max_iter=500)
    model.fit(words([answer for _, answer, _ in seen]), [label for _, _, label in seen])
    said = list(map(float, model.predict_proba(words([answer for _, answer, _ in unseen]))[:, 1]))
    true = [label for _, _, label in unseen]
    asked_ = [question for question, _, _ in unseen]
    raw = labelling([one > 0.5 for one in said], true, probabilities=said, clusters=asked_)
    found: dict[str, Any] = {
        "words, raw": [plain(one) for one in raw],
        "left out": len(known) - len(cases),
    }
    loud = [min(1.0, max(0.0, 0.5 + 4 * (one - 0.5))) for one in said]
    found["words, four times as sure"] = [plain(one) for one in calibration(loud, true)]
    later = [half("mended " + question) for question, _, _ in unseen]
    first, second = ([place for place, one in enumerate(later) if one == side] for side in (True, False))
    for how in ("isotonic", "platt"):
        mend = fitted([loud[one] for one in first], [true[one] for one in first], how)  # type: ignore[arg-type]
        mended = mend([loud[one] for one in second])
        found[f"words, mended by {how}"] = [plain(one) for one in calibration(mended, [true[one] for one in second])]
    found["bins"] = [
        [one.low, one.said, one.true.value, one.true.low, one.true.high, one.true.n] for one in bins(said, true)
    ]
    for wanted in (0.7, 0.9):
        found[f"threshold at {wanted}"] = thresholds(said, true, wanted, asked_)
    length = [float(len(answer)) for _, answer, _ in unseen]
    parts = [[one for one, label in zip(length, true, strict=True) if label is side] for side in (True, False)]
    found["length rule, shorter is truer"] = list(_four(auc(*parts)))
    human = [
        row
        for row in rows("factuality/truthfulqa_gpt3_answers_human_labels.jsonl.gz")
        if not half(row["question"].strip())
    ]
    rated = [(_answer(row), str(row["truthfulness"]).strip().upper(), row["question"]) for row in human]
    sure = [(one, label.startswith("TRUE"), name) for one, label, name in rated if label.startswith(("TRUE", "FALSE"))]
    again = list(map(float, model.predict_proba(words([one for one, _, _ in sure]))[:, 1]))
    labels, names = [label for _, label, _ in sure], [name for _, _, name in sure]
    read = labelling([one > 0.5 for one in again], labels, probabilities=again, clusters=names)
    found["words, on GPT-3's answers with human labels"] = [plain(one) for one in read]
    written("truth", {**found, **costs(start)}, RESULTS)


def _answer(row: dict[str, Any]) -> str:
    return str(row["answer"]).strip().removeprefix("A:").strip()


def table() -> None:
    """Print what was written."""
    for name, part in json.loads(RESULTS.read_text("utf-8")).items():
        print(f"\n{name}\n")
        for what, found in part.items():
            if isinstance(found, list) and found and isinstance(found[0], dict) and "measure" in found[0]:
                for one in found:
                    mark = "worse" * one["worse"]
                    print(f"| {what} | {one['measure']} | {cell(one)} | {mark} | {one['note']} |")
            else:
                print(f"{what}: {found}")


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parts = {"pairs": pairs_part, "refusals": refusals, "truth": truth, "table": table}
    parser.add_argument("part", choices=tuple(parts))
    parts[parser.parse_args().part]()


if __name__ == "__main__":
    main()
