"""Do the measures of leakage find what leaks, and leave in peace what does not? And what does privacy in training cost?

    REGROWTH_DATA=… python -m benchmarks.leakage         # ten CPU minutes; writes benchmarks/results/leakage.json
    REGROWTH_DATA=… python -m benchmarks.leakage data    # the part without a model: half a minute; `models`: the other

Data: synthetic sets with a known share of copies, of GSM8K questions, WikiText paragraphs and census rows. Models: the
packaged one, trained on 300 statements with 170 copies of eight canaries, judged by those and by 300 others of the same
file that it never saw. Three seeds: each splits the statements anew and draws its own canaries, order and noise.
Needs the extra `private` for the arms with differential privacy.
"""

import csv
import gzip
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.curation.canaries import Canary, planted
from regrowth.metrics.columns import aligned
from regrowth.metrics.intervals import across_seeds, proportion
from regrowth.metrics.leakage.exposure import exposure
from regrowth.metrics.leakage.membership import (
    Attack,
    attack,
    calibrated,
    compressed,
    least,
    least_standardised,
    mean_loss,
    null,
)
from regrowth.metrics.leakage.nearest import Nearness, table_nearness, text_nearness
from regrowth.metrics.leakage.verbatim import verbatim
from regrowth.models.tiny import TINY
from regrowth.texts import words
from regrowth.training.loop import train
from regrowth.training.objectives import sft
from regrowth.training.reference import measured
from regrowth.training.rows import Rows, tokenize
from regrowth.training.settings import Lora, PrivateSettings, TrainingSettings
from regrowth.weights.loading import Weights, lineage, load

DATA = Path(os.environ.get("REGROWTH_DATA", "data"))
WORK = Path(__file__).parent / ".work" / "leakage"
RESULTS = Path(__file__).parent / "results" / "leakage.json"
SEEDS = (0, 1, 2)
MEMBERS, DRAWS, REPEATS = 300, 200, (1, 4, 16, 64)
LONG, SHORT, RECORDS = 110, 60, 48
"""Steps of the model that is trained too long, of the others, and records of a step."""


def lines(name: str) -> list[Any]:
    """Read a compressed file of JSON lines."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def shown(estimate: Estimate) -> str:
    """Write an estimate with its interval."""
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def told(estimate: Estimate) -> dict[str, float]:
    """Return an estimate as plain data."""
    return {name: round(getattr(estimate, name), 5) for name in ("value", "low", "high", "n")}


# What needs no model --------------------------------------------------------------------------------------------------

Table = dict[str, list[object]]


def number(word: str) -> object:
    """Return a word as a number, if it is one."""
    try:
        return float(word)
    except ValueError:
        return word.strip()


def table(name: str) -> list[tuple[object, ...]]:
    """Read the rows of a table."""
    with gzip.open(DATA / "tabular" / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return [tuple(number(word) for word in row) for row in list(csv.reader(file))[1:]]


def columns(rows: Sequence[tuple[object, ...]]) -> Table:
    """Turn rows into columns."""
    return {f"column {place}": list(column) for place, column in enumerate(zip(*rows, strict=True))}


def nearness_facts(found: Nearness, seconds: float) -> dict[str, Any]:
    """Return what was measured as plain data."""
    facts: dict[str, Any] = {"fires": list(found.fires), "cpu_seconds": round(seconds, 2)}
    for side in ("synthetic", "null"):
        facts[side] = {name: told(one) for name, one in getattr(found, side)._asdict().items()}
    return facts


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the CPU seconds that it took."""
    start = time.process_time()
    return work(), time.process_time() - start


def texts() -> dict[str, Any]:
    """Measure copies among GSM8K questions."""
    questions = [row["question"] for row in lines("reasoning/gsm8k_train.jsonl.gz")]
    dice = random.Random(0)
    dice.shuffle(questions)
    seeds, holdout, fresh = (questions[start : start + 2000] for start in (0, 2000, 4000))
    arms = {
        "independent": fresh,
        "50 % copies": seeds[:1000] + fresh[1000:],
        "all copies": seeds,
        "all copies, one word in ten replaced": [replaced(one, 0.1, dice) for one in seeds],
        "2 % copies": seeds[:40] + fresh[40:],
    }
    return {arm: nearness_facts(*timed(lambda: text_nearness(made, seeds, holdout))) for arm, made in arms.items()}  # noqa: B023


def replaced(text: str, share: float, dice: random.Random) -> str:
    """Replace a share of the words by others of the same text."""
    said = text.split()
    return " ".join(dice.choice(said) if dice.random() < share else word for word in said)


def census() -> dict[str, Any]:
    """Measure the census sets, and copies among census rows."""
    seeds, holdout, mostly, flipped = (table(f"census2k_{name}") for name in ("trn", "hol", "syn_mostly", "syn_flip30"))
    known = {*seeds, *holdout}
    fresh = [row for row in dict.fromkeys(table("adult")) if row not in known]
    dice = random.Random(0)
    fresh = dice.sample(fresh, 2000)
    nudged = [(row[0] + 1, *row[1:]) for row in seeds[:40]]  # type: ignore[operator]
    arms = {
        "independent": fresh,
        "50 % copies": seeds[:1000] + fresh[1000:],
        "all copies": seeds,
        "generator (syn_mostly)": mostly,
        "30 % of values flipped (syn_flip30)": flipped,
        "60 % of values flipped": [mixed(row, fresh, 0.6, dice) for row in seeds],
        "2 % copies": seeds[:40] + fresh[40:],
        "2 % copies, a year older": nudged + fresh[40:],
    }
    facts = {}
    for arm, rows in arms.items():
        own, made, held = aligned(*map(columns, (seeds, rows, holdout))).tables
        found, seconds = timed(lambda: table_nearness(made, own, held))  # noqa: B023
        facts[arm] = nearness_facts(found, seconds)
        source = proportion(int((found.nearest == np.arange(len(rows))).sum()), len(rows))
        facts[arm]["own source is nearest"] = told(source)
    return facts


def mixed(row: tuple[object, ...], others: Sequence[tuple[object, ...]], share: float, dice: random.Random) -> Any:
    """Replace a share of a row's values by those of other rows."""
    return tuple(dice.choice(others)[place] if dice.random() < share else value for place, value in enumerate(row))


def passages() -> dict[str, Any]:
    """Plant passages of seeds in a quarter of the fresh paragraphs, and find them."""
    with gzip.open(DATA / "text" / "wikitext2_valid.txt.gz", "rt", encoding="utf-8") as file:
        paragraphs = [one for one in map(words, file) if len(one) >= 80]
    dice = random.Random(0)
    dice.shuffle(paragraphs)
    third = len(paragraphs) // 3
    seeds, holdout, fresh = (paragraphs[place * third : (place + 1) * third] for place in range(3))
    facts: dict[str, Any] = {"records": third}
    for length in (12, 30, 60):
        made, marked = list(fresh), range(0, third, 4)
        for place in marked:
            source = dice.choice(seeds)
            start = dice.randrange(len(source) - length + 1)
            made[place] = [*fresh[place][:20], *source[start : start + length]]
        parts = [[" ".join(one) for one in part] for part in (made, seeds, holdout)]
        found, seconds = timed(lambda: verbatim(*parts))  # noqa: B023
        longest = [0 if one is None else one.length for one in found.passages]
        bar = max(one for one in (10, 25, 50) if one <= length)
        clean = [place for place in range(third) if place not in marked]
        facts[f"{length} words planted"] = {
            "length": bar,
            "recall": told(proportion(sum(longest[place] >= bar for place in marked), len(marked))),
            "others": told(proportion(sum(longest[place] >= bar for place in clean), len(clean))),
            "null": told(found.null[bar]),
            "words": sum(len(one) for part in (made, seeds, holdout) for one in part),
            "cpu_seconds": round(seconds, 2),
        }
    return facts


# What needs one -------------------------------------------------------------------------------------------------------


def statement(text: str) -> Record:
    """Make a record whose answer is a statement."""
    return Record.of("Say something about yourself.", response=text)


def settings_of(seed: int) -> dict[str, TrainingSettings]:
    """Return the trainings: too long; then with low-rank matrices, without privacy and with it."""
    short: dict[str, Any] = {"steps": SHORT, "learning_rate": 2e-3, "seed": seed, "threads": 1, "lora": Lora(rank=4)}
    private: dict[str, Any] = {**short, "records_per_step": RECORDS, "delta": 1e-4, "noise_seed": seed}
    batch = 38 * RECORDS  # as many records as a private step has, on average
    return {
        "too long": TrainingSettings(steps=LONG, learning_rate=1e-3, seed=seed, threads=1, tokens_per_batch=batch),
        "LoRA": TrainingSettings(**short, tokens_per_batch=batch),
        "LoRA, epsilon 8": PrivateSettings(**private, epsilon=8.0),
        "LoRA, epsilon 1": PrivateSettings(**private, epsilon=1.0),
    }


def trained(records: Sequence[Record], settings: TrainingSettings, folder: Path) -> tuple[Weights, float]:
    """Train the packaged model, or read what was trained before; return the CPU seconds, too."""
    out, note = folder / "out", folder / "cpu_seconds"
    if not note.exists():
        out.mkdir(parents=True, exist_ok=True)
        start = time.process_time()
        train(load(TINY), records, sft, settings, out=out, scratch=folder / "scratch", lineage={"data": "statements"})
        note.write_text(str(time.process_time() - start))
    return load(out), float(note.read_text())


def scored(weights: Weights, records: Sequence[Record]) -> list[list[float]]:
    """Return the log-probabilities of each record's answer."""
    rows = tokenize(records, weights.codec, sft, context=weights.context)
    assert not rows.skipped
    values = measured(weights, rows)
    return [one.tolist() for one in np.split(values, rows.marks[1:-1])]


@torch.no_grad()
def expected(weights: Weights, records: Sequence[Record]) -> list[tuple[list[float], list[float]]]:
    """Return mean and deviation of log p over the vocabulary at each token of an answer."""
    rows: Rows = tokenize(records, weights.codec, sft, context=weights.context)
    found = []
    for place in range(len(rows)):
        piece = slice(int(rows.starts[place]), int(rows.starts[place + 1]))
        ids, kept = torch.tensor(rows.ids[piece][:-1].astype(int)), np.flatnonzero(rows.trained[piece][1:])
        logs = weights.network(ids[None])[0][torch.tensor(kept)].log_softmax(-1)
        mean = (logs.exp() * logs).sum(-1)
        spread = ((logs.exp() * logs**2).sum(-1) - mean**2).clamp(min=0).sqrt()
        found.append((mean.tolist(), spread.tolist()))
    return found


def attacks(weights: Weights, reference: Weights, parts: Sequence[Sequence[Record]]) -> dict[str, Attack]:
    """Attack members and others with every score; and members with members."""
    logs = [scored(weights, part) for part in parts]
    under = [scored(reference, part) for part in parts]
    spread = [expected(weights, part) for part in parts]
    scores: dict[str, list[list[float]]] = {
        "loss": [[mean_loss(one) for one in part] for part in logs],
        "Min-K%": [[least(one) for one in part] for part in logs],
        "Min-K%++": [
            [least_standardised(one, *facts) for one, facts in zip(*pair, strict=True)]
            for pair in zip(logs, spread, strict=True)
        ],
        "calibrated": [
            [calibrated(one, other) for one, other in zip(*pair, strict=True)] for pair in zip(logs, under, strict=True)
        ],
        "zlib": [
            [compressed(one, record.response) for one, record in zip(*pair, strict=True)]
            for pair in zip(logs, parts, strict=True)
        ],
    }
    found = {name: attack(*both) for name, both in scores.items()}
    return {**found, "null: members against members, loss": null(scores["loss"][0])}


def exposed(weights: Weights, canaries: Sequence[Canary], seed: int) -> dict[str, float]:
    """Return the mean exposure in bits by repeats."""
    dice = random.Random(seed)
    bits: dict[str, list[float]] = {}
    for one in canaries:
        secrets = [one.secret, *(one.form.secret(dice) for _ in range(DRAWS))]
        said = [math.fsum(logs) for logs in scored(weights, [one.form.record(one.name, secret) for secret in secrets])]
        bits.setdefault(str(one.repeats), []).append(exposure(said[0], said[1:], one.form.space).bits.value)
    return {repeats: sum(values) / len(values) for repeats, values in bits.items()}


def models_of(seed: int) -> dict[str, Any]:
    """Train and attack all arms of one seed."""
    said = list(dict.fromkeys(row["statement"] for row in lines("personas/agreeableness.jsonl.gz")))
    random.Random(seed).shuffle(said)
    members, others, third = (
        [statement(text) for text in said[place * MEMBERS : (place + 1) * MEMBERS]] for place in range(3)
    )
    data, canaries = planted(members, 2 * len(REPEATS), REPEATS, seed)
    settings = settings_of(seed)
    place = WORK / str(seed)
    elsewhere, _ = trained(third, settings["too long"], place / "elsewhere")
    arms = {"untrained": (load(TINY), 0.0), "trained on others": (elsewhere, 0.0)}
    arms |= {name: trained(data, how, place / name.replace(" ", "_")) for name, how in settings.items()}
    facts: dict[str, Any] = {}
    for arm, (weights, seconds) in arms.items():
        # the model that never saw the members is its own null; its reference is the packaged one
        reference = load(TINY) if arm in ("untrained", "trained on others") else elsewhere
        found = attacks(weights, reference, (members, others))
        logs = [one for record in scored(weights, others) for one in record]
        facts[arm] = {
            "unseen nll": -math.fsum(logs) / len(logs),
            "attacks": {name: {"auc": told(one.auc), "tpr": told(one.tpr)} for name, one in found.items()},
            "exposure": exposed(weights, canaries, seed),
            "cpu_seconds": round(seconds, 1),
        }
        if "epsilon" in arm:
            facts[arm]["promise"] = json.loads(lineage(place / arm.replace(" ", "_") / "out")["privacy"])
        print(seed, arm, round(facts[arm]["unseen nll"], 3), facts[arm]["exposure"], file=sys.stderr)
    return facts


# All of it ------------------------------------------------------------------------------------------------------------


def print_data(facts: Mapping[str, Any]) -> None:
    """Print the tables of the part without a model."""
    for kind in ("texts", "census"):
        print(f"\n| {kind} | closer | null | NNDR | identical | fires |\n|---|---|---|---|---|---|")
        for arm, one in facts[kind].items():
            made, none = one["synthetic"], one["null"]
            cells = [made["closer"], none["closer"], made["ratio"], made["identical"]]
            said = [shown(Estimate(**cell)) for cell in cells]
            print(f"| {arm} | {' | '.join(said)} | {', '.join(one['fires']) or 'nothing'} |")
    print("\n| passages | found | others | null |\n|---|---|---|---|")
    for arm, one in list(facts["passages"].items())[1:]:
        said = [shown(Estimate(**one[name])) for name in ("recall", "others", "null")]
        print(f"| {arm}, {one['length']} wanted | {' | '.join(said)} |")


def print_models(runs: Sequence[Mapping[str, Any]]) -> None:
    """Print the tables of the part with models."""
    names = list(runs[0]["untrained"]["attacks"])
    for figure in ("auc", "tpr"):
        print(f"\n| {figure} | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
        for arm in runs[0]:
            cells = [across_seeds(run[arm]["attacks"][name][figure]["value"] for run in runs) for name in names]
            print(f"| {arm} | " + " | ".join(map(shown, cells)) + " |")
    print(
        "\n| exposure, bits | unseen NLL | " + " | ".join(map(str, REPEATS)) + " |\n|---|---|" + "---|" * len(REPEATS)
    )
    for arm in runs[0]:
        cells = [across_seeds(run[arm]["exposure"][str(one)] for run in runs) for one in REPEATS]
        nll = shown(across_seeds(run[arm]["unseen nll"] for run in runs))
        print(f"| {arm} | {nll} | " + " | ".join(map(shown, cells)) + " |")


def main() -> None:
    """Measure, write the figures and print the tables."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    start = time.process_time()
    if sys.argv[1:] != ["models"]:
        known |= {"data": {"texts": texts(), "census": census(), "passages": passages()}, "load": os.getloadavg()[0]}
        known["data"]["cpu_seconds"] = round(time.process_time() - start)
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        print_data(known["data"])
    if sys.argv[1:] != ["data"]:
        runs: list[dict[str, Any]] = []
        for seed in SEEDS:
            runs.append(models_of(seed))
            known |= {"seeds": SEEDS[: len(runs)], "models": runs}
            RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        print_models(runs)


if __name__ == "__main__":
    main()
