"""Near duplicates in real text: documents per CPU second, memory, recall and precision, beside other tools.

    REGROWTH_DATA=/path/to/data python -m benchmarks.duplicates --peers /path/to/venv/bin/python
    REGROWTH_DATA=/path/to/data python -m benchmarks.duplicates numbers languages     # parts of it; no peers
    REGROWTH_DATA=/path/to/data python -m benchmarks.duplicates speed --sizes 20000 --peers …

Writes results/duplicates.json. Each tool runs in a process of its own, on one core, the tools taking turns; CPU seconds
are medians over repeats. How the corpus is made and judged: `duplicates_corpus.py`; how the peers are set:
`duplicates_peers.py`. About ten CPU minutes, most of them the peers'.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import duplicates_corpus as planted

RESULTS = Path(__file__).parent / "results" / "duplicates.json"
PEERS = Path(__file__).with_name("duplicates_peers.py")
SIZES = {
    "regrowth": (20_000, 50_006, 200_000),
    "rensa": (20_000, 50_006, 200_000),
    "rensa, tuned": (20_000, 50_006),
    "datasketch": (20_000, 50_006),
    "semhash": (50_006,),
    "text-dedup": (50_006,),
    "datatrove": (50_006,),
}
"""Documents of each tool's runs; all tools meet at one of them."""
MANY = 100_000
REPEATS = 3
"""Of runs with fewer documents than many, of tools that need less than half a minute for one."""
SLOW = ("datasketch", "semhash", "text-dedup", "datatrove")
"""These run once."""
SEEDS = range(5)
"""Of the corpora on which recall is measured more than once."""
OWN = "--own"


def data() -> Path:
    """Return the folder of the real data."""
    return Path(os.environ["REGROWTH_DATA"])


def own(path: Path) -> None:
    """Do in this process what a peer does in its own."""
    from regrowth.curation.duplicates import twins

    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    twins(texts[:50])
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, wall = time.process_time(), time.perf_counter()
    found = twins(texts)
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    removed = [place for place, twin in enumerate(found.twin.tolist()) if twin >= 0]
    told = {"version": "this one", "documents": len(texts), "cpu_s": cpu, "wall_s": wall, "loaded_mb": loaded // 1024}
    print(json.dumps({**told, "peak_mb": peak // 1024, "removed": removed}))


def speed(peers: str, only: list[int], chosen: list[str], found: dict[str, Any]) -> dict[str, Any]:
    """Measure tools on corpora of the sizes that they can bear; return it beside what was found before."""
    with tempfile.TemporaryDirectory() as folder:
        for size in only or sorted({size for sizes in SIZES.values() for size in sizes}):
            corpus = planted.built(data(), size)
            path = Path(folder) / f"{size}.jsonl"
            rows = (json.dumps({"id": place, "text": text}) for place, text in enumerate(corpus.texts))
            path.write_text("\n".join(rows), "utf-8")
            tools = [
                tool
                for tool, sizes in SIZES.items()
                if size in sizes and tool in (chosen or SIZES) and (peers or tool == "regrowth")
            ]
            runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
            for turn in range(REPEATS if size < MANY else 1):
                for tool in tools if not turn else [tool for tool in tools if tool not in SLOW]:
                    if run := measured(tool, path, peers):
                        runs[tool].append(run)
            for tool, made in runs.items():
                if made:
                    found[f"{tool}, {size}"] = judged(corpus, made)
                    print(
                        tool, size, {key: value for key, value in found[f"{tool}, {size}"].items() if key != "recall"}
                    )
    return found


def measured(tool: str, path: Path, peers: str) -> dict[str, Any] | None:
    """Run a tool in a process of its own; None, and a line that says why, if it fails."""
    command = [sys.executable, "-m", "benchmarks.duplicates", OWN, str(path)]
    if tool != "regrowth":
        command = [peers, str(PEERS), tool, str(path)]
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=one_core, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{tool}: left out, {(done.stderr.strip().splitlines() or ['no reason'])[-1][:200]}")
        return None
    run: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return run


def judged(corpus: planted.Corpus, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a tool's runs came to."""
    removed = set(runs[0]["removed"])
    cpu = statistics.median(run["cpu_s"] for run in runs)
    precision, unplanted = planted.precise(corpus, removed)
    grown = statistics.median(run["peak_mb"] - run["loaded_mb"] for run in runs)
    return {
        "version": runs[0]["version"],
        "repeats": len(runs),
        "cpu_s": round(cpu, 2),
        "docs_per_cpu_s": round(len(corpus.texts) / cpu),
        "wall_s": round(statistics.median(run["wall_s"] for run in runs), 2),
        "peak_mb": statistics.median(run["peak_mb"] for run in runs),
        "bytes_per_document": round(grown * 2**20 / len(corpus.texts)),
        "removed": len(removed),
        "precision": precision,
        "true_but_not_planted": unplanted,
        "recall": planted.recalled(corpus, removed),
    }


# Parts that need no peers -------------------------------------------------------------------------------------------


def numbers() -> dict[str, Any]:
    """Return what each way to treat numbers keeps apart, and what recall it costs."""
    from regrowth.curation.duplicates import Near, twins

    corpus, different = planted.built(data(), 20_000, seed=1), planted.redrawn(data())
    found: dict[str, Any] = {"pairs of different problems": {kind: len(pairs) for kind, pairs in different.items()}}
    for way in ("free", "guarded", "equal"):
        near = Near(numbers=way)
        removed = {place for place, twin in enumerate(twins(corpus.texts, near).twin.tolist()) if twin >= 0}
        merged = {kind: round(float((_similar(pairs, near) > 0).mean()), 4) for kind, pairs in different.items()}
        found[way] = {"recall": planted.recalled(corpus, removed), "different problems merged": merged}
    return found


def _similar(pairs: list[tuple[str, str]], near: Any) -> Any:
    """Return how similar the two of each pair are; 0 if they are apart."""
    import numpy as np

    from regrowth.curation.duplicates.candidates import Pairs
    from regrowth.curation.duplicates.shingles import shingled
    from regrowth.curation.duplicates.verification import similarities
    from regrowth.texts import normalised

    one, other = (shingled([normalised(pair[side]) for pair in pairs], near) for side in (0, 1))
    each = np.flatnonzero((one.lengths >= near.short) & (other.lengths >= near.short))
    return similarities(Pairs(each, each), one, other, near)


def seeds() -> dict[str, Any]:
    """Return recall and precision on corpora of 20,000 documents that were drawn with other seeds, with intervals."""
    from regrowth.curation.duplicates import twins
    from regrowth.metrics.intervals import across_seeds

    shares: dict[str, list[float]] = {}
    for seed in SEEDS:
        corpus = planted.built(data(), 20_000, seed=seed)
        removed = {place for place, twin in enumerate(twins(corpus.texts).twin.tolist()) if twin >= 0}
        found = {**planted.recalled(corpus, removed), "precision": planted.precise(corpus, removed)[0]}
        for name, value in found.items():
            shares.setdefault(name, []).append(value)
    means = {name: across_seeds(values) for name, values in shares.items()}
    told = {name: [round(one, 4) for one in (mean.value, mean.low, mean.high)] for name, mean in means.items()}
    return {"documents": 20_000, "seeds": list(SEEDS), "mean, low, high": told, "each": shares}


def languages() -> dict[str, Any]:
    """Return the recall of problems with 5 % of their words changed, numbers left alone, in eleven languages."""
    from regrowth.curation.duplicates import Near, twins

    rng, found = random.Random(2), dict[str, Any]()
    for language, problems in planted.multilingual(data()).items():
        if len(problems) < 2:
            continue
        spaced = sum(problem.count(" ") for problem in problems) > 0.08 * sum(map(len, problems))
        long, changed = [], []
        for problem in problems:
            parts = problem.split() if spaced else list(problem)
            free = [at for at, part in enumerate(parts) if not any(one.isdigit() for one in part)]
            if len(parts) < (30 if spaced else 60):
                continue
            letters = sorted(set("".join(parts)) - set("0123456789"))
            for at in rng.sample(free, max(1, round(0.05 * len(parts)))):
                parts[at] = "".join(rng.choices(letters, k=6 if spaced else 1))
            long.append(problem)
            changed.append((" " if spaced else "").join(parts))
        near = twins([*long, *changed], Near())
        wrong = sum(0 <= twin < len(long) and twin != at for at, twin in enumerate(near.twin[len(long) :].tolist()))
        found[language] = {
            "problems": len(long),
            "recall": round(float((near.twin[len(long) :] >= 0).mean()), 4) if long else None,
            "false": wrong + int((near.twin[: len(long)] >= 0).sum()),
        }
    return found


def rounds() -> dict[str, Any]:
    """Return what it costs to add ten rounds to an index on disk, records and their ids included."""
    from regrowth.core.record import Record
    from regrowth.curation.duplicates import Index, near_duplicates

    corpus = planted.built(data(), 20_000, seed=3)
    records = [Record.of(text, number=place) for place, text in enumerate(corpus.texts)]
    start = time.process_time()
    at_once = near_duplicates(records)
    whole = time.process_time() - start
    seconds, dropped = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(10):
            part = [Record.of(one.prompt, number=one["number"]) for one in records[number::10]]
            start = time.process_time()
            dropped += len(Index(Path(folder)).add(part, str(number)).findings)
            seconds.append(round(time.process_time() - start, 2))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.npy"))
    return {
        "records": len(records),
        "all at once, records per CPU second": round(len(records) / whole),
        "found at once": len(at_once.findings),
        "CPU seconds of each of ten rounds": seconds,
        "found in rounds": dropped,
        "bytes on disk for each record kept": round(size / (len(records) - dropped)),
    }


def meaning() -> dict[str, Any]:
    """Return what the embedding without weights finds: rephrased problems, at thresholds, and its speed."""
    import numpy as np

    from regrowth.curation.duplicates import HashedGrams, Near, Semantic, twins
    from regrowth.curation.duplicates.semantic import embedded

    pairs = planted.rephrased(data())
    texts = [text for pair in pairs for text in pair]
    found: dict[str, Any] = {"pairs": len(pairs)}
    for name, embedding in (("plain", HashedGrams()), ("weighted", HashedGrams.weighted(texts))):
        vectors = embedded(texts, embedding)
        cosines = vectors[1::2] @ vectors[::2].T
        own, other = np.diag(cosines), np.where(np.eye(len(pairs), dtype=bool), -1, cosines).max(axis=1)
        threshold = float(np.quantile(other, 0.99))
        found[name] = {
            "nearest is the source": round(float((own > other).mean()), 4),
            "cosine that 1 % of wrong nearest ones reach": round(threshold, 3),
            "recall there": round(float((own > threshold).mean()), 4),
        }
    words = twins(texts, Near(numbers="free"))
    found["recall of word pairs at 0.6"] = round(float((words.twin >= 0).sum() / len(pairs)), 4)
    corpus = planted.built(data(), 10_000, seed=4)
    start = time.process_time()
    semantic = twins(corpus.texts, None, Semantic(HashedGrams(), 0.85))
    cpu = time.process_time() - start
    removed = {place for place, twin in enumerate(semantic.twin.tolist()) if twin >= 0}
    found["corpus"] = {
        "documents": len(corpus.texts),
        "docs_per_cpu_s": round(len(corpus.texts) / cpu),
        "precision": planted.precise(corpus, removed)[0],
        "recall": planted.recalled(corpus, removed),
    }
    return found


def _known() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return known


def main() -> None:
    """Run the parts asked for, and write them beside the others."""
    if sys.argv[1:2] == [OWN]:
        return own(Path(sys.argv[2]))
    parts: dict[str, Callable[[], Any]] = {
        "numbers": numbers,
        "seeds": seeds,
        "languages": languages,
        "rounds": rounds,
        "meaning": meaning,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"speed, {', '.join(parts)}; all if none is named")
    parser.add_argument("--peers", default="", help="an interpreter that has the other tools")
    parser.add_argument("--sizes", type=int, nargs="+", default=[], help="measure speed on these corpora only")
    parser.add_argument("--tools", nargs="+", default=[], choices=list(SIZES), help="measure the speed of these only")
    options = parser.parse_args()
    for name in options.parts or ["speed", *parts]:
        before = _known().get("speed", {})
        found = speed(options.peers, options.sizes, options.tools, before) if name == "speed" else parts[name]()
        known = {**_known(), name: found}
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
        if name != "speed":
            print(name, json.dumps(known[name], indent=1, ensure_ascii=False))
    return None


if __name__ == "__main__":
    main()
