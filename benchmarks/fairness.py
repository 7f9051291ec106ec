"""Fairness: what is found in skewed tables, how the swap rule does, what the packaged model makes of men and women.

    python -m benchmarks.fairness tables      # adult, german credit, census2k: honest and skewed sets, five seeds
    python -m benchmarks.fairness swaps       # the rule for her and his on real text; the gap that scores make
    python -m benchmarks.fairness models      # the packaged model on WinoBias, Winogenerated and BBQ; names: some only
    python -m benchmarks.fairness speed --peer PYTHON     # beside fairlearn 0.15.0 in PYTHON's environment
    python -m benchmarks.fairness table       # prints the tables of what was written

Figures go to benchmarks/results/fairness.json. The real data lie in the folder that REGROWTH_DATA names. Times are CPU
seconds of one core. The synthetic sets of `tables` are real rows that no model saw otherwise, some of them spoilt on
purpose: so it is known what is to be found.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is imported

import argparse
import asyncio
import json
import math
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.selection import rows
from regrowth.core.record import Message
from regrowth.core.store import Store
from regrowth.metrics.columns import aligned
from regrowth.metrics.fairness import fairness
from regrowth.metrics.fairness.ambiguity import ambiguity, bbq, choices
from regrowth.metrics.fairness.coreference import Blank, coreference, pronouns
from regrowth.metrics.fairness.counterfactual import gap, swap_gap, swaps
from regrowth.metrics.fairness.swaps import Pairs, neutral_names, own_pairs, read_pairs, swapped
from regrowth.metrics.intervals import proportion
from regrowth.metrics.reading import Reading
from regrowth.models.model import RememberedModel
from regrowth.models.tiny import tiny_backend
from regrowth.seeds.tables import read_table

RESULTS = Path(__file__).parent / "results" / "fairness.json"
WORK = Path(__file__).parent / ".work" / "fairness"
SEEDS = range(5)
FEMALE_SHARE = {"sex": {"Female": 0.5, "Male": 0.5}}


def data() -> Path:
    """Return the folder of the real data."""
    return Path(os.environ["REGROWTH_DATA"])


def plain(reading: Reading) -> dict[str, Any]:
    """Return a reading as plain data."""
    one, null = reading.estimate, reading.null
    return {
        "measure": reading.measure,
        "of": reading.of,
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "n": one.n,
        "skipped": one.skipped,
        "null": None if null is None else [null.value, null.low, null.high],
        "worse": reading.worse,
        "note": reading.note,
    }


def written(part: str, found: Any, results: Path = RESULTS) -> None:
    """Put a part into the file of results."""
    known = json.loads(results.read_text("utf-8")) if results.exists() else {}
    known[part] = found
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def costs(start: float) -> dict[str, float]:
    """Return CPU seconds since a start and the peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"CPU seconds": round(time.process_time() - start, 2), "peak MB": round(peak)}


# Tables ---------------------------------------------------------------------------------------------------------------


def spoilt(table: pa.Table, how: str, answer: tuple[str, str, str], rng: np.random.Generator) -> pa.Table:
    """Return real rows as they are, or spoilt: fewer women, fewer of those with a yes, or their yes turned round."""
    target, yes, no = answer
    women = np.array([one == "Female" for one in table["sex"].to_pylist()])
    rich = np.array([one == yes for one in table[target].to_pylist()])
    lot = rng.random(len(table))
    if how == "fewer women":
        return table.filter(pa.array(~(women & (lot < 0.5))))
    if how == "fewer women with a yes":
        return table.filter(pa.array(~(women & rich & (lot < 0.8))))
    if how == "their yes turned round":
        turned = np.where(women & rich & (lot < 0.6), no, np.array(table[target].to_pylist()))
        return table.set_column(table.column_names.index(target), target, pa.array(list(map(str, turned))))
    return table


HOW = ("honest", "fewer women", "fewer women with a yes", "their yes turned round")


def sets(name: str) -> Iterator[tuple[str, int, tuple[pa.Table, pa.Table, pa.Table], tuple[str, str, str]]]:
    """Yield real rows to train on, a synthetic set, real rows to test on: by name of the set and seed."""
    if name == "census2k":
        real, test = (read_table(data() / f"tabular/census2k_{part}.csv.gz") for part in ("trn", "hol"))
        for how in ("mostly", "flip30"):
            synthetic = read_table(data() / f"tabular/census2k_syn_{how}.csv.gz")
            yield how, 0, (real, synthetic, test), ("income", ">50K", "<=50K")
        return
    whole = read_table(data() / f"tabular/{name}.csv.gz")
    answer = ("income", ">50K", "<=50K")
    if name == "german_credit":
        sex = ["Female" if one == "A92" else "Male" for one in whole["personal_status_sex"].to_pylist()]
        risk = ["good" if one == 1 else "bad" for one in whole["class"].to_pylist()]
        whole = whole.append_column("sex", pa.array(sex)).append_column("risk", pa.array(risk))
        whole, answer = whole.drop_columns(["personal_status_sex", "class"]), ("risk", "good", "bad")
    third = min(len(whole) // 3, 6000)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(whole))
        real, synthetic, test = (whole.take(order[one * third : (one + 1) * third]) for one in range(3))
        for how in HOW:
            yield how, seed, (real, spoilt(synthetic, how, answer, rng), test), answer


MEASURES = ("representation_distance", "worst_group_ratio", "demographic_parity_difference",
            "equalised_odds_difference", "demographic_parity_shift", "equalised_odds_shift")  # fmt: skip


def tables() -> None:
    """Read every set, and count in how many seeds each measure calls it worse."""
    found: dict[str, Any] = {}
    for name in ("adult", "german_credit", "census2k"):
        start = time.process_time()
        readings: dict[str, list[dict[str, Any]]] = {}
        for how, seed, parts, (target, yes, _) in sets(name):
            attributes = ["sex"] if name == "german_credit" else ["sex", "race"]
            real, synthetic, test = aligned(*parts).tables
            read = fairness(synthetic, attributes, real=real, test=test, target=target, positive=yes, seed=seed)
            kept = [plain(one) | {"seed": seed} for one in read if one.measure in MEASURES]
            readings.setdefault(how, []).extend(kept)
            print(name, how, seed, Counter(one["measure"] for one in kept if one["worse"] and one["of"] == "sex"))
        found[name] = {"readings": readings, **costs(start)}
    adult = aligned(read_table(data() / "tabular/adult.csv.gz")).tables[0]
    found["declared"] = [
        plain(one) for one in fairness(adult, ["sex"], FEMALE_SHARE, outcomes=["income", "hours_per_week"])
    ]
    written("tables", found)


# Swaps ----------------------------------------------------------------------------------------------------------------


def bare(text: str) -> str:
    """Return a sentence of WinoBias without its brackets."""
    return re.sub(r"[\[\]]", "", text)


def rule(lines: Sequence[str]) -> dict[str, Any]:
    """Hide every his and him as her, and count how often the swap restores the right one."""
    right, everything = Counter[str](), Counter[str]()
    for line in lines:
        for match in re.finditer(r"(?<!\w)(his|him)(?!\w)", line, re.IGNORECASE):
            word = match[1].lower()
            everything[word] += 1
            right[word] += swapped(f"her{line[match.end() : match.end() + 40]}", own_pairs()).startswith(word)
    parts = {word: proportion(right[word], everything[word]) for word in ("his", "him")}
    return {
        name: [one.value, one.low, one.high, one.n]
        for name, one in (*parts.items(), ("both", proportion(right.total(), everything.total())))
    }


class Bigrams:
    """Score a text by a bigram model of words, in nats per word."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.pairs, self.words = Counter[tuple[str, str]](), Counter[str]()
        for line in lines:
            found = ["<s>", *re.findall(r"\w+", line.lower())]
            self.words.update(found)
            self.pairs.update(pairwise(found))

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return a score for each text."""
        return [self._score(text) for text in texts]

    def _score(self, text: str) -> float:
        found = ["<s>", *re.findall(r"\w+", text.lower())]
        total, many = self.words.total(), len(self.words) + 1
        logs = [
            math.log(
                (self.pairs[pair] + 0.5 * (self.words[pair[1]] + 1) / (total + many)) / (self.words[pair[0]] + 0.5)
            )
            for pair in pairwise(found)
        ]
        return math.fsum(logs) / len(logs)


def swaps_part() -> None:
    """Measure the rule, and what three scores make of swaps."""
    start = time.process_time()
    wiki = [one.replace("<unk>", "thing") for one in rows("text/wikitext2_valid.txt.gz")]
    plays = rows("text/tinyshakespeare.txt.gz")
    found: dict[str, Any] = {
        f"rule on {name}": {"even lines (written on)": rule(lines[::2]), "odd lines (unseen)": rule(lines[1::2])}
        for name, lines in (("WikiText-2", wiki), ("Shakespeare", plays))
    }
    wino = rows("bias/winobias_dev.jsonl.gz")
    lists = [data() / f"bias/winobias_{part}.txt" for part in ("generalized_swaps", "extra_gendered_words")]
    known: dict[str, Pairs] = {"own list": own_pairs(), "WinoBias lists": read_pairs(*lists)}
    for kind in (1, 2):
        pro, anti = (
            [bare(one["text"]) for one in wino if (one["type"], one["stereotype"]) == (kind, side)]
            for side in ("pro", "anti")
        )
        for name, pairs in known.items():
            same = proportion(sum(swapped(a, pairs) == b for a, b in zip(pro, anti, strict=True)), len(pro))
            found[f"WinoBias type {kind} restored, {name}"] = [same.value, same.low, same.high, same.n]
    texts = [bare(one["text"]) for one in wino]
    names = [one for one in wiki[1::2] if re.search(r"\b(James|John|Robert|William|David|Mary|Elizabeth|Anna)\b", one)]
    scores = {"bigrams": Bigrams(wiki[::2] + plays), "length": lambda some: [float(len(one)) for one in some]}
    for name, score in scores.items():
        found[f"gap of {name} on WinoBias"] = [plain(one) for one in swap_gap(texts, score)]
        found[f"gap of {name} on WikiText-2, names"] = [
            plain(one) for one in swap_gap(names, score, neutral=neutral_names())
        ]
    written("swaps", {**found, **costs(start)})


# Models ---------------------------------------------------------------------------------------------------------------


async def _winobias(model: RememberedModel) -> dict[str, Any]:
    wino, found = rows("bias/winobias_dev.jsonl.gz"), {}
    for kind in (1, 2):
        pro, anti = (
            [one["text"] for one in wino if (one["type"], one["stereotype"]) == (kind, side)]
            for side in ("pro", "anti")
        )
        found[f"WinoBias type {kind}"] = [plain(one) for one in await coreference(model, pro, anti)]
    exchanged = swaps([bare(one["text"]) for one in wino])

    async def per_token(text: str) -> float:
        logs = await model.logprobs((Message("user", "Write one sentence."),), text)
        return math.fsum(logs) / len(logs)

    before = await asyncio.gather(*(per_token(one.text) for one in exchanged))
    after = await asyncio.gather(*(per_token(one.swap) for one in exchanged))
    return {**found, "swap gap on WinoBias": [plain(one) for one in gap(exchanged, before, after)]}


async def _winogenerated(model: RememberedModel) -> dict[str, Any]:
    read = rows("bias/winogenerated.jsonl.gz")
    women = [one["BLS_percent_women_2019"] / 100 for one in read]
    blanks = [
        Blank(one["sentence_with_blank"], *one["pronoun_options"][:2], one["occupation"], share)
        for one, share in zip(read, women, strict=True)
    ]
    return {"Winogenerated": [plain(one) for one in await pronouns(model, blanks)]}


async def _bbq(model: RememberedModel, category: str, every: int = 1) -> dict[str, Any]:
    """Answer all questions, or every so many-th block of four that share their persons."""
    read = rows(f"bias/bbq_{category}.jsonl.gz")
    questions, left_out = bbq([one for one in read if one["example_id"] // 4 % every == 0])
    category += f", one in {every}" * (every > 1)
    chosen = await choices(model, questions)
    unknown = sum(choice == one.unknown for one, choice in zip(questions, chosen, strict=True))
    return {
        f"BBQ {category}": [plain(one) for one in ambiguity(questions, chosen)],
        f"BBQ {category}, questions": {"read": len(questions), "left out": left_out, "answered unknown": unknown},
    }


MODELS = {
    "winobias": _winobias,
    "winogenerated": _winogenerated,
    "bbq_age": partial(_bbq, category="Age"),
    "bbq_age_quarter": partial(_bbq, category="Age", every=4),
    "bbq_sexual_orientation": partial(_bbq, category="Sexual_orientation"),
}


def models(names: Sequence[str]) -> None:
    """Ask the packaged model; what was asked once is remembered."""
    for name in names or [one for one in MODELS if one != "bbq_age_quarter"]:
        start = time.process_time()
        WORK.mkdir(parents=True, exist_ok=True)
        with Store(WORK / "store") as store:
            found = asyncio.run(MODELS[name](RememberedModel(tiny_backend(), store, "tiny")))
        known = json.loads(RESULTS.read_text("utf-8")).get("models", {}) if RESULTS.exists() else {}
        written("models", {**known, **found, name: costs(start)})


# Speed ----------------------------------------------------------------------------------------------------------------

PEER = """
import json, random, resource, sys, time
from fairlearn import metrics
import numpy as np
n = int(sys.argv[1]); rng = np.random.default_rng(0)
truth, said, group = rng.random(n) < .3, rng.random(n) < .3, rng.choice(list("abcdef"), n)
times = []
for _ in range(3):
    start = time.process_time()
    for name in [f"{one}_{how}" for one in ("demographic_parity", "equalized_odds") for how in ("difference", "ratio")]:
        getattr(metrics, name)(truth, said, sensitive_features=group)
    times.append(time.process_time() - start)
print(json.dumps([sorted(times)[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
OURS = """
import json, resource, sys, time
import numpy as np
from regrowth.metrics.fairness.groups import Groups
from regrowth.metrics.fairness.parity import parity
n = int(sys.argv[1]); rng = np.random.default_rng(0)
truth, said, group = rng.random(n) < .3, rng.random(n) < .3, rng.choice(list("abcdef"), n)
times = []
for _ in range(3):
    start = time.process_time()
    parity(truth, said, Groups.of("group", list(group)))
    times.append(time.process_time() - start)
print(json.dumps([sorted(times)[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def speed(peer: str) -> None:
    """Time the four gaps with fairlearn, and all readings with intervals and nulls here."""
    found: dict[str, Any] = {}
    for n in (32_561, 1_000_000):
        for name, python, code in (("regrowth", sys.executable, OURS), ("fairlearn 0.15.0", peer, PEER)):
            words = [python, "-W", "ignore", "-c", code, str(n)]
            said = subprocess.run(words, capture_output=True, text=True, check=True)
            found[f"{name}, {n:,} rows"] = dict(zip(("CPU seconds", "peak MB"), json.loads(said.stdout), strict=True))
    written("speed", found)
    print(found)


# Tables of results ----------------------------------------------------------------------------------------------------


def cell(one: dict[str, Any]) -> str:
    """Write a reading."""
    null = "" if one["null"] is None else "; null {:.3f} [{:.3f}, {:.3f}]".format(*one["null"])
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}], n {one['n']:,}{null}"


def _counted(some: Sequence[dict[str, Any]]) -> str:
    """Write the median of a measure, and in how many sets it is called worse."""
    if not some:
        return ""
    return f"{statistics.median(one['value'] for one in some):.3f}; {sum(one['worse'] for one in some)} of {len(some)}"


def table() -> None:
    """Print what was written."""
    found = json.loads(RESULTS.read_text("utf-8"))
    for name in ("adult", "german_credit", "census2k"):
        print(f"\n{name}: {found['tables'][name]['CPU seconds']} CPU seconds\n\n| set | of | {' | '.join(MEASURES)} |")
        print("|---" * (len(MEASURES) + 2) + "|")
        for how, readings in found["tables"][name]["readings"].items():
            for of in ("sex", "race", "sex × race"):
                of_it = [
                    [one for one in readings if (one["measure"], one["of"]) == (measure, of)] for measure in MEASURES
                ]
                if any(of_it):
                    cells = [_counted(some) for some in of_it]
                    print(f"| {how} | {of} | {' | '.join(cells)} |")
    for part in (
        found["tables"]["declared"],
        *(one for key in ("swaps", "models") for one in found.get(key, {}).values()),
    ):
        if isinstance(part, list) and part and isinstance(part[0], dict):
            print()
            for one in part:
                print(f"| {one['measure']} | {one['of']} | {cell(one)} | {one['note']} |")
    for key in ("swaps", "models"):
        for name, part in found.get(key, {}).items():
            if not (isinstance(part, list) and part and isinstance(part[0], dict)):
                print(f"{name}: {part}")
    print(found.get("speed"))


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("tables", "swaps", "models", "speed", "table"))
    parser.add_argument("names", nargs="*", help="of `models`: " + ", ".join(MODELS))
    parser.add_argument("--peer", default="python3", help="an interpreter that has fairlearn")
    words = parser.parse_args()
    parts = {"tables": tables, "swaps": swaps_part, "table": table}
    if words.part == "speed":
        speed(words.peer)
    elif words.part == "models":
        models(words.names)
    else:
        parts[words.part]()


if __name__ == "__main__":
    main()
