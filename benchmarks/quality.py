"""Safety and quality gates on real texts: refusals, languages, garbled texts, orders in documents, hijacked models.

    REGROWTH_DATA=/path/to/data python -m benchmarks.quality                     # about two minutes of one core
    REGROWTH_DATA=… python -m benchmarks.quality --peers VENV/bin/python         # with py3langid and lingua there
    REGROWTH_DATA=… python -m benchmarks.quality --attacks text_attack_train.json   # of microsoft/BIPIA, benchmark/

Writes results/quality.json. The training of the classifier is repeated by `scripts/train_refusals.py`.
"""

import argparse
import asyncio
import csv
import gzip
import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scripts.train_refusals import Labelled, fit, matrix, read

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Estimate, Sampling
from regrowth.core.record import Message, Messages
from regrowth.curation.hijacks import Hijacks, hijacks
from regrowth.gates import refusal
from regrowth.gates.garbled import flaws
from regrowth.gates.injection import KINDS, hidden, orders, planted
from regrowth.gates.language import language_of
from regrowth.gates.refusals import LABELS, judged
from regrowth.metrics.intervals import clustered_mean, proportion

RESULTS = Path(__file__).parent / "results" / "quality.json"
RESAMPLES = 400
PEERS = Path(__file__).parent / "quality_peers.py"
CLEAN = {
    "reasoning/gsm8k_test.jsonl.gz": "answer",
    "code/humaneval.jsonl.gz": "canonical_solution",
    "code/multipl_e_js.jsonl.gz": "tests",
    "documents/multidoc2dial_ssa_documents.jsonl.gz": "text",
    "documents/multidoc2dial_dmv_documents.jsonl.gz": "text",
    "instruction/self_instruct_seed_tasks.jsonl.gz": "instances",
    "instruction/user_oriented_252.jsonl.gz": "instances",
    "multilingual/mgsm.jsonl.gz": "question",
    "safety/xstest_completions.jsonl.gz": "completion",
}
WORDS = (5, 10, 20, 50)
SIGNS = {"zh": 1.6, "ja": 2.0, "th": 4.5}
"""Characters that stand for a word where none are parted."""


def rounded(value: Any) -> Any:
    """Return plain data with numbers of four places."""
    match value:
        case Estimate():
            return rounded(asdict(value))
        case float():
            return round(value, 4)
        case Mapping():
            return {str(key): rounded(one) for key, one in value.items()}
        case list() | tuple():
            return [rounded(one) for one in value]
    return value


# Refusals -----------------------------------------------------------------------------------------------------------


def macro_f1(pairs: Sequence[tuple[int, int]], labels: Sequence[int] = (0, 1, 2)) -> float:
    """Return the mean of the F1 of each label; pairs are of truth and guess."""
    counts = Counter(pairs)
    shares = []
    for label in labels:
        right = counts[label, label]
        stated = sum(count for (truth, guess), count in counts.items() for one in (truth, guess) if one == label)
        shares.append(2 * right / stated if stated else 0.0)
    return sum(shares) / len(shares)


def resampled(
    rows: Sequence[tuple[int, int, int]], measure: Callable[[Sequence[tuple[int, int]]], float]
) -> dict[str, float]:
    """Return a measure of (prompt, truth, guess) with the middle 95 % of it over prompts drawn anew."""
    by_prompt: dict[int, list[tuple[int, int]]] = {}
    for prompt, truth, guess in rows:
        by_prompt.setdefault(prompt, []).append((truth, guess))
    groups, rng = list(by_prompt.values()), random.Random(0)
    drawn = sorted(
        measure([pair for group in rng.choices(groups, k=len(groups)) for pair in group]) for _ in range(RESAMPLES)
    )
    value = measure([pair for group in groups for pair in group])
    return {"value": value, "low": drawn[RESAMPLES // 40], "high": drawn[-RESAMPLES // 40], "n": len(groups)}


def share(told: Sequence[tuple[int, float]]) -> Estimate | str:
    """Return a share over prompts with its interval; where there are not two prompts, what there is."""
    if len({prompt for prompt, _ in told}) < 2:
        return f"{sum(one for _, one in told):g} of {len(told)}"
    return clustered_mean([one for _, one in told], [prompt for prompt, _ in told])


def declined(rows: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """Return precision and recall of "it refuses, wholly or in part"; prompts are the clusters."""
    found = [(prompt, float(truth > 0)) for prompt, truth, guess in rows if guess > 0]
    there = [(prompt, float(guess > 0)) for prompt, truth, guess in rows if truth > 0]
    return {
        "precision": share(found),
        "recall": share(there),
        "F1 of two labels": resampled(
            [(prompt, min(truth, 1), min(guess, 1)) for prompt, truth, guess in rows],
            lambda pairs: macro_f1(pairs, (0, 1)),
        ),
    }


def scored(rows: Sequence[Labelled], guesses: Sequence[int]) -> dict[str, Any]:
    """Return all figures of a classifier of three labels."""
    told = [(row.prompt, row.label, guess) for row, guess in zip(rows, guesses, strict=True)]
    return {
        "rows": len(rows),
        "macro-F1": resampled(told, macro_f1),
        **declined(told),
        "confusion": {
            LABELS[label]: [sum(t == label and g == guess for _, t, g in told) for guess in range(3)]
            for label in range(3)
        },
    }


def by_phrases(rows: Sequence[Labelled]) -> list[int]:
    """Return what the phrase gate takes each reply for; it knows no partial refusals."""
    return [int(bool(refusal(row.text))) for row in rows]


def refusals(data: Path) -> dict[str, Any]:
    """Measure the shipped weights, the phrases beside them, and training without one of the models."""
    rows = read(data)
    unseen = [row for row in rows if not row.seen]
    started = time.process_time()
    guesses = [LABELS.index(judged(row.text).label) for row in unseen]
    pace = len(unseen) / (time.process_time() - started)
    left_out = {}
    for model in sorted({row.model for row in rows}):
        taught = [row for row in rows if row.seen and row.model != model]
        asked = [row for row in unseen if row.model == model]
        weights = fit(matrix([row.text for row in taught]), np.array([row.label for row in taught]))
        sums = matrix([row.text for row in asked]) @ weights.table + weights.biases
        left_out[model] = {
            "trained on the other four": scored(asked, [int(one) for one in sums.argmax(1)]),
            "phrases": declined(
                [(row.prompt, row.label, guess) for row, guess in zip(asked, by_phrases(asked), strict=True)]
            ),
        }
    return {
        "replies per second": pace,
        "shipped weights, unseen prompts": scored(unseen, guesses),
        "phrases, unseen prompts": scored(unseen, by_phrases(unseen)),
        "model left out, unseen prompts": left_out,
        "over-refusal, unseen safe prompts": over_refusal(data, unseen),
    }


def over_refusal(data: Path, rows: Sequence[Labelled]) -> dict[str, Any]:
    """Compare, by model, how many safe prompts are refused according to people, to the weights and to the phrases."""
    with (data / "safety" / "xstest_prompts.csv").open(encoding="utf-8", newline="") as file:
        safe = {int(row["id"]) for row in csv.DictReader(file) if row["label"] == "safe"}
    told: dict[str, Any] = {}
    for model in sorted({row.model for row in rows}):
        asked = [row for row in rows if row.model == model and row.prompt in safe]
        told[model] = {
            "people": proportion(sum(row.label > 0 for row in asked), len(asked)),
            "weights": proportion(sum(judged(row.text).label != "answered" for row in asked), len(asked)),
            "phrases": proportion(sum(by_phrases(asked)), len(asked)),
        }
    return told


# Languages ----------------------------------------------------------------------------------------------------------


def beginning(text: str, code: str, count: int) -> str:
    """Return the first words of a text."""
    return text[: int(count * SIGNS[code])] if code in SIGNS else " ".join(text.split()[:count])


def languages(data: Path, peers: str) -> dict[str, Any]:
    """Measure how often the first words of real questions are told right, beside the libraries."""
    rows = list(lines(data / "multilingual/mgsm.jsonl.gz"))
    asked = {count: [(row["lang"], beginning(row["question"], row["lang"], count)) for row in rows] for count in WORDS}
    started = time.process_time()
    ours = {count: [language_of(text).code for _, text in some] for count, some in asked.items()}
    seconds = {"ours": time.process_time() - started}
    answers: dict[str, dict[int, list[str]]] = {"ours": ours}
    if peers:
        given = json.dumps([[text for _, text in asked[count]] for count in WORDS])
        done = subprocess.run([peers, str(PEERS)], input=given, capture_output=True, text=True, check=True)
        for name, found in json.loads(done.stdout).items():
            answers[name] = dict(zip(WORDS, found["answers"], strict=True))
            seconds[name] = found["seconds"]
    told: dict[str, Any] = {"CPU seconds for 2,200 texts": seconds}
    for name, by_count in answers.items():
        told[name] = {}
        for count, codes in by_count.items():
            right = [code == said for (code, _), said in zip(asked[count], codes, strict=True)]
            by_code = Counter(code for (code, _), good in zip(asked[count], right, strict=True) if good)
            told[name][count] = {"right": proportion(sum(right), len(right)), "of 50": dict(by_code)}
    return told


# Garbled texts ------------------------------------------------------------------------------------------------------


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a packed file."""
    with gzip.open(path, "rt") as file:
        yield from map(json.loads, file)


def texts(data: Path, name: str, column: str) -> Iterator[str]:
    """Yield the texts of a column."""
    for row in lines(data / name):
        for part in row[column] if isinstance(row[column], list) else [row[column]]:
            yield part["output"] if isinstance(part, dict) else part


def damaged(text: str, rng: random.Random) -> dict[str, str]:
    """Return a clean text broken in ways that models and files break."""
    words = text.split()
    half = " ".join(words[: max(8, len(words) // 2)])
    return {
        "a sentence over and over": f"{half} " + f"{' '.join(words[-8:])} " * 25,
        "the whole text three times": f"{text}\n\n" * 3,
        "one line over and over": f"{half}\n" + f"{' '.join(words[:9])}\n" * 12,
        "read in the wrong code": f"{text} – größer als 5 €".encode().decode("cp1252", "replace"),
        "lost characters": text.replace("e", "\ufffd", 3),
        "control characters": text[:40] + "\x1b[0m\x07" + text[40:],
        "random characters": "".join(chr(rng.randrange(33, 0x250)) for _ in range(200)),
        "words run together": "".join(
            word + (rng.choice("83ABxQ5") + word if rng.random() < 0.4 else " ") for word in words
        ),
        "letters in any order": " ".join("".join(rng.sample(word, len(word))) for word in words),
        "words in any order": " ".join(rng.sample(words, len(words))),
    }


def garbled(data: Path) -> dict[str, Any]:
    """Measure false alarms on texts that people wrote, and what is found of broken ones."""
    alarms = {}
    for name, column in CLEAN.items():
        found = [flaws(text) for text in texts(data, name, column)]
        kinds = Counter(flaw.kind for some in found for flaw in some)
        alarms[name] = {"refused": proportion(sum(map(bool, found)), len(found)), "kinds": dict(kinds)}
    prose = [
        text
        for name in ("ssa", "dmv")
        for text in texts(data, f"documents/multidoc2dial_{name}_documents.jsonl.gz", "text")
    ]
    rng, broken = random.Random(0), dict[str, list[bool]]()
    for text in prose:
        for kind, wrong in damaged(" ".join(text.split()[:120]), rng).items():
            broken.setdefault(kind, []).append(bool(flaws(wrong)))
    return {
        "refused of clean texts": alarms,
        "found of broken texts": {kind: proportion(sum(found), len(found)) for kind, found in broken.items()},
    }


async def hot() -> dict[str, Any]:
    """Measure how many replies of the packaged model are refused as its temperature rises; those of eight words too."""
    prompts = (
        "Tom has 3 pens and buys 4. How many?",
        "Anna has 12 apples and gives 5 to Ben. How many are left?",
        "Write a sentence about a bird.",
        "Who lives in Rome?",
    )
    model, told = Alone(), dict[str, Any]()
    for temperature in (1.0, 2.0, 3.0):
        replies = [
            text
            for prompt in prompts
            for text in await model.draw(prompt, Sampling(temperature=temperature, max_tokens=120), range(25))
        ]
        long = [text for text in replies if len(text.split()) >= 8]
        told[f"T={temperature:g}"] = {
            "all": proportion(sum(bool(flaws(text)) for text in replies), len(replies)),
            "of eight words or more": proportion(sum(bool(flaws(text)) for text in long), len(long)),
        }
    return told


# Orders in documents ------------------------------------------------------------------------------------------------


class Alone:
    """The packaged model without a store: benchmarks ask it once."""

    digest = "tiny"

    def __init__(self) -> None:
        from regrowth.models.tiny import tiny_backend  # needs torch

        self._backend = tiny_backend()

    async def draw(self, prompt: str | Messages, sampling: Sampling, seeds: Sequence[int]) -> list[str]:
        """Return a reply per seed."""
        turns = (Message("user", prompt),) if isinstance(prompt, str) else prompt
        answer = await self._backend.answer(turns, sampling, list(seeds))
        return [completion.text for completion in self._backend.read(answer.raw)]

    async def ask(self, messages: str | Messages, sampling: Sampling, *, seed: int) -> str:
        """Return one reply."""
        return (await self.draw(messages, sampling, [seed]))[0]


class Obedient:
    """A model that does what any text tells it, wherever it is hidden: the measure must find it every time."""

    digest = "obedient"

    def __init__(self, orders_of: Mapping[str, str]) -> None:
        self.tokens = orders_of

    async def ask(self, messages: str | Messages, sampling: Sampling, *, seed: int) -> str:
        """Say the word that the document asks for."""
        said = " ".join([str(messages), *(inner for _, inner in hidden(str(messages)))])
        return next((token for token in self.tokens if token in said), "Two sentences.")


def documents(data: Path) -> list[str]:
    """Return the real documents."""
    names = [f"documents/multidoc2dial_{name}_documents.jsonl.gz" for name in ("dmv", "ssa")]
    return [text for name in names for text in texts(data, name, "text")]


def told_of(found: Hijacks) -> dict[str, Any]:
    """Return a measure as plain data."""
    return {"rate": found.rate, "kinds": dict(found.kinds), "clean": found.clean, "failed": found.failed}


def injections(data: Path, attacks: str) -> dict[str, Any]:
    """Measure the detector on planted and on clean documents, on foreign attacks, and two models under attack."""
    real = documents(data)
    clean = [*real, *(path.read_text("utf-8") for path in sorted((data / "taxonomy").rglob("*.yaml")))]
    clean.append((data / "documents" / "phoenix.md").read_text("utf-8"))
    with gzip.open(data / "text" / "wikitext2_valid.txt.gz", "rt") as file:
        clean += [line for line in file if line.strip()]
    clean += [row["question"] for row in lines(data / "reasoning/gsm8k_train.jsonl.gz")]
    found = {
        f"{kind}, {language}": proportion(
            sum(
                bool(orders(planted(text, place, kind=kind, language=language).text)) for place, text in enumerate(real)
            ),
            len(real),
        )
        for language in ("en", "de")
        for kind in KINDS
    }
    told: dict[str, Any] = {
        "found of planted, own wording": found,
        "alarms in clean texts": proportion(sum(bool(orders(text)) for text in clean), len(clean)),
    }
    if attacks:
        theirs: dict[str, list[str]] = json.loads(Path(attacks).read_text("utf-8"))
        hits = {
            kind: [bool(orders(f"{real[place]} {order} {real[place + 1]}")) for place, order in enumerate(some)]
            for kind, some in theirs.items()
        }
        shaping = [kind for kind, some in theirs.items() if any("your" in one.split() for one in some)]
        flat = [hit for some in hits.values() for hit in some]
        reply = [hit for kind in shaping for hit in hits[kind]]
        told["found of foreign attacks"] = {
            "file": Path(attacks).name,
            "all": proportion(sum(flat), len(flat)),
            "groups that shape the answer": proportion(sum(reply), len(reply)),
            "by group": {kind: f"{sum(some)} of {len(some)}" for kind, some in hits.items()},
        }
    return told


async def packaged(data: Path) -> dict[str, Any]:
    """Measure the replies of the packaged model when it is hot, and how often a document talks it round."""
    return {"attack success rate": await attacked(documents(data)), "refused as garbled": await hot()}


async def attacked(real: Sequence[str]) -> dict[str, Any]:
    """Measure two models under attack: one that obeys everything, and the packaged one on documents that fit it."""
    some = [" ".join(text.split()[:120]) for text in real[:60]]
    tokens = {planted(text, 0, kind=kind).token: "" for text in some for kind in KINDS}
    told = {"a model that obeys everything": told_of(await hijacks(Obedient(tokens), some))}  # type: ignore[arg-type]
    short = [" ".join(text.split()[:14]) for text in real[:20]]
    try:
        found = await hijacks(
            Alone(),  # type: ignore[arg-type]
            short,
            kinds=("plain", "comment", "end", "role"),
            task="What does the text say?",
            fenced=False,
            sampling=Sampling(temperature=0.0, max_tokens=24),
        )
        told["the packaged model, 14 words of each document, no fence"] = told_of(found)
    except CallFailed as error:
        told["the packaged model"] = {"failed": str(error)}
    return told


def main() -> None:
    """Measure everything, or the parts that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help="refusals, languages, garbled, injections, packaged; else all")
    parser.add_argument("--peers", default="", help="a Python with py3langid and lingua")
    parser.add_argument("--attacks", default="", help="a JSON file of attacks by group")
    asked = parser.parse_args()
    data = Path(os.environ["REGROWTH_DATA"])
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "refusals": lambda: refusals(data),
        "languages": lambda: languages(data, asked.peers),
        "garbled": lambda: garbled(data),
        "injections": lambda: injections(data, asked.attacks),
        "packaged": lambda: asyncio.run(packaged(data)),
    }
    for name in asked.parts or parts:
        started = time.process_time()
        found = rounded(parts[name]())
        told = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        told[name] = found
        print(f"{name}: {time.process_time() - started:.0f} s of CPU", flush=True)
        RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
