"""Decontamination: recall and false positives on real rephrased items and on planted ones, beside what others use.

    export REGROWTH_DATA=/path/to/data
    python -m benchmarks.contamination                            # writes results/contamination.json
    python -m benchmarks.contamination speed --peers /path/to/venv/bin/python

Parts: `rephrased` (sandboxed code; about 6 minutes), `speed`, `clean`, `fresh` (data that no threshold
saw). `--peers` names an interpreter with datatrove,
model2vec, and mostlyai-qa for the static embedding that comes with it; without it their rows are skipped.
CPU seconds are user and system time of one process; each row is the median of `--repeats`.
"""

import argparse
import asyncio
import gzip
import json
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contamination_fresh import fresh, translated
from benchmarks.contamination_peers import BY_WORD, DATATROVE, data, peer, plain_grams, rows, share
from benchmarks.contamination_plants import Plant, passages, plain_twelve, planted, recalled
from benchmarks.contamination_rephrased import rephrased
from regrowth.curation.contamination.behaviour import behaves
from regrowth.curation.contamination.index import Index
from regrowth.curation.contamination.items import read_items
from regrowth.curation.contamination.screen import Deep, Screen, waited
from regrowth.recipes._contamination import code_in, read_probes
from regrowth.sandbox.ladder import sandbox
from regrowth.texts import words

RESULTS = Path(__file__).parent / "results" / "contamination.json"


def clean_texts() -> Iterator[tuple[str, str]]:
    """Yield real texts that hold no item of the benchmarks, with what they come from."""
    for row in rows("reasoning/gsm8k_train.jsonl.gz"):
        yield "gsm8k_train", f"{row['question']}\n{row['answer']}"
    for row in rows("preference/hh_rlhf_harmless_test.jsonl.gz"):
        yield "hh_rlhf", row["chosen"] if isinstance(row["chosen"], str) else json.dumps(row["chosen"])
    with gzip.open(data("text/wikitext2_valid.txt.gz"), "rt", encoding="utf-8") as file:
        yield from (("wikitext2", line.strip()) for line in file if len(line) > 200)
    for row in rows("teacher_outputs/mt_bench_answers.jsonl.gz"):
        yield "mt_bench_answers", json.dumps(row, ensure_ascii=False)
    for row in rows("documents/multidoc2dial_dmv_documents.jsonl.gz"):
        yield "multidoc2dial", json.dumps(row, ensure_ascii=False)


BENCHMARKS = ("reasoning/gsm8k_test.jsonl.gz", "code/humaneval.jsonl.gz", "code/mbpp.jsonl.gz")


def measured(
    look: Callable[[Sequence[str]], Sequence[object]], texts: Sequence[str], repeats: int
) -> tuple[float, list[bool]]:
    """Return the median CPU seconds of a look, and what it hits."""
    seconds, found = [], list[bool]()
    for _ in range(repeats):
        begin = _cpu()
        found = [bool(hit) for at in range(0, len(texts), 1000) for hit in look(texts[at : at + 1000])]
        seconds.append(_cpu() - begin)
    return statistics.median(seconds), found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def speed(options: argparse.Namespace) -> dict[str, Any]:
    rng = random.Random(options.seed)
    benchmarks = [read_items(data(name)) for name in BENCHMARKS]
    texts = passages(options.documents, rng, (text for _, text in clean_texts()))
    around = passages(3000, rng, (text for _, text in clean_texts()))
    plants = list(planted(benchmarks, rng, around))
    items = [text for one in benchmarks for item in one.items for text in item.parts]
    index = Index.of(benchmarks)
    found: dict[str, Any] = {
        "documents": len(texts),
        "words per document": round(statistics.mean(len(words(text)) for text in texts[:5000]), 1),
        "characters per document": round(statistics.mean(map(len, texts)), 1),
        "items": sum(len(one.items) for one in benchmarks),
        "grams": {str(length): len(one.keys) for length, one in index.grams.items()},
        "memory MB before and after": [_memory()],
    }
    looks: dict[str, Callable[[Sequence[str]], Sequence[object]]] = {
        "ours: runs of words": Screen(index).look,
        "plain 12-gram set": plain_twelve(items),
    }
    found["rows"] = {}
    for name, look in looks.items():
        seconds, hits = measured(look, texts, options.repeats)
        _, plant_hits = measured(look, [text for *_, text in plants], 1)
        found["rows"][name] = _row(len(texts) / seconds, hits, plants, plant_hits)
    found["memory MB before and after"].append(_memory())
    if row := _datatrove(options, items, texts, plants):
        found["rows"]["datatrove, 12-gram"] = row
    right = Screen(index).look([text for *_, text in plants])
    found["ours, the right benchmark"] = share(
        hit is not None and f" {hit.benchmark}," in where for hit, (_, where, _, _) in zip(right, plants, strict=True)
    )
    return found


def _memory() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _row(rate: float, hits: Sequence[bool], plants: Sequence[Plant], plant_hits: Sequence[bool]) -> dict[str, Any]:
    return {
        "documents per CPU second": round(rate),
        "clean passages hit": share(hits),
        "recall": recalled(plants, plant_hits),
    }


def _datatrove(
    options: argparse.Namespace, items: Sequence[str], texts: Sequence[str], plants: Sequence[Plant]
) -> dict[str, Any] | None:
    if not options.peers:
        print("skipped: datatrove (name an interpreter with it by --peers)")
        return None
    few = list(texts[: options.peer_documents])
    with tempfile.TemporaryDirectory() as folder:
        for name, some in (("items", items), ("clean", few), ("plants", [text for *_, text in plants])):
            Path(folder, name).write_text(json.dumps(some))
        clean = [peer(options.peers, DATATROVE, f"{folder}/items", f"{folder}/clean") for _ in range(options.repeats)]
        hits = peer(options.peers, DATATROVE, f"{folder}/items", f"{folder}/plants")
    if not all(clean) or not hits:
        return None
    rate = len(few) / statistics.median(one["cpu"] for one in clean)
    return {"documents measured": len(few), **_row(rate, clean[0]["hits"], plants, hits["hits"])}


# Clean text ---------------------------------------------------------------------------------------------------------


async def clean(options: argparse.Namespace) -> dict[str, Any]:
    """Count what is hit in text that holds no item, by its source; of code, also what behaves like an item."""
    benchmarks = [read_items(data(name)) for name in BENCHMARKS]
    screen, items = Screen.of(benchmarks), [text for one in benchmarks for item in one.items for text in item.parts]
    eight = {gram for item in items for gram in plain_grams(item, 8, BY_WORD)}
    by_source: dict[str, list[str]] = {}
    for source, text in clean_texts():
        by_source.setdefault(source, []).append(text)
    found: dict[str, Any] = {}
    for source, texts in by_source.items():
        hits = screen.look(texts)
        found[source] = {
            "ours: runs of words": share(hit is not None for hit in hits),
            "8-gram, any hit": share(not eight.isdisjoint(plain_grams(text, 8, BY_WORD)) for text in texts),
            "kinds": dict(Counter(hit.kind for hit in hits if hit)),
        }
    prose = by_source["wikitext2"]
    sums = Deep(benchmarks[:1])
    seconds, hits = measured(lambda texts: waited(sums.look(texts))[0], prose, 1)
    found["deep look at prose"] = {"documents per CPU second": round(len(prose) / seconds), "hit": share(hits)}
    executor = sandbox()
    humaneval = benchmarks[1]
    probes = await read_probes(executor, data("code/humaneval.jsonl.gz"))
    deep = Deep([humaneval], {"humaneval": [behaves(executor, probes, extract=code_in)]})
    begin, solved = time.perf_counter(), rows("code/mbpp.jsonl.gz")[:: options.mbpp_step]
    hits, counts = await deep.look([row["code"].replace("\r\n", "\n") for row in solved])
    found["solutions of MBPP against HumanEval, by behaviour"] = {
        "hit": share(hit is not None for hit in hits),
        "which": [
            f"MBPP {row['task_id']} solves {humaneval.items[hit.item].name}: {row['text'].strip()[:90]}"
            for row, hit in zip(solved, hits, strict=True)
            if hit
        ],
        "candidates": counts,
        "seconds": round(time.perf_counter() - begin, 1),
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["rephrased", "speed", "clean", "fresh"])
    parser.add_argument("--peers", default="", help="an interpreter with datatrove, model2vec and mostlyai-qa")
    parser.add_argument("--documents", type=int, default=50_006)
    parser.add_argument("--peer-documents", type=int, default=4_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mbpp-step", type=int, default=1, help="take every so many of MBPP's solutions")
    parser.add_argument("--all-pairs", action="store_true", help="ask the verifier of every text and every item")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    known: dict[str, Callable[[], Any]] = {
        "rephrased": lambda: asyncio.run(rephrased(options)),
        "speed": partial(speed, options),
        "clean": lambda: asyncio.run(clean(options)),
        "fresh": lambda: {**fresh(options.documents, options.seed), "translated": asyncio.run(translated())},
    }
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in options.parts:
        results[part] = known[part]()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(json.dumps({part: results[part]}, indent=1))


if __name__ == "__main__":
    main()
