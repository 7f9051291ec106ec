"""Items of benchmarks, planted in real text: verbatim, and edited at several rates."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from benchmarks.contamination_peers import BY_WORD, plain_grams, share
from regrowth.curation.contamination.items import Benchmark
from regrowth.texts import words

__all__ = ["KINDS", "LONG", "Plant", "edited", "passages", "plain_twelve", "planted", "recalled"]

Plant: TypeAlias = tuple[str, str, int, str]
"""Kind of edit, size and benchmark, number of the item, text."""


def passages(count: int, rng: random.Random, texts: Iterable[str]) -> list[str]:
    """Return passages of 30 to 90 words out of texts."""
    tokens = [text.split(" ") for text in texts]
    weights = [min(len(one), 2000) for one in tokens]
    found = []
    for one in rng.choices(tokens, weights, k=count):
        size = rng.randint(30, 90)
        begin = rng.randrange(max(1, len(one) - size))
        found.append(" ".join(one[begin : begin + size]))
    return found


def edited(text: str, kind: str, rng: random.Random, vocabulary: Sequence[str]) -> str:
    """Return an item as it is planted: as it is, lightly edited, with each tenth word or one in ten replaced."""
    if kind == "verbatim":
        return text
    parts = re.split(r"(\s+)", text)
    places = [at for at in range(0, len(parts), 2) if parts[at]]
    chance = 0.1 if kind == "one word in ten" else 0.02
    gone = [at for at in places if rng.random() < chance] or [rng.choice(places)]
    if kind == "every tenth word":
        gone = places[rng.randrange(min(10, len(places))) :: 10]
    for at in gone:
        parts[at] = rng.choice(vocabulary)
    made = "".join(parts)
    if kind == "light edits":
        made = re.sub(r"\s+", " ", made) if rng.random() < 0.5 else made.replace(",", " ,")
        made = made.upper() if rng.random() < 0.3 else made.replace(". ", " — ")
    return made


LONG = 20
"""Words from which on an item is told from its neighbours after an edit: one word parts two of MBPP's tasks."""
KINDS = ("verbatim", "light edits", "one word in ten", "every tenth word")


def planted(benchmarks: Sequence[Benchmark], rng: random.Random, around: Sequence[str]) -> Iterator[Plant]:
    """Yield kind, size and benchmark, item, text: every item whole, every question alone, between clean passages."""
    vocabulary = [word for text in around for word in text.split() if word.isalpha()]
    for benchmark in benchmarks:
        for item in benchmark.items:
            for what, text in (("whole", "\n".join(item.parts[:2])), ("question", item.question or item.parts[0])):
                size = "20 words and more" if len(words(text)) >= LONG else "fewer than 20 words"
                for kind in KINDS:
                    body = edited(text, kind, rng, vocabulary)
                    yield (
                        kind,
                        f"{size}: {benchmark.name}, {what}",
                        item.number,
                        f"{rng.choice(around)}\n{body}\n{rng.choice(around)}",
                    )


def plain_twelve(items: Sequence[str]) -> Callable[[Sequence[str]], list[bool]]:
    known = {gram for item in items for gram in plain_grams(item, 12, BY_WORD)}

    def look(texts: Sequence[str]) -> list[bool]:
        return [not known.isdisjoint(plain_grams(text, 12, BY_WORD)) for text in texts]

    return look


def recalled(plants: Sequence[Plant], plant_hits: Sequence[bool]) -> dict[str, Any]:
    """Return the share of plants that are hit, by kind, then by size and by benchmark."""
    recall: dict[str, Any] = {}
    for kind in KINDS:
        of_kind = [(where, hit) for (one, where, *_), hit in zip(plants, plant_hits, strict=True) if one == kind]
        sizes = {where.split(":")[0] for where, _ in of_kind}
        recall[kind] = {size: share(hit for where, hit in of_kind if where.startswith(size)) for size in sorted(sizes)}
        for place in sorted({where for where, _ in of_kind}):
            recall[kind][place] = share(hit for where, hit in of_kind if where == place)
    return recall
