"""What the benchmark of decontamination compares with, run in an environment of its own; and what all parts share."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from regrowth.metrics.intervals import proportion

DATATROVE = """
import json, sys, time, tempfile, pathlib, numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.utils.text import ngrams, simplify_text
items, documents = (json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:3])
with tempfile.TemporaryDirectory() as folder:
    config = NGramsDecontConfig(n_grams=12, find_query_ngrams=True)
    look = NGramsDecontFilter(folder, config)
    found = set()
    for text in items:
        tokens = look.tokenizer.word_tokenize(simplify_text(text, config.norm_config))
        found.update(map(look.hash_func, map(" ".join, ngrams(tokens, 12))))
    np.array(sorted(found), dtype=config.hash_config.np_descr).tofile(f"{folder}/test.index.hashes")
    look.filter(Document(text="warm up", id="0"))
    begin = time.process_time()
    hits = [look.filter(Document(text=text, id="0")) is not True for text in documents]
    print(json.dumps({"cpu": time.process_time() - begin, "hits": hits}))
"""

POTION = """
import importlib.util, json, pathlib, sys, numpy as np
from model2vec import StaticModel
home = pathlib.Path(importlib.util.find_spec("mostlyai.qa").origin).parent
model = StaticModel.from_pretrained(home / "assets/embedders/potion-base-8M")
found = {}
for name, (items, texts) in json.loads(pathlib.Path(sys.argv[1]).read_text()).items():
    cut = lambda some: [" ".join(text.split()[:120]) for text in some]
    one, two = model.encode(cut(items)), model.encode(cut(texts))
    unit = lambda v: v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9)
    found[name] = (unit(two) @ unit(one).T).tolist()
print(json.dumps(found))
"""


def data(name: str) -> Path:
    return Path(os.environ["REGROWTH_DATA"]) / name


@cache
def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(data(name), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def share(flags: Iterable[bool]) -> dict[str, Any]:
    flags = list(flags)
    found = asdict(proportion(sum(flags), len(flags)))
    return {name: round(found[name], 4) for name in ("value", "low", "high", "n")}


def peer(interpreter: str, program: str, *files: str) -> Any:
    """Return what a program says that runs in another environment; None, and a line, if it cannot run there."""
    done = subprocess.run(
        [interpreter, "-c", program, *files],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    if done.returncode:
        print("skipped:", (done.stderr.strip().splitlines() or ["no message"])[-1])
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def plain_grams(text: str, length: int, split: Callable[[str], list[str]]) -> set[tuple[str, ...]]:
    said = split(text.lower())
    return {tuple(said[at : at + length]) for at in range(len(said) - length + 1)}


BY_WORD = re.compile(r"\w+").findall
