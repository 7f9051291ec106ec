"""The work: real records and pairs, and the models that are trained on them.

    python -m benchmarks.trl_parity.work FOLDER        # REGROWTH_DATA names the data

Records for SFT are the human-written tasks of Self-Instruct and answers of some forty models (Self-Instruct's
predictions, first turns of MT-Bench); a pair is two models' answers to one task. Whatever is longer than 512 tokens
stays out; which of a pair is `rejected` is drawn, for speed does not depend on it. The tokenizer is GPT-2's, its end
token between turns, and one id more for padding.
"""

import gzip
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.trl_parity.job import CONTEXT

__all__ = ["SIZES", "prepare"]

SIZES: dict[str, dict[str, int]] = {
    "7M": {"width": 128, "layers": 4, "heads": 4, "kv_heads": 4, "hidden": 344},
    "16M": {"width": 256, "layers": 4, "heads": 4, "kv_heads": 4, "hidden": 688},
}
END, PAD = "<|endoftext|>", "<|pad|>"
TEMPLATE = "{% for message in messages %}{{ message['content'] + eos_token }}{% endfor %}"
RECORDS = 320
"""Written out of each kind; a job takes what its steps need."""


def lines(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a data file."""
    path = Path(os.environ["REGROWTH_DATA"]) / name
    with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def answers() -> Iterator[tuple[str, str]]:
    """Yield task and answer of everything there is."""
    for name in ("self_instruct_seed_tasks", "user_oriented_252"):
        for row in lines(f"instruction/{name}.jsonl.gz"):
            yield from ((joined(row["instruction"], one["input"]), one["output"].strip()) for one in row["instances"])
    for row in lines("teacher_outputs/self_instruct_predictions.jsonl.gz"):
        yield joined(row["instruction"], row["input"]), row["response"].strip()
    questions = {row["question_id"]: row["turns"][0] for row in lines("instruction/mt_bench.jsonl")}
    for row in lines("teacher_outputs/mt_bench_answers.jsonl.gz"):
        if row["question_id"] in questions:
            yield questions[row["question_id"]].strip(), row["turns"][0].strip()


def joined(instruction: str, given: str) -> str:
    """Return a task with what it is about."""
    return f"{instruction.strip()}\n\n{given.strip()}".strip()


def records(tokenizer: Any) -> dict[str, list[dict[str, str]]]:
    """Draw records and pairs that the context holds."""
    by_task = defaultdict(set)
    for task, answer in answers():
        if task and answer and len(tokenizer.encode(task).ids) + len(tokenizer.encode(answer).ids) + 2 <= CONTEXT:
            by_task[task].add(answer)
    rng = random.Random(0)
    single = [{"prompt": task, "response": answer} for task, found in by_task.items() for answer in sorted(found)]
    pairs = [
        dict(zip(("prompt", "response", "rejected"), (task, *rng.sample(pair, 2)), strict=True))
        for task, found in by_task.items()
        for pair in combinations(sorted(found), 2)
    ]
    return {"sft": rng.sample(single, RECORDS), "pairs": rng.sample(pairs, RECORDS)}


def gpt2() -> dict[str, Any]:
    """Read GPT-2's tokenizer."""
    path = Path(os.environ["REGROWTH_DATA"]) / "tokenizers" / "gpt2_tokenizer.json.gz"
    loaded: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return loaded


def own_codec() -> Any:
    """Return GPT-2's pieces behind our six role tokens: what `train_codec` would make of them."""
    from tokenizers import Tokenizer

    from regrowth.weights.codec import SPECIALS, BpeCodec

    plain = gpt2()
    pieces = sorted(plain["model"]["vocab"], key=plain["model"]["vocab"].__getitem__)
    every = [*SPECIALS, *(piece for piece in pieces if piece != END)]
    plain["model"]["vocab"] = {piece: number for number, piece in enumerate(every)}
    shape = plain["added_tokens"][0] | {"normalized": False}
    plain["added_tokens"] = [shape | {"id": number, "content": name} for number, name in enumerate(SPECIALS)]
    return BpeCodec(Tokenizer.from_str(json.dumps(plain)))


def hub_codec(scratch: Path) -> Any:
    """Return GPT-2's tokenizer as a folder from a hub has it."""
    from transformers import PreTrainedTokenizerFast

    from regrowth.weights.codec import hf_codec

    (scratch / "plain.json").write_text(json.dumps(gpt2()), encoding="utf-8")
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(scratch / "plain.json"), eos_token=END, pad_token=PAD, chat_template=TEMPLATE
    )
    tokenizer.save_pretrained(scratch / "tokenizer")
    return hf_codec(scratch / "tokenizer")


def prepare(folder: Path) -> None:
    """Write data and models."""
    from tokenizers import Tokenizer

    from regrowth.weights.heads import with_head
    from regrowth.weights.loading import load, save
    from regrowth.weights.network import LlamaShape, new_llama

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, lengths = Tokenizer.from_str(json.dumps(gpt2())), {}
    for name, rows in records(tokenizer).items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
        sides = [(row["prompt"], row[side]) for row in rows for side in row if side != "prompt"]
        lengths[name] = [sum(len(tokenizer.encode(text).ids) + 1 for text in pair) for pair in sides]
    (folder / "lengths.json").write_text(json.dumps(lengths), encoding="utf-8")
    codecs = {"": hub_codec(folder), "-own": own_codec()}
    for size, numbers in SIZES.items():
        for kind, codec in codecs.items():
            shape = LlamaShape(vocabulary=codec.size, context=CONTEXT, **numbers)  # type: ignore[arg-type]
            save(new_llama(shape, codec, seed=0), codec, folder / f"{size}{kind}", lineage={})
        judge = with_head(load(folder / size), ("reward",))
        save(judge.network, judge.codec, folder / f"{size}-reward", lineage={})


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
