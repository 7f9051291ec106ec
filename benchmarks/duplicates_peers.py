"""What other tools remove from a corpus: `PYTHON benchmarks/duplicates_peers.py TOOL FILE` prints one JSON line.

Runs with the interpreter that has them, and needs nothing of Regrowth. FILE holds one {"id", "text"} per line. CPU
seconds are those of the work, reading the file and imports left out; memory is the most that the process ever held.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BANDS, ROWS = 14, 8
"""Of datatrove's defaults: found with a probability of one half at a similarity of .75."""
TUNED_BANDS, TUNED_ROWS = 32, 4
"""As much work, one half at .42."""
SPLIT = re.compile(r"\W+")


def shingles(text: str, length: int) -> set[str]:
    words = [word for word in SPLIT.split(text.lower()) if word]
    return {" ".join(words[at : at + length]) for at in range(max(1, len(words) - length + 1))}


def rensa(texts: list[str], bands: int = BANDS, rows: int = ROWS, length: int = 5) -> set[int]:
    from rensa import RMinHash, RMinHashLSH

    removed = set()
    lsh = RMinHashLSH(threshold=0.7, num_perm=bands * rows, num_bands=bands)
    for start in range(0, len(texts), 10_000):
        sets = [list(shingles(text, length)) for text in texts[start : start + 10_000]]
        for place, one in enumerate(RMinHash.from_token_sets(sets, num_perm=bands * rows, seed=1), start):
            if lsh.query(one):
                removed.add(place)
            else:
                lsh.insert(place, one)
    return removed


def rensa_tuned(texts: list[str]) -> set[int]:
    return rensa(texts, TUNED_BANDS, TUNED_ROWS, 2)


def datasketch(texts: list[str]) -> set[int]:
    from datasketch import MinHash, MinHashLSH

    removed = set()
    lsh = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    for start in range(0, len(texts), 10_000):
        sets = [[one.encode() for one in shingles(text, 5)] for text in texts[start : start + 10_000]]
        for place, one in enumerate(MinHash.bulk(sets, num_perm=BANDS * ROWS), start):
            if lsh.query(one):
                removed.add(place)
            else:
                lsh.insert(place, one)
    return removed


def semhash(texts: list[str]) -> set[int]:
    import numpy as np
    from semhash import SemHash

    class Encoder:
        """Give each word a fixed random vector: its own models have to be fetched."""

        def __init__(self) -> None:
            self.known: dict[str, object] = {}

        def encode(self, inputs: list[str], **_: object) -> object:
            found = np.zeros((len(inputs), 128), np.float32)
            for row, text in enumerate(inputs):
                for word in SPLIT.split(str(text).lower()):
                    if word not in self.known:
                        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
                        self.known[word] = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
                    found[row] += self.known[word]
            return found

    records = [{"id": str(place), "text": text} for place, text in enumerate(texts)]
    index = SemHash.from_records(records, columns=["text"], model=Encoder())
    kept = {int(one["id"]) for one in index.self_deduplicate(threshold=0.9).selected}
    return set(range(len(texts))) - kept


def datatrove(texts: list[str]) -> set[int]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=BANDS, hashes_per_bucket=ROWS, n_grams=5)
    with folder() as work:
        (work / "in").mkdir()
        rows = (json.dumps({"id": f"d{place}", "text": text}) for place, text in enumerate(texts))
        (work / "in/0.jsonl").write_text("\n".join(rows))
        reader = JsonlReader(str(work / "in"))
        out = {name: str(work / name) for name in ("signatures", "buckets", "clusters", "removed", "kept")}
        refused = JsonlWriter(out["removed"], compression=None)
        steps = [
            ([reader, MinhashDedupSignature(output_folder=out["signatures"], config=config)], 1),
            ([MinhashDedupBuckets(input_folder=out["signatures"], output_folder=out["buckets"], config=config)], BANDS),
            ([MinhashDedupCluster(input_folder=out["buckets"], output_folder=out["clusters"], config=config)], 1),
            ([reader, MinhashDedupFilter(input_folder=out["clusters"], exclusion_writer=refused),
              JsonlWriter(out["kept"], compression=None)], 1),
        ]  # fmt: skip
        for number, (pipeline, tasks) in enumerate(steps):
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(work / f"log{number}")).run()
        lines = (line for path in work.glob("removed/*") for line in path.read_text().splitlines())
        return {int(json.loads(line)["id"][1:]) for line in lines}


def text_dedup(texts: list[str]) -> set[int]:
    from datasets import load_from_disk

    with folder() as work:
        rows = (json.dumps({"place": place, "text": text}) for place, text in enumerate(texts))
        (work / "in.jsonl").write_text("\n".join(rows))
        known = {"--path": "json", "--data_files": work / "in.jsonl", "--split": "train", "--cache_dir": work / "cache",
                 "--output": work / "out", "--column": "text", "--ngram": 5, "--min_length": 5, "--num_proc": 1,
                 "--num_perm": BANDS * ROWS, "--b": BANDS, "--r": ROWS, "--batch_size": 10_000}  # fmt: skip
        words = [str(word) for pair in known.items() for word in pair]
        quiet = {**os.environ, "HF_HOME": str(work / "home"), "HF_DATASETS_OFFLINE": "1"}
        subprocess.run([sys.executable, "-m", "text_dedup.minhash", *words], env=quiet, check=True, capture_output=True)
        return set(range(len(texts))) - set(load_from_disk(str(work / "out"))["place"])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


TOOLS: dict[str, tuple[str, Callable[[list[str]], set[int]]]] = {
    "rensa": ("rensa", rensa),
    "rensa, tuned": ("rensa", rensa_tuned),
    "datasketch": ("datasketch", datasketch),
    "semhash": ("semhash", semhash),
    "datatrove": ("datatrove", datatrove),
    "text-dedup": ("text-dedup", text_dedup),
}


def spent() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    package, work = TOOLS[sys.argv[1]]
    version = importlib.metadata.version(package)
    texts = [json.loads(line)["text"] for line in Path(sys.argv[2]).read_text("utf-8").splitlines()]
    work(texts[:50])  # imports
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, wall = spent(), time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        removed = work(texts)
    cpu, wall = spent() - start, time.perf_counter() - wall
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    found = {"version": version, "documents": len(texts), "cpu_s": cpu, "wall_s": wall, "loaded_mb": loaded // 1024}
    print(json.dumps({**found, "peak_mb": peak // 1024, "removed": sorted(removed)}))


if __name__ == "__main__":
    main()
