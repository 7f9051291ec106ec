"""Real rephrased items: n-grams, vectors and verifiers on HumanEval in Python, JavaScript and C, and on GSM8K."""

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contamination_peers import BY_WORD, POTION, data, peer, plain_grams, rows, share
from regrowth.core.protocols import Executor
from regrowth.curation.contamination.behaviour import behaves, functions
from regrowth.curation.contamination.index import Index
from regrowth.curation.contamination.items import Benchmark, Item, read_items
from regrowth.curation.contamination.matching import matches
from regrowth.curation.contamination.retrieval import Nearest, piece_vectors
from regrowth.curation.contamination.screen import Deep
from regrowth.curation.contamination.verifiers import Verifier, same_quantities
from regrowth.recipes._contamination import code_in, read_probes
from regrowth.sandbox.calls import run
from regrowth.sandbox.ladder import sandbox
from regrowth.texts import words

CODE = {"python": "humaneval_python", "javascript": "humaneval_js", "c": "humaneval_c"}
MOST = 20
WIDTH = 2
BASELINES: dict[str, tuple[int, Callable[[str], list[str]], float]] = {
    "13-gram, any hit": (13, BY_WORD, 0.0),
    "10-gram, any hit": (10, BY_WORD, 0.0),
    "8-gram, any hit": (8, BY_WORD, 0.0),
    "8-gram between white space, any hit": (8, str.split, 0.0),
    "8-gram, 20 % of the item's": (8, BY_WORD, 0.2),
    "5-gram, any hit": (5, BY_WORD, 0.0),
}


def by_grams(items: Sequence[str], texts: Sequence[str], rule: str) -> np.ndarray[Any, Any]:
    length, split, least = BASELINES[rule]
    known = [plain_grams(item, length, split) for item in items]
    table = np.zeros((len(texts), len(items)), np.bool_)
    for row, text in enumerate(texts):
        said = plain_grams(text, length, split)
        table[row] = [len(said & one) > max(0.0, least * len(one) - 1e-9) for one in known]
    return table


def told(table: np.ndarray[Any, Any], held: Sequence[bool]) -> dict[str, Any]:
    """Return recall (the own item is hit) and false positives (any other is) over the texts that hold anything."""
    own, others = table.diagonal()[held], (table & ~np.eye(len(table), dtype=bool))[held]
    pairs = others.sum() / (others.size - len(others))
    return {"recall": share(own), "hit on another": share(others.any(1)), "pairs hit": round(float(pairs), 5)}


def ranked(cosines: np.ndarray[Any, Any], held: Sequence[bool]) -> dict[str, Any]:
    """Return how often the own item is near, and recall at the threshold that leaves 1 % of texts hit on another."""
    others = np.where(np.eye(len(cosines), dtype=bool), -1, cosines).max(1)[held]
    own = cosines.diagonal()[held]
    rank = (cosines[held] > own[:, None]).sum(1)
    threshold = float(np.quantile(others, 0.99))
    near = {f"recall@{k}": round(float((rank < k).mean()), 3) for k in (1, 5, 10, 20)}
    return {**near, "threshold at 1 %": round(threshold, 3), "recall at 1 %": round(float((own > threshold).mean()), 3)}


def by_runs(benchmark: Benchmark, texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return the hits of our runs of words, of each item for itself, in an index of all of them."""
    index = Index.of([benchmark])
    table = np.zeros((len(texts), len(benchmark.items)), np.bool_)
    for row, found in enumerate(matches(index, [words(text) for text in texts])):
        table[row, [one.item for one in found]] = True
    return table


def near_table(cosines: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return which items are among the nearest of each text and above the floor, as the pipeline takes them."""
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :MOST]
    table = np.zeros(cosines.shape, np.bool_)
    np.put_along_axis(table, order, True, axis=1)
    return table & (cosines >= 0.1)


async def verified(
    verify: Verifier,
    items: Sequence[Item],
    texts: Sequence[str],
    cosines: np.ndarray[Any, Any],
    asked: np.ndarray[Any, Any],
) -> np.ndarray[Any, Any]:
    """Return what a verifier says of the texts and items that it is asked of."""
    table, gate = np.zeros(cosines.shape, np.bool_), asyncio.Semaphore(WIDTH)

    async def one(row: int) -> None:
        async with gate:
            for column in np.flatnonzero(asked[row]).tolist():
                opinion = await verify(texts[row], items[column], float(cosines[row, column]))
                table[row, column] = opinion is not None and opinion.same

    await asyncio.gather(*map(one, range(len(texts))))
    return table


async def still_correct(executor: Executor, language: str, texts: Sequence[str]) -> list[bool | None]:
    """Return which rephrasings the published harness accepts under some name; None where it has no test.

    Python: HumanEval's own `check`, in one process, by its exit code. JavaScript: MultiPL-E's test program, likewise.
    """
    if language == "python":
        tests = [f"{row['test']}\n\ncheck({{name}})\n" for row in rows("code/humaneval.jsonl.gz")]
    else:
        known = {row["name"].split("_")[1]: row for row in rows("code/multipl_e_js.jsonl.gz") if row["name"][0] == "H"}
        numbers = [row["task_id"].split("/")[1] for row in rows("code/humaneval.jsonl.gz")]
        tests = [
            re.sub(r"let candidate = \w+;", "let candidate = {name};", known[one]["tests"]) if one in known else ""
            for one in numbers
        ]
    verdicts = list[bool | None]()
    for text, test in zip(texts, tests, strict=True):
        code, good = code_in(text, language), False
        for one in functions(code, language) if test else ():
            program = f"{code}\n{test.replace('{name}', one.name)}"
            good |= (await run(executor, program, language=language)).status == "ok"
        verdicts.append(good if test else None)
    return verdicts


async def rephrased_code(
    executor: Executor, language: str, potion: dict[str, Any], all_pairs: bool = False
) -> dict[str, Any]:
    benchmark, name = read_items(data("code/humaneval.jsonl.gz")), CODE[language]
    items = ["\n".join(item.parts[:2]) for item in benchmark.items]
    texts = [row["text"] for row in rows(f"decontamination/{name}.jsonl.gz")]
    held = [bool(text.strip()) for text in texts]
    found: dict[str, Any] = {"items": len(items), "texts that are empty, left out": held.count(False)}
    cosines = _cosines(items, texts)
    found["rules"] = {rule: told(by_grams(items, texts, rule), held) for rule in BASELINES}
    found["rules"]["ours: runs of words"] = told(by_runs(benchmark, texts), held)
    found["vectors"] = {"ours: pieces of words": ranked(cosines, held), **_static(potion, name, held)}
    if language == "c":
        return found
    probes = await read_probes(executor, data("code/humaneval.jsonl.gz"))
    begin = time.perf_counter()
    near = near_table(cosines)
    asked = near | np.eye(len(near), dtype=bool) | all_pairs
    table = await verified(behaves(executor, probes, extract=code_in), benchmark.items, texts, cosines, asked)
    correct = await still_correct(executor, language, texts)
    good = [place for place, one in enumerate(correct) if one]
    own = table.diagonal()
    found["behaviour"] = {
        "items with a probe": len(probes),
        "still correct by the published tests": len(good),
        "without such a test": sum(one is None for one in correct),
        "verifier, of those still correct": share(own[good]),
        "pairs asked": int(asked.sum()),
        "verifier, of all asked": told(table, held),
        "accepted though the published tests fail": [
            benchmark.items[n].name for n, one in enumerate(correct) if one is False and own[n]
        ],
        "missed though correct": [benchmark.items[n].name for n in good if not own[n]],
        "retrieval and verifier, of those still correct": share((table & near).diagonal()[good]),
        "retrieval and verifier": told(table & near, held),
        "others hit": _pairs(table, benchmark),
        "seconds": round(time.perf_counter() - begin, 1),
    }
    return found


def _pairs(table: np.ndarray[Any, Any], benchmark: Benchmark) -> list[str]:
    rows_, columns = np.nonzero(table & ~np.eye(len(table), dtype=bool))
    pairs = zip(rows_.tolist(), columns.tolist(), strict=True)
    return [f"{benchmark.items[one].name} solves {benchmark.items[other].name}" for one, other in pairs]


def _cosines(items: Sequence[str], texts: Sequence[str]) -> np.ndarray[Any, Any]:
    return Nearest(items, piece_vectors(items)).cosines(texts)


def _static(potion: dict[str, Any], name: str, held: Sequence[bool]) -> dict[str, Any]:
    return {"potion-base-8M, 120 words": ranked(np.array(potion[name]), held)} if potion else {}


async def rephrased_sums(potion: dict[str, Any]) -> dict[str, Any]:
    benchmark = read_items(data("reasoning/gsm8k_test.jsonl.gz"))
    texts = [row["text"] for row in rows("decontamination/rephrase_gsm8k.jsonl.gz")]
    held = [bool(text.strip()) for text in texts]
    questions = [item.question for item in benchmark.items]
    cosines = _cosines(["\n".join(item.parts[:2]) for item in benchmark.items], texts)
    rules: dict[str, Any] = {rule: told(by_grams(questions, texts, rule), held) for rule in BASELINES}
    rules["ours: runs of words"] = told(by_runs(benchmark, texts), held)
    table = await verified(same_quantities, benchmark.items, texts, cosines, near_table(cosines))
    solved = [text.split("Answer:")[0] + "\n" + item.answer for text, item in zip(texts, benchmark.items, strict=True)]
    asked = [text.split("Answer:")[0] for text in texts]
    whole = ["\n".join(item.parts[:2]) for item in benchmark.items]
    tables = []
    for some in (solved, asked):
        near = _cosines(whole, some)
        tables.append(await verified(same_quantities, benchmark.items, some, near, near_table(near)))
    deep = Deep([benchmark])
    hits, _ = await deep.look([f"{row['question']}\n{row['answer']}" for row in rows("reasoning/gsm8k_train.jsonl.gz")])
    return {
        "items": len(questions),
        "rules": rules,
        "vectors": {"ours: pieces of words": ranked(cosines, held), **_static(potion, "rephrase_gsm8k", held)},
        "quantities": {
            "retrieval and verifier": told(table, held),
            "with the original's solution in place of the answer": told(tables[0], held),
            "question without an answer": told(tables[1], held),
            "clean: GSM8K's own training part": share(hit is not None for hit in hits),
        },
    }


async def rephrased(options: argparse.Namespace) -> dict[str, Any]:
    given = {}
    code = ["\n".join(item.parts[:2]) for item in read_items(data("code/humaneval.jsonl.gz")).items]
    for name in CODE.values():
        given[name] = (code, [row["text"] for row in rows(f"decontamination/{name}.jsonl.gz")])
    sums = [item.question for item in read_items(data("reasoning/gsm8k_test.jsonl.gz")).items]
    given["rephrase_gsm8k"] = (sums, [row["text"] for row in rows("decontamination/rephrase_gsm8k.jsonl.gz")])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "given.json")
        path.write_text(json.dumps(given))
        potion = peer(options.peers, POTION, str(path)) if options.peers else None
    if not potion:
        print("skipped: the static embedding (name an interpreter with model2vec and mostlyai-qa by --peers)")
    executor = sandbox()
    found = {language: await rephrased_code(executor, language, potion or {}, options.all_pairs) for language in CODE}
    return {**found, "gsm8k": await rephrased_sums(potion or {})}
