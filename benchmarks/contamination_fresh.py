"""Decontamination on data that no threshold was chosen on: other benchmarks, other clean texts, translations.

Planted as in `contamination` (verbatim, edited at four rates), but the items are those of TruthfulQA, IFEval, MT-Bench,
the 252 user-oriented tasks, BFCL, XSTest and BBQ, and the texts around them Shakespeare, public documents, sentences
of Wikipedia (BOLD), model-written questions and solutions of GPT-3. The questions of MGSM are GSM8K's, translated.
"""

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

from benchmarks.contamination_peers import data, rows, share
from benchmarks.contamination_plants import LONG, passages, plain_twelve, planted, recalled
from regrowth.curation.contamination.items import read_items
from regrowth.curation.contamination.screen import Deep, Screen
from regrowth.texts import words

FRESH = {
    "factuality/truthfulqa.csv.gz": ("Question", "Best Answer"),
    "instruction/ifeval.jsonl.gz": ("prompt",),
    "instruction/mt_bench.jsonl": ("turns",),
    "instruction/user_oriented_252.jsonl.gz": ("instruction", "instances"),
    "tool_use/bfcl_multiple.jsonl.gz": ("question",),
    "safety/xstest_prompts.csv": ("prompt",),
    "bias/bbq_Sexual_orientation.jsonl.gz": ("context", "question"),
}
"""Benchmarks, and the columns that are their items."""


def fresh_texts() -> Iterator[tuple[str, str]]:
    """Yield real texts that hold no item of these benchmarks, with what they come from."""
    with gzip.open(data("text/tinyshakespeare.txt.gz"), "rt", encoding="utf-8") as file:
        yield from (("shakespeare", text) for text in file.read().split("\n\n") if len(text) > 100)
    for row in rows("documents/multidoc2dial_ssa_documents.jsonl.gz"):
        yield "multidoc2dial_ssa", row["text"]
    for row in rows("reasoning/gsm8k_model_solutions.jsonl.gz"):
        yield "gsm8k_model_solutions", json.dumps(row, ensure_ascii=False)
    for name in ("myopic-reward_human", "myopic-reward_lm"):
        for row in rows(f"model_written/{name}.jsonl.gz"):
            yield "model_written", row["question"]
    with gzip.open(data("bias/bold_gender.json.gz"), "rt", encoding="utf-8") as file:
        for group in json.load(file).values():
            yield from (("bold", " ".join(texts)) for texts in group.values())


def fresh(count: int, seed: int) -> dict[str, Any]:
    """Return recall of what was planted, hits in clean text, and recall of translations."""
    rng = random.Random(seed)
    benchmarks = [read_items(data(name), columns=columns) for name, columns in FRESH.items()]
    texts = [text for _, text in fresh_texts()]
    clean = passages(count, rng, texts)
    plants = list(planted(benchmarks, rng, passages(3000, rng, texts)))
    items = [text for one in benchmarks for item in one.items for text in item.parts]
    looks = {"ours: runs of words": Screen.of(benchmarks).look, "plain 12-gram set": plain_twelve(items)}
    found: dict[str, Any] = {
        "items": {one.name: len(one.items) for one in benchmarks},
        "parts of 20 words and more": sum(len(words(text)) >= LONG for text in items),
        "clean passages": len(clean),
        "rows": {},
    }
    for name, look in looks.items():
        hits = [bool(one) for at in range(0, len(clean), 1000) for one in look(clean[at : at + 1000])]
        plant_hits = [bool(one) for one in look([text for *_, text in plants])]
        found["rows"][name] = {"clean passages hit": share(hits), "recall": recalled(plants, plant_hits)}
    by_source: dict[str, list[str]] = {}
    for source, text in fresh_texts():
        by_source.setdefault(source, []).append(text)
    screen = Screen.of(benchmarks)
    found["whole clean texts hit"] = {
        source: share(hit is not None for hit in screen.look(some)) for source, some in by_source.items()
    }
    return found


async def translated() -> dict[str, Any]:
    """Return, by language, how many of GSM8K's problems are found in their translations, answer beside them."""
    benchmark = read_items(data("reasoning/gsm8k_test.jsonl.gz"))
    place = {row["index"]: number for number, row in enumerate(rows("reasoning/gsm8k_test.jsonl.gz"))}
    texts: dict[str, list[tuple[int, str]]] = {}
    for row in rows("multilingual/mgsm.jsonl.gz"):
        if row["index"] in place:
            texts.setdefault(row["lang"], []).append((place[row["index"]], f"{row['question']}\n{row['answer']}"))
    found: dict[str, Any] = {}
    for language, pairs in texts.items():
        hits, _ = await Deep([benchmark]).look([text for _, text in pairs])
        found[language] = {
            "found": share(hit is not None and hit.item == own for hit, (own, _) in zip(hits, pairs, strict=True)),
            "another": share(hit is not None and hit.item != own for hit, (own, _) in zip(hits, pairs, strict=True)),
        }
    return found
