"""Does the alarm of collapse ring in time, with the right reason, and never where rounds are harmless?

    REGROWTH_DATA=… python -m benchmarks.monitor              # writes benchmarks/results/monitor.json; resumes
    REGROWTH_DATA=… python -m benchmarks.monitor docstrings   # a part of it; what was measured is not measured again
    python -m benchmarks.monitor table                        # shows what was measured so far

The world is the word trigram (`metrics.collapse.ngram`), fitted to real texts and then, round after round, to what it
wrote itself: 700 texts a round. Texts: docstrings of Python's standard library, WikiText-2 (valid), Shakespeare's
plays; each run splits them anew. Read are rounds 1 … 8: what the model of each wrote, and its negative log-likelihood
(NLL) of 250 held-out real texts. The alarm is asked twice: from what was written alone, and with that NLL besides.
The NLL leaves its null band where it is above what 97.5 % of trigrams cost that were fitted to the real texts drawn
again with replacement: once (`left`), or π²/6 times as much above the first model (`left_for_good`), which is what
rounds that accumulate and sample without bias can come to in all.
"""

import gzip
import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regrowth.metrics.collapse import Look, Monitor, NGram, Vocabulary
from regrowth.metrics.intervals import proportion
from regrowth.recipes._collapse.texts import documents
from regrowth.texts import words

DATA = Path(os.environ.get("REGROWTH_DATA", "data"))
RESULTS = Path(__file__).parent / "results" / "monitor.json"
ROUNDS, PER_ROUND, HELD_OUT = 8, 700, 250


class Arm(NamedTuple):
    """How the rounds go on."""

    keep: str = "accumulate"
    """`accumulate`, `replace`, `subsample` (as many of all so far as were real), or `fifth`: replaced, but a fifth of
    the texts are real."""
    temperature: float = 1.0
    top_p: float = 1.0
    per_round: int = PER_ROUND


HARMLESS = {"accumulate": Arm()}
SMALL = {f"accumulate, {size} texts": Arm(per_round=size) for size in (50, 100, 200, 400)}
HARMFUL = {
    "replace": Arm("replace"),
    "subsample": Arm("subsample"),
    "replace, a fifth real": Arm("fifth"),
    "replace, T=0.8": Arm("replace", temperature=0.8),
    "replace, top-p 0.9": Arm("replace", top_p=0.9),
    "accumulate, T=0.8": Arm(temperature=0.8),
    "accumulate, top-p 0.9": Arm(top_p=0.9),
}


@cache
def texts(name: str) -> Sequence[str]:
    """Return real texts of 8 to 80 words."""
    if name == "docstrings":
        return documents(None)
    if name == "wikitext":
        return documents(DATA / "text" / "wikitext2_valid.txt.gz")
    speeches = gzip.decompress((DATA / "text" / "tinyshakespeare.txt.gz").read_bytes()).decode("utf-8").split("\n\n")
    cut = [words(speech.partition("\n")[2])[:80] for speech in speeches]
    return list(dict.fromkeys(" ".join(one) for one in cut if len(one) >= 8))


def run(name: str, arm: Arm, seed: int) -> dict[str, Any]:
    """Play the rounds once, and say what the monitor said."""
    began = time.process_time()
    order = list(texts(name))
    random.Random(seed).shuffle(order)
    held_out, real = order[:HELD_OUT], order[HELD_OUT : HELD_OUT + arm.per_round]
    vocabulary = Vocabulary.of(real)
    first, unseen = vocabulary.encode(real), vocabulary.encode(held_out)
    rng = np.random.default_rng(seed)
    plain, told = Monitor(first, seed=seed), Monitor(first, seed=seed)
    model, pool = NGram(first, vocabulary), list(first)
    figures, left, left_for_good = [], None, None
    for number in range(1, ROUNDS + 1):
        nll = model.nll_by_document(unseen).tolist()
        made = model.sample(len(first), rng, arm.temperature, arm.top_p)
        look = plain.read(made)
        with_nll = told.read(made, nll=nll)
        high, base = with_nll.bands["real_nll"][1], float(np.mean(told.first_nll))
        once = base + (high - base) * 6 / np.pi**2
        left = left or (number if float(np.mean(nll)) > once else None)
        left_for_good = left_for_good or (number if float(np.mean(nll)) > high else None)
        figures.append({**look.figures, "real_nll": float(np.mean(nll)), "nll_band": float(high)})
        pool = mixed(arm, first, pool, made, rng)
        model = NGram(pool, vocabulary)
    return {
        "text": name,
        "seed": seed,
        "words": sum(map(len, first)),
        "silent": plain.looks[0].note,
        "left": left,
        "left_for_good": left_for_good,
        "alarm": plain.alarm and plain.alarm.round,
        "diagnosis": plain.alarm and plain.alarm.diagnosis,
        "alarm_with_nll": told.alarm and told.alarm.round,
        "z": plain.looks[-1].z if plain.alarm is None else _look_of(plain).z,
        "figures": [{key: round(value, 4) for key, value in one.items()} for one in figures],
        "cpu": round(time.process_time() - began, 2),
    }


def _look_of(monitor: Monitor) -> Look:
    """Return the look that raised the alarm."""
    return next(look for look in monitor.looks if look.alarm)


def mixed(arm: Arm, first: list[Any], pool: list[Any], made: list[Any], rng: np.random.Generator) -> list[Any]:
    """Return what the next model is fitted to."""
    if arm.keep == "replace":
        return made
    if arm.keep == "fifth":
        fifth = len(first) // 5
        return [first[place] for place in rng.permutation(len(first))[:fifth]] + made[fifth:]
    pool.extend(made)
    if arm.keep == "subsample":
        return [pool[place] for place in rng.permutation(len(pool))[: len(first)]]
    return pool


def planned() -> Iterator[tuple[str, str, Arm, int]]:
    """Yield what is to be measured, the most important first."""
    for text, runs in (("docstrings", 50), ("wikitext", 25), ("shakespeare", 25)):
        yield from ((text, "accumulate", HARMLESS["accumulate"], seed) for seed in range(runs))
        for name, arm in HARMFUL.items():
            few = arm.top_p < 1 or (text == "wikitext" and arm.temperature < 1)  # each takes half a minute or more
            yield from ((text, name, arm, seed) for seed in range(2 if few else 5))
    for name, arm in SMALL.items():
        yield from (("docstrings", name, arm, seed) for seed in range(20))


def main() -> None:
    """Measure what was not measured yet."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"arms": {}}
    only = " ".join(sys.argv[1:])
    for text, name, arm, seed in planned():
        if not f"{text}: {name}".startswith(only):
            continue
        runs = found["arms"].setdefault(f"{text}: {name}", [])
        if any(one["seed"] == seed for one in runs):
            continue
        runs.append(run(text, arm, seed))
        found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found["arms"]))


def table(arms: dict[str, list[dict[str, Any]]]) -> str:
    """Write what was measured as a table."""
    heads = ("text: arm", "runs", "NLL leaves its band once", "for good", "alarm", "share [95 %]", "with NLL")
    lines = [f"| {' | '.join((*heads, 'drift / bias', 'late'))} |", "|---" * 9 + "|"]
    for name, runs in arms.items():
        rung = [one["alarm"] for one in runs if one["alarm"]]
        share = proportion(len(rung), len(runs))
        kinds = [sum(one["diagnosis"] == kind for one in runs) for kind in ("drift", "bias")]
        late = sum(bool(one["left_for_good"]) and (one["alarm"] or 99) > one["left_for_good"] + 1 for one in runs)
        silent = sum(bool(one["silent"]) for one in runs)
        cells = [
            name + (f" ({silent} silent)" if silent else ""),
            len(runs),
            _rounds([one["left"] for one in runs]),
            _rounds([one["left_for_good"] for one in runs]),
            _rounds([one["alarm"] for one in runs]),
            f"{share.value:.0%} [{share.low:.1%}, {share.high:.1%}]",
            _rounds([one["alarm_with_nll"] for one in runs]),
            f"{kinds[0]} / {kinds[1]}",
            late,
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _rounds(found: Sequence[int | None]) -> str:
    """Write rounds: `2 to 3`, or `never`, or both."""
    known = sorted(one for one in found if one)
    if not known:
        return "never"
    told = str(known[0]) if known[0] == known[-1] else f"{known[0]} to {known[-1]}"
    return told if len(known) == len(found) else f"{told} ({len(known)} of {len(found)})"


if __name__ == "__main__":
    main()
