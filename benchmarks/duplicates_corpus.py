"""Real text in any number of documents, with planted duplicates whose truth is known.

Documents of about 40 to 120 words, each of sentences of one source drawn at random: Wikipedia, Shakespeare, questions
of GSM8K, dialogues, public documents, replies of models. Into these are planted, as 2 % of the documents each, copies
that are exact, in another case, with unicode tricks, or with 1, 2, 5 or 10 % of the words replaced (half of them),
taken out, or swapped with the next: at least one. Numbers are words like others there.
"""

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from regrowth.texts import words

__all__ = [
    "KINDS", "Corpus", "built", "edited", "jaccard", "multilingual", "precise", "recalled", "redrawn", "rephrased",
]  # fmt: skip

SOURCES = (
    "text/wikitext2_valid.txt.gz", "text/tinyshakespeare.txt.gz", "reasoning/gsm8k_train.jsonl.gz",
    "preference/hh_rlhf_harmless_test.jsonl.gz", "preference/pandalm_testset.jsonl.gz",
    "documents/multidoc2dial_dmv_documents.jsonl.gz", "documents/multidoc2dial_ssa_documents.jsonl.gz",
    "teacher_outputs/mt_bench_answers.jsonl.gz", "teacher_outputs/self_instruct_predictions.jsonl.gz",
    "safety/xstest_completions.jsonl.gz", "bias/winogenerated.jsonl.gz",
)  # fmt: skip
KINDS = {"exact": 0.0, "case": 0.0, "unicode": 0.0, "near 1%": 0.01, "near 2%": 0.02, "near 5%": 0.05, "near 10%": 0.1}
"""What is planted, and the share of the words that is changed in it."""
PLANTED = 0.14
"""Share of copies in a corpus."""
TRULY = 0.5
"""Jaccard similarity of word pairs from which on a document that nobody planted is rightly called a duplicate."""
_LOOKALIKES = str.maketrans("aeopcxy", "аеорсху")


class Copy(NamedTuple):
    """Hold a planted copy."""

    original: int
    copy: int
    kind: str
    number: bool
    """Whether a number is among the changed words."""


class Corpus(NamedTuple):
    """Hold documents in random order, with their truth."""

    texts: list[str]
    copies: list[Copy]
    sentences: list[tuple[str, ...]]
    """Of each document: what it, or what it is a copy of, was made of."""


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def _texts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        if ".jsonl" not in path.name:
            yield from file.read().split("\n\n") if "shakespeare" in path.name else file
            return
        for line in file:
            row = json.loads(line)
            yield from _strings(row["question"] if "gsm8k" in path.name else row)


def sources(data: Path) -> list[list[str]]:
    """Return the different sentences of each source, of 5 to 45 words."""
    found = []
    known: set[str] = set()
    for name in SOURCES:
        sentences = []
        for text in _texts(data / name):
            for piece in re.split(r"(?<=[.!?])\s+|\n\n+", text):
                sentence = " ".join(piece.split())
                if 5 <= len(sentence.split()) <= 45 and sentence not in known:
                    known.add(sentence)
                    sentences.append(sentence)
        found.append(sentences)
    return found


def built(data: Path, count: int, seed: int = 0) -> Corpus:
    """Return a corpus of so many documents."""
    rng = random.Random(seed)
    pools = sources(data)
    vocabulary = sorted({word for pool in pools for sentence in pool for word in sentence.split() if word.isalpha()})
    weights = [len(pool) for pool in pools]
    each = int(count * PLANTED / len(KINDS))
    made = [_document(rng, rng.choices(pools, weights)[0]) for _ in range(count - each * len(KINDS))]
    texts = [" ".join(sentences) for sentences in made]
    copies = []
    originals = iter(rng.sample(range(len(texts)), each * len(KINDS)))
    for kind, rate in KINDS.items():
        for _ in range(each):
            original = next(originals)
            text, number = _planted(rng, texts[original], kind, rate, vocabulary)
            copies.append(Copy(original, len(texts), kind, number))
            texts.append(text)
            made.append(made[original])
    order = rng.sample(range(len(texts)), len(texts))
    place = {old: new for new, old in enumerate(order)}
    moved = [copy._replace(original=place[copy.original], copy=place[copy.copy]) for copy in copies]
    return Corpus([texts[old] for old in order], moved, [made[old] for old in order])


def _document(rng: random.Random, pool: list[str]) -> tuple[str, ...]:
    wanted, found, length = rng.randint(36, 110), list[str](), 0
    while length < wanted:
        found.append(rng.choice(pool))
        length += len(found[-1].split())
    return tuple(found)


def _planted(rng: random.Random, text: str, kind: str, rate: float, vocabulary: list[str]) -> tuple[str, bool]:
    if kind == "case":
        return rng.choice((str.upper, str.lower, str.title))(text), False
    if kind == "unicode":
        return _tricked(rng, text), False
    return edited(rng, text, rate, vocabulary) if rate else (text, False)


def edited(rng: random.Random, text: str, rate: float, vocabulary: list[str]) -> tuple[str, bool]:
    """Return a text with some of its words changed, and whether a number is among them."""
    parts = text.split()
    hit = [at for at in range(len(parts)) if rng.random() < rate] or [rng.randrange(len(parts))]
    number = any(re.search(r"\d", parts[at]) for at in hit)
    for at in reversed(hit):
        how = rng.choice(("replace", "replace", "delete", "swap"))
        if how == "delete":
            del parts[at]
        elif how == "swap" and at + 1 < len(parts):
            parts[at], parts[at + 1] = parts[at + 1], parts[at]
        else:
            parts[at] = rng.choice(vocabulary)
    return " ".join(parts), number


def _tricked(rng: random.Random, text: str) -> str:
    how = rng.randrange(4)
    if how == 0:
        return "".join(one + ("\u200b" if rng.random() < 0.1 else "") for one in text)
    if how == 1:
        return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)
    if how == 2:  # letters of another script, in words that keep one of their own
        mixed = (word.translate(_LOOKALIKES) if re.search("[bdf-nq-wz]", word) else word for word in text.split())
        return " ".join(mixed)
    return text.replace("'", "’").replace('"', "”").replace("-", "–").replace(" ", "\u00a0 ")


def redrawn(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Return pairs of different problems: questions of GSM8K, alone or with their solution, with other numbers."""
    rng = random.Random(5)
    with gzip.open(data / "reasoning/gsm8k_train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows[:3000]:
        question, places = row["question"], list(re.finditer(r"\d+", row["question"]))
        if len(places) < 2:
            continue
        one = rng.choice(places)
        single = question[: one.start()] + _other(rng, one) + question[one.end() :]
        every = re.sub(r"\d+", lambda number: _other(rng, number), question)
        solved = f"{question}\n{row['answer']}"
        found.setdefault("all numbers", []).append((question, every))
        found.setdefault("one number", []).append((question, single))
        found.setdefault("with solution", []).append((solved, re.sub(r"\d+", lambda at: _other(rng, at), solved)))
        if name := re.match(r"[A-Z]\w+", question):
            found.setdefault("all numbers, name", []).append((question, every.replace(name[0], "Zoe")))
            found.setdefault("one number, name", []).append((question, single.replace(name[0], "Zoe")))
    return found


def _other(rng: random.Random, number: re.Match[str]) -> str:
    while True:
        digits = str(rng.randint(1, 9)) + "".join(str(rng.randint(0, 9)) for _ in number[0][1:])
        if digits != number[0]:
            return digits


# What was found -----------------------------------------------------------------------------------------------------


def recalled(corpus: Corpus, removed: set[int]) -> dict[str, float]:
    """Return the share of planted pairs, by kind, of which at least one document was removed."""
    found: dict[str, list[bool]] = {}
    for one in corpus.copies:
        hit = one.original in removed or one.copy in removed
        found.setdefault(one.kind, []).append(hit)
        if KINDS[one.kind]:
            found.setdefault(f"{one.kind}, {'a number' if one.number else 'no number'} changed", []).append(hit)
    return {kind: round(sum(hits) / len(hits), 4) for kind, hits in found.items()}


def precise(corpus: Corpus, removed: set[int]) -> tuple[float, int]:
    """Return the share of removed documents that are truly duplicates, and how many of these nobody planted."""
    planted = {place for copy in corpus.copies for place in (copy.original, copy.copy)}
    holders: dict[str, list[int]] = {}
    for place, sentences in enumerate(corpus.sentences):
        for sentence in sentences:
            holders.setdefault(sentence, []).append(place)
    others = [place for place in removed if place not in planted]
    right = sum(
        any(
            jaccard(corpus.texts[place], corpus.texts[other]) >= TRULY
            for other in {other for one in set(corpus.sentences[place]) for other in holders[one]} - {place}
        )
        for place in others
    )
    return round((len(removed) - len(others) + right) / max(1, len(removed)), 4), right


def jaccard(first: str, second: str) -> float:
    """Return the similarity of two texts: Jaccard's, of their word pairs."""
    one, two = ({tuple(said[at : at + 2]) for at in range(len(said) - 1)} for said in (words(first), words(second)))
    return len(one & two) / max(1, len(one | two))


def rephrased(data: Path) -> list[tuple[str, str]]:
    """Return questions of GSM8K, each with the same rephrased."""
    with gzip.open(data / "reasoning/gsm8k_test.jsonl.gz", "rt", encoding="utf-8") as file:
        known = {row["index"]: row["question"] for row in map(json.loads, file)}
    with gzip.open(data / "decontamination/rephrase_gsm8k.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    question = re.compile(r"Question: (.*?)\s*Answer:", re.DOTALL)
    said = ((row["index"], question.match(row["text"])) for row in rows)
    return [(known[index], found[1]) for index, found in said if found and index in known]


def multilingual(data: Path) -> dict[str, list[str]]:
    """Return the problems of MGSM by language."""
    found: dict[str, list[str]] = {}
    with gzip.open(data / "multilingual/mgsm.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            found.setdefault(row["lang"], []).append(row["question"])
    return found
