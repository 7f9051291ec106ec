"""Reward models and a judge of truth on real judgements, beside chance, length and a bag of words.

    REGROWTH_DATA=/path/to/data python -m benchmarks.reward               # 35 CPU minutes; writes results/reward.json
    REGROWTH_DATA=/path/to/data python -m benchmarks.reward attributes    # one part of it, beside what is there
    python -m benchmarks.reward table

Prompts that resemble each other are never parted. One dev part, 15 % of the prompts, serves all splits: it chooses
the learning rate (where a task lists several, on its first split), the bag of words' penalty, and the step whose
weights are kept. The rest is cut into fifths; each seed tests on another fifth, so tests are disjoint, and has
weights, head and data order of its own. Intervals: clustered by prompt over all tested cases, and Student's t over
the seeds.
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

from benchmarks.reward import attributes as five
from benchmarks.reward.baselines import area, bag_of_words, length_rule
from benchmarks.reward.data import Case, Split, cases_of, splits
from benchmarks.reward.judges import judge, read, rewards, untrained
from benchmarks.reward.table import printed
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record, digest
from regrowth.metrics.intervals import across_seeds, clustered_mean
from regrowth.models.tiny import TINY
from regrowth.training.objectives import attributes, bradley_terry, verdict
from regrowth.training.objectives.view import Objective
from regrowth.training.settings import TrainingSettings

WORK = Path(__file__).parents[1] / ".work" / "reward"
RESULTS = Path(__file__).parents[1] / "results" / "reward.json"
STARTS = ("reward model, from scratch", "reward model, after reading")
COMMON = {"tokens_per_batch": 4096, "warmup": 10, "threads": 1, "checkpoint_every": 10**6, "watch": "accuracy"}
SEEN = 200
"""Cases of the training part that a judge is asked about once more: how much it knows by heart."""
REGRESSION = {**COMMON, "tokens_per_batch": 2048, "learning_rate": 1e-3, "schedule": "cosine"}

Score = Callable[[Record, str], float]


@dataclass(frozen=True)
class Task:
    """Say what is learnt, how long, and under how many seeds."""

    objective: Objective
    seeds: int
    steps: int
    look: int
    rates: tuple[float, ...]
    patience: int = 4

    def settings(self, rate: float, seed: int) -> TrainingSettings:
        """Return the settings of one training."""
        how = {"steps": self.steps, "evaluate_every": self.look, "patience": self.patience, **COMMON}
        return TrainingSettings.model_validate({"learning_rate": rate, "seed": seed, **how})


TASKS = {
    "pandalm": Task(bradley_terry(), seeds=5, steps=60, look=6, rates=(3e-4, 1e-3)),
    "hh": Task(bradley_terry(), seeds=3, steps=75, look=25, rates=(3e-4,)),
    "truthfulqa": Task(verdict(), seeds=3, steps=100, look=20, rates=(3e-4, 1e-3)),
}

REGRESSIONS = {
    "attributes": (60, ("all", "half hidden", "half hidden, taken for 0")),
    "longer": (180, ("all", "half hidden")),
}
"""Steps, and which labels are there."""
PARTS = (*TASKS, *REGRESSIONS, "table")


# The judges ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A trained judge: where it lies and what its training cost and saw."""

    folder: Path
    facts: dict[str, float]


def bases(seed: int) -> dict[str, Path]:
    """Return both starting points; the one that has read is made once, from the first seed's weights."""
    start, reader = WORK / f"untrained-{seed}", WORK / "read"
    if not (start / "model.safetensors").exists():
        untrained(start, seed)
    if not (reader / "model.safetensors").exists():
        read(bases(0)[STARTS[0]] if seed else start, reader)
    return dict(zip(STARTS, (start, reader), strict=True))


def trained(task: str, start: str, split: Split, rate: float, seed: int) -> Trained:
    """Train one judge; one that lies there already is taken as it is."""
    work, settings = TASKS[task], TASKS[task].settings(rate, seed)
    records = tuple([case.record for case in part] for part in (split.train, split.dev))
    seen = [[record.id for record in part] for part in records]
    folder = WORK / f"{task}-{digest(start, work.objective.to_json(), settings.to_json(), seen)[:12]}"
    facts = folder / "facts.json"
    if not facts.exists():
        log, seconds = judge(bases(seed)[start], work.objective, (records[0], records[1]), settings, folder)
        best = max(look.figures["accuracy"] for look in log.held_out)
        told = {"dev": best, "looks": len(log.held_out), "tokens": log.tokens, "cpu_s": seconds}
        told |= {
            "first_loss": log.losses[0],
            "last_loss": statistics.mean(log.losses[-5:]),
            "skipped": len(log.skipped),
        }
        facts.write_text(json.dumps(told), "utf-8")
    return Trained(folder / "judge", json.loads(facts.read_text("utf-8")))


def asked(folder: Path, cases: Sequence[Case]) -> tuple[Score, float]:
    """Let a judge score all replies; return the scores as a function, and replies per CPU second."""
    wanted = [
        (case.record.messages, reply)
        for case in cases
        for reply in (case.record.response, case.record.rejected)
        if reply
    ]
    values, seconds = rewards(folder, wanted)
    known = {(str(messages), reply): value[0] for (messages, reply), value in zip(wanted, values, strict=True)}
    return lambda record, reply: known[str(record.messages), reply], len(wanted) / seconds


# The marks -----------------------------------------------------------------------------------------------------------


def right(record: Record, score: Score) -> float:
    """Return 1 where the score says what people said, ½ where it cannot decide."""
    gap = score(record, record.response) - (score(record, record.rejected) if record.rejected else 0.0)
    return 0.5 if gap == 0 else float((gap > 0) == (record.attributes.get("label", 1.0) > 0.5))


def share_right(score: Score, cases: Sequence[Case]) -> float:
    """Return the accuracy over cases."""
    return statistics.mean(right(case.record, score) for case in cases)


def told(estimate: Estimate) -> dict[str, float]:
    """Return an estimate as plain data."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def baselines(task: str, split: Split) -> dict[str, Score]:
    """Return what is not learnt by a network."""
    records = [case.record for case in split.train]
    words, _ = bag_of_words(records, lambda score: share_right(score, split.dev))
    if task != "truthfulqa":
        return {
            "longer wins": lambda _, reply: len(reply),
            "shorter wins": lambda _, reply: -len(reply),
            "words": words,
        }
    yes = statistics.mean(record["label"] for record in records) > 0.5
    return {"majority": lambda *_: 1.0 if yes else -1.0, "length": length_rule(records), "words": words}


class Marks:
    """Gather what every arm says of every tested case."""

    def __init__(self) -> None:
        self.right: dict[str, list[list[float]]] = {}
        self.scores: dict[str, list[list[float]]] = {}
        self.tests: list[list[Case]] = []

    def add(self, arm: str, score: Score, cases: Sequence[Case]) -> None:
        """Mark one arm on the test part of one split."""
        self.right.setdefault(arm, []).append([right(case.record, score) for case in cases])
        self.scores.setdefault(arm, []).append([score(case.record, case.record.response) for case in cases])

    def figures(self) -> dict[str, Any]:
        """Return accuracies, and how much the networks exceed every other arm."""
        arms = {}
        for arm, parts in self.right.items():
            per_seed = [statistics.mean(part) for part in parts]
            arms[arm] = {
                "tested": told(clustered_mean([x for part in parts for x in part], self._families())),
                "seeds": told(across_seeds(per_seed)),
                "each": per_seed,
            }
        differences = {
            f"{ours} − {arm}": told(clustered_mean(self._gaps(ours, arm), self._families()))
            for ours in STARTS
            for arm in self.right
            if arm != ours and not (arm in STARTS and ours == STARTS[0])
        }
        return {"arms": arms, "differences": differences}

    def ranking(self) -> dict[str, Any]:
        """Return, for labelled replies, areas under the ROC curve and F1 of the yes."""
        found: dict[str, Any] = {}
        for arm, parts in self.scores.items():
            pairs = list(zip(parts, self.tests, strict=True))
            areas = [area(scores, [case.record["label"] for case in cases]) for scores, cases in pairs]
            within, families = zip(*(one for scores, cases in pairs for one in _within(scores, cases)), strict=True)
            found[arm] = {
                "auc": told(across_seeds(areas)),
                "auc within a question": told(clustered_mean(within, families)),
                "f1": _f1(
                    [
                        (score > 0, case.record["label"])
                        for scores, cases in pairs
                        for score, case in zip(scores, cases, strict=True)
                    ]
                ),
            }
        return found

    def _families(self) -> list[int]:
        return [case.family for cases in self.tests for case in cases]

    def _gaps(self, first: str, second: str) -> list[float]:
        parts = zip(self.right[first], self.right[second], strict=True)
        return [one - other for mine, theirs in parts for one, other in zip(mine, theirs, strict=True)]


def _within(scores: Sequence[float], cases: Sequence[Case]) -> Iterator[tuple[float, int]]:
    """Yield, for each question with answers of both kinds, the area under its own curve, and its family."""
    groups: dict[str, list[tuple[float, Case]]] = {}
    for score, case in zip(scores, cases, strict=True):
        groups.setdefault(case.topic, []).append((score, case))
    for group in groups.values():
        labels = [case.record["label"] for _, case in group]
        if 0 < sum(labels) < len(labels):
            yield area([score for score, _ in group], labels), group[0][1].family


def _f1(said: Sequence[tuple[bool, float]]) -> float:
    both = sum(yes and label for yes, label in said)
    return 2 * both / max(1.0, sum(yes for yes, _ in said) + sum(label for _, label in said))


# The parts of the benchmark ------------------------------------------------------------------------------------------


def measured(task: str) -> dict[str, Any]:
    """Measure one task."""
    cases, left_out = cases_of(task)
    every = splits(cases, TASKS[task].seeds)
    tried = {rate: trained(task, STARTS[1], every[0], rate, 0).facts["dev"] for rate in TASKS[task].rates}
    rate = max(tried, key=lambda rate: tried[rate])
    marks, facts = Marks(), list[dict[str, Any]]()
    for seed, split in enumerate(every):
        marks.tests.append(split.test)
        for name, score in baselines(task, split).items():
            marks.add(name, score, split.test)
        for name in split.test[0].verdicts:
            marks.right.setdefault(name, []).append([case.verdicts[name] for case in split.test])
        for start in STARTS:
            facts.append(_tested(task, start, split, rate, seed, marks))
            print(task, facts[-1], flush=True)
    return {
        "cases": len(cases),
        "families": len({case.family for case in cases}),
        "left_out": left_out,
        "train, dev, test": [[len(part) for part in split] for split in every],
        "dev accuracy by learning rate": {f"{rate:g}": found for rate, found in tried.items()},
        "learning_rate": rate,
        **marks.figures(),
        **({"ranking": marks.ranking()} if task == "truthfulqa" else {}),
        "trainings": facts,
        "replies per CPU second": statistics.median(fact["replies_per_cpu_s"] for fact in facts),
    }


def _tested(task: str, start: str, split: Split, rate: float, seed: int, marks: Marks) -> dict[str, Any]:
    """Train one judge, mark it on its test part, and return what is worth knowing of it."""
    done = trained(task, start, split, rate, seed)
    score, speed = asked(done.folder, split.test)
    marks.add(start, score, split.test)
    seen = split.train[:SEEN]
    by_heart = share_right(asked(done.folder, seen)[0], seen)
    facts = {"start": start, "seed": seed, **done.facts, "train": by_heart}
    return {**facts, "test": statistics.mean(marks.right[start][-1]), "replies_per_cpu_s": speed}


Hide: TypeAlias = Callable[[list[Record], int], list[Record]]
HIDING: dict[str, Hide] = {
    "all": lambda records, _: records,
    "half hidden": lambda records, seed: five.hidden(records, 0.5, seed),
    "half hidden, taken for 0": lambda records, seed: five.hidden(records, 0.5, seed, 0.0),
}


def masked(steps: int, arms: Sequence[str]) -> dict[str, Any]:
    """Measure the regression of five attributes with all labels, and with some hidden."""
    test = five.judged(500, 99, "heldout")
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    for seed in range(3):
        records = five.judged(1200, seed, "train")
        for arm in arms:
            folder = WORK / f"attributes-{steps}-{list(HIDING).index(arm)}-{seed}"
            settings = TrainingSettings.model_validate({**REGRESSION, "steps": steps, "seed": seed})
            judge(TINY, attributes(five.NAMES), (HIDING[arm](records, seed), ()), settings, folder)
            values, _ = rewards(folder / "judge", [(record.messages, record.response) for record in test])
            found[arm].append(_correlations(values, test))
            print("attributes", steps, arm, seed, found[arm][-1], flush=True)
    names = (*five.NAMES, "mean")
    lost = {
        arm: {
            name: [100 * (best[name] - one[name]) for best, one in zip(found["all"], each, strict=True)]
            for name in names
        }
        for arm, each in found.items()
        if arm != "all"
    }
    return {
        "steps": steps,
        "pearson": {
            arm: {name: told(across_seeds(one[name] for one in each)) for name in names} for arm, each in found.items()
        },
        "points lost": {
            arm: {name: told(across_seeds(gaps)) for name, gaps in each.items()} for arm, each in lost.items()
        },
    }


def _correlations(values: Sequence[Sequence[float]], test: Sequence[Record]) -> dict[str, float]:
    each = {
        name: five.pearson([value[place] for value in values], [record.scores[name] for record in test])
        for place, name in enumerate(five.NAMES)
    }
    return {**each, "mean": statistics.mean(each.values())}


def main() -> None:
    """Measure what is asked for, write and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; by default all but the table")
    parts = parser.parse_args().parts or PARTS[:-1]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    torch.set_num_threads(1)
    for part in parts:
        if part != "table":
            results[part] = masked(*REGRESSIONS[part]) if part in REGRESSIONS else measured(part)
            results["machine"] = {
                "torch": torch.__version__,
                "python": platform.python_version(),
                "load": os.getloadavg(),
            }
            results = {name: results[name] for name in (*PARTS, "machine") if name in results}
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(printed(results))


if __name__ == "__main__":
    main()
