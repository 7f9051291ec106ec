"""LAB: leaf coverage, gates on planted errors, closed-book recall with its controls, forgetting, order, schedule.

    REGROWTH_DATA=/path/to/data python -m benchmarks.lab gates        # programs on planted errors, real documents
    REGROWTH_DATA=/path/to/data python -m benchmarks.lab gates --judge openai:model@http://host:port/v1
    python -m benchmarks.lab coverage                                  # per-leaf prompts against pooled seeds
    python -m benchmarks.lab student                                   # three seeds; about ten CPU minutes
    python -m benchmarks.lab table                                     # prints what was written

Each part writes its own file in benchmarks/results (`lab_gates.json`, `lab_coverage.json`, `lab.json`). `coverage` and
`student` share one teacher: the packaged model after one apprenticeship. Each seed has an almanac, draws and a training
of its own. Intervals: Wilson for gates; Student's t over the seeds (n = 3) for all else. What was done is remembered.
"""

import argparse
import csv
import gzip
import io
import json
import math
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.demo import told
from regrowth.core.protocols import Estimate, Sampling
from regrowth.core.record import Record, digest
from regrowth.domains.almanac import almanac
from regrowth.domains.small_skills import SKILLS
from regrowth.metrics.intervals import across_seeds
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._lab.asking import asked
from regrowth.recipes._lab.judging import Calibration, calibrated, judged, right_pairs
from regrowth.recipes._lab.lessons import lessons, tasks
from regrowth.recipes._lab.marking import MODES
from regrowth.recipes._lab.pairs import answer_gates, question_gates
from regrowth.recipes._lab.planting import RIGHT, Planted, planted
from regrowth.recipes._lab.quotas import Writing
from regrowth.recipes.lab import LESSONS, RATE, Lesson, Outcome, Settings, _seed, lab
from regrowth.run import Run, open_run
from regrowth.seeds.taxonomy import read_taxonomy

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("REGROWTH_DATA", "../shared/data"))
SEEDS = (0, 1, 2)
STEPS = Settings().apprentice


# Gates on planted errors --------------------------------------------------------------------------------------------


def taxonomy_pairs() -> list[Record]:
    """Return the questions of the knowledge leaves of the InstructLab taxonomy, with the contexts people gave."""
    return right_pairs(read_taxonomy(DATA / "taxonomy", documents=DATA / "documents", strict=False))


def dialogue_pairs() -> list[Record]:
    """Return turns over several documents of multidoc2dial, long answers by a model, that point at no document.

    An answer that says "document 2", or that something is not stated, is left out: the gates refuse those anyway.
    """
    found = []
    for name in ("dmv", "ssa"):
        path = DATA / "documents" / f"multidoc2dial_{name}_seed_examples.jsonl.gz"
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            found += list(_turns(json.loads(line)["steps"]))
    pointing = re.compile(r"[Dd]ocuments? \d|provided documents?|not (?:explicitly )?(?:spec|stat|mention)")
    return [one for one in found if not pointing.search(one.response)]


def _turns(steps: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    context, question = "", ""
    for step in steps:
        if step["role"] == "rag/scenario":
            parts = [one if isinstance(one, str) else one.get("text") or one["content"] for one in step["documents"]]
            context = "\n\n".join(parts)
        elif step["role"] == "user":
            question = step["content"]
        elif step["role"] == "assistant" and question:
            yield Record.of(question, response=step["content"], context=context, kind="knowledge")
            question = ""


def truthful_pairs() -> list[Planted]:
    """Return TruthfulQA: the right answers but one as the document, that one as right, an incorrect answer as wrong."""
    text = gzip.decompress((DATA / "factuality" / "truthfulqa.csv.gz").read_bytes()).decode("utf-8")
    made = []
    for row in csv.DictReader(io.StringIO(text)):
        right = [one.strip() for one in row["Correct Answers"].split(";") if one.strip()]
        wrong = [one.strip() for one in row["Incorrect Answers"].split(";") if one.strip()]
        if len(right) < 3 or not wrong:
            continue
        rng = Random(digest("truthful", row["index"]))
        kept = rng.choice(right)
        context = ". ".join(one.rstrip(".") for one in right if one != kept) + "."
        for answer, error in ((kept, RIGHT), (rng.choice(wrong), "a common falsehood")):
            made.append(Planted(Record.of(row["Question"], response=answer, context=context, kind="knowledge"), error))
    return made


def gates(judge: str) -> None:
    """Measure the gates without a model, and a judge if one is named, on all sets."""
    sets = {
        "taxonomy": planted(taxonomy_pairs(), seed=0),
        "dialogues": planted(dialogue_pairs(), seed=0),
        "truthfulqa": truthful_pairs(),
    }
    figures: dict[str, Any] = {}
    with open_run(WORK / "lab-gates") as run:
        by_name: dict[str, list[Any]] = {"programs": [*question_gates(Writing()), *answer_gates("en")]}
        if judge:
            by_name["judge"] = [judged(run.model(judge), "en", criteria=("faithful", "relevant"))]
            by_name["both"] = [*by_name["programs"], *by_name["judge"]]
        for name, some in sets.items():
            counts = Counter(one.error for one in some)
            figures[name] = {"counts": counts}
            for gate, chosen in by_name.items():
                # There the document is made of answers: no question is about it.
                fitting = answer_gates("en") if (name, gate) == ("truthfulqa", "programs") else chosen
                found = run.wait(calibrated(run, some, fitting, name=f"{gate} on {name}"))
                figures[name][gate] = _figures(found) if found else None
    _write("lab_gates.json", {"judge": judge, "sets": figures})


def _figures(found: Calibration) -> dict[str, Any]:
    by_error = {
        kind: {"precision": _estimate(one.precision), "recall": _estimate(one.recall)}
        for kind, one in found.by_error.items()
    }
    return {"by_error": by_error, "recall": _estimate(found.recall), "alarms": _estimate(found.alarms)}


def _estimate(one: Estimate | None) -> dict[str, float] | None:
    return None if one is None else asdict(one)


# Leaf coverage ------------------------------------------------------------------------------------------------------

CALLS = 240
SHOWN = 3
Writer = Callable[[Sequence[tuple[str, int]]], list[str]]
"""Writes a question for each prompt and seed."""
FREE = [leaf for leaf in SKILLS if "grounded" not in leaf]


def coverage() -> None:
    """Compare per-leaf prompts with seeds drawn from one pool, at an equal number of calls."""
    found: dict[str, Any] = {"calls": CALLS, "leaves": len(FREE), "seeds": {}}
    with open_run(WORK / "lab-teacher") as run:
        writers: dict[str, Writer] = {"toy": lambda asked_for: [dominated(*one) for one in asked_for]}
        writers["tiny"] = _asking(run, taught_teacher(run))
        for seed in SEEDS:
            found["seeds"][str(seed)] = {
                name: {way: spread(write, seed, way) for way in ("per leaf", "pooled")}
                for name, write in writers.items()
            }
    _write("lab_coverage.json", found)


def taught_teacher(run: Run) -> RememberedModel:
    """Return the packaged model after its apprenticeship."""
    made = lessons(LESSONS * STEPS, seed=0)
    return run.wait(apprentice(run, run.model("tiny"), made, steps=STEPS, learning_rate=RATE, seed=0))


def _asking(run: Run, teacher: RememberedModel) -> Writer:
    sampling = Sampling(temperature=1.0, max_tokens=40)

    async def one(asked_for: tuple[str, int]) -> str:
        return (await teacher.ask(asked_for[0], sampling, seed=asked_for[1])).strip()

    return lambda asked_for: run.wait(run.aeach(asked_for, one, name="coverage"))


def dominated(prompt: str, seed: int) -> str:
    """Answer as a teacher with one dominant mode: half of the weight is its own, half what the examples show.

    Its own taste is 1, 1/4, 1/9 … over the leaves; an example of a leaf adds one to that leaf. The leaf is drawn by
    the cube of the sum, as a mode takes more than its share.
    """
    rng, lines = Random(digest("dominated", prompt, seed)), prompt.splitlines()[1:]
    shown = Counter(leaf for line in lines for leaf in FREE if SKILLS[leaf].pattern.fullmatch(line))
    weights = [(3 / (place + 1) ** 2 + shown[leaf]) ** 3 for place, leaf in enumerate(FREE)]
    return SKILLS[rng.choices(FREE, weights)[0]].draw(rng)[1]


def spread(write: Writer, seed: int, way: str) -> dict[str, float]:
    """Return how the questions of a way to prompt spread over the leaves."""
    pool = {leaf: [question for _, question, _ in tasks(5, seed=seed, leaf=leaf)] for leaf in FREE}
    prompts = []
    for number in range(CALLS):
        rng = Random(digest("coverage", seed, way, number))
        own = pool[FREE[number % len(FREE)]]
        source = own if way == "per leaf" else [question for some in pool.values() for question in some]
        prompt = asked("brief", "skill_question", examples="\n".join(rng.sample(source, SHOWN)))
        prompts.append((prompt, rng.randrange(2**31)))
    found = [(leaf, one) for one in write(prompts) for leaf in FREE if SKILLS[leaf].pattern.fullmatch(one)]
    drawn, questions = Counter(leaf for leaf, _ in found), {one for _, one in found}
    shares = [count / drawn.total() for count in drawn.values()]
    return {
        "entropy": -sum(share * math.log(share) for share in shares) / math.log(len(FREE)) if shares else 0.0,
        "covered": len(drawn) / len(FREE),
        "rarest": min(drawn[leaf] for leaf in FREE) / CALLS,
        "well formed": drawn.total() / CALLS,
        "different": len(questions) / CALLS,
    }


# The student --------------------------------------------------------------------------------------------------------

ARMS: Mapping[str, Mapping[str, Any]] = {
    "lab": {},
    "no replay": {"replay": 0.0},
    "all replayed": {"replay": 1.0},
    "long first": {"order": "long-short"},
    "mixed": {"order": "mixed"},
    "cosine": {"schedule": "cosine"},
}


def student() -> None:
    """Run every arm with every seed."""
    with open_run(WORK / "lab-teacher") as run:
        teacher = str(taught_teacher(run).folder)
    found: dict[str, Any] = {str(seed): {} for seed in SEEDS}
    for arm, lesson in ARMS.items():
        for seed in SEEDS:
            start = time.process_time()
            settings = Settings(
                model=teacher,
                student="tiny",
                prompts="brief",
                seed=seed,
                lesson=Lesson(controls=arm == "lab").model_copy(update=dict(lesson)),
            )
            with open_run(WORK / f"lab-{seed}") as run:
                outcome = run.wait(lab(run, settings))
                found[str(seed)][arm] = _of(run, outcome, settings, arm)
            print(f"seed {seed}, {arm}: {time.process_time() - start:.0f} CPU seconds", file=sys.stderr, flush=True)
            _write("lab.json", {"steps": Lesson().steps, "apprentice": STEPS, "seeds": found}, quiet=True)
    table()


def _of(run: Run, outcome: Outcome, settings: Settings, arm: str) -> dict[str, Any]:
    """Return what one arm measured."""
    marks, phases = outcome.marks or {}, outcome.phases or {}
    known = {
        name: {
            f"{kind}, {mode}": one.mean(mode, kind) for kind in ("knowledge", "foundational", "skill") for mode in MODES
        }
        for name, one in marks.items()
    }
    between = {name: {mode: one.mean(mode, "knowledge") for mode in MODES} for name, one in phases.items()}
    figures: dict[str, Any] = {"marks": known, "knowledge after": between}
    if arm == "lab":
        world = almanac(seed=_seed(settings, "world"))
        pairs = run.dataset("pairs")
        ledger = [entry for entry in pairs.ledger() if entry.record.response and entry.record["kind"] == "knowledge"]
        kept = [one for one in outcome.data if one["kind"] == "knowledge"]
        figures |= {
            "trusted": outcome.trusted,
            "barren": list(outcome.barren),
            "gates": Counter(entry.gate for entry in pairs.ledger()),
            "kept gates": Counter(entry.gate for entry in outcome.data.ledger()),
            "accepted": len(pairs),
            "kept": len(outcome.data),
            "right among kept": _right(kept, world.answers),
            "right among refused": _right([one.record for one in ledger if one.gate not in SETTLED], world.answers),
            "calibrations": {name: _figures(one) for name, one in outcome.calibrations.items()},
        }
    return figures


SETTLED = ("duplicate", "quota")


def _right(pairs: Sequence[Record], answers: Mapping[str, str]) -> dict[str, int]:
    return {"pairs": len(pairs), "right": sum(answers.get(one.prompt, "?") == one.response for one in pairs)}


# Tables -------------------------------------------------------------------------------------------------------------


def table() -> None:
    """Print what was measured so far."""
    for name, show in (("lab_gates", _gate_table), ("lab_coverage", _coverage_table), ("lab", _student_table)):
        path = RESULTS / f"{name}.json"
        if path.exists():
            show(json.loads(path.read_text("utf-8")))


def _gate_table(found: Mapping[str, Any]) -> None:
    for name, measured in found["sets"].items():
        for gate in ("programs", "judge", "both"):
            if not measured.get(gate):
                continue
            one = measured[gate]
            print(
                f"\n{name}, {gate}: right pairs refused {_told(one['alarms'])}, all errors found {_told(one['recall'])}"
            )
            print("| error | n | recall | precision |\n|---|---|---|---|")
            for error, both in one["by_error"].items():
                print(
                    f"| {error} | {measured['counts'][error]} | {_told(both['recall'])} | {_told(both['precision'])} |"
                )


def _told(one: Mapping[str, float] | None) -> str:
    return "–" if one is None else told(Estimate(one["value"], one["low"], one["high"], int(one["n"])))


def _coverage_table(found: Mapping[str, Any]) -> None:
    seeds = list(found["seeds"].values())
    measures = ("entropy", "covered", "rarest", "well formed", "different")
    print("\n| teacher | prompts | " + " | ".join(measures) + " |\n|---|---|" + "---|" * len(measures))
    for name, ways in seeds[0].items():
        for way in ways:
            cells = [told(across_seeds([one[name][way][measure] for one in seeds])) for measure in measures]
            print(f"| {name} | {way} | {' | '.join(cells)} |")


def _student_table(found: Mapping[str, Any]) -> None:
    seeds = [one for one in found["seeds"].values() if one]
    if len(seeds) < 2:
        return
    first = seeds[0]["lab"]["marks"]
    measures = list(next(iter(first.values())))
    rows = [("lab", name) for name in first] + [(arm, "lab") for arm in ARMS if arm != "lab"]
    rows = [(arm, name) for arm, name in rows if all(arm in one for one in seeds)]
    print("\n| arm | " + " | ".join(measures) + " | lab − arm, knowledge, T=1 |\n|---|" + "---|" * (len(measures) + 1))
    for arm, name in rows:
        own = [one[arm]["marks"][name] for one in seeds]
        gaps = [
            one["lab"]["marks"]["lab"]["knowledge, T=1"] - mark["knowledge, T=1"]
            for one, mark in zip(seeds, own, strict=True)
        ]
        cells = [told(across_seeds([mark[measure] for mark in own])) for measure in measures]
        label = name if arm == "lab" else arm
        print(f"| {label} | {' | '.join(cells)} | {'' if label == 'lab' else told(across_seeds(gaps), '+')} |")
    print("\n| arm | knowledge before the skills phase − after it, T=1 |\n|---|---|")
    for arm in ARMS:
        if all(arm in one for one in seeds):
            falls = [list(one[arm]["knowledge after"].values()) for one in seeds]
            print(f"| {arm} | {told(across_seeds([each[-2]['T=1'] - each[-1]['T=1'] for each in falls]), '+')} |")


def _write(name: str, figures: Mapping[str, Any], *, quiet: bool = False) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if not quiet:
        table()


def main() -> None:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lab", description=__doc__)
    parser.add_argument("parts", nargs="*", default=[], help="gates, coverage, student, table; all by default")
    parser.add_argument("--judge", default="", help="a model that judges beside the programs")
    given = parser.parse_args()
    parts: Mapping[str, Callable[[], None]] = {
        "gates": lambda: gates(given.judge),
        "coverage": coverage,
        "student": student,
        "table": table,
    }
    for part in given.parts or ("gates", "coverage", "student"):
        parts[part]()


if __name__ == "__main__":
    main()
