"""The three looks at a text: runs of words, then the nearest items, then a verifier.

screen = Screen.of([read_items(Path("gsm8k_test.jsonl.gz"))])       # runs of words only: fast
screen.look(["Baldur gets water from a well. He gets 5 pails …"])
[Hit(benchmark="gsm8k_test", item=0, kind="verbatim", why="45 words in a row", span="Baldur gets …", …)]

screen = Screen.of(benchmarks, deep=Deep(benchmarks, {"humaneval": [behaves(executor, probes)]}))
await screen.alook(texts)                                           # the rephrased ones, too
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

from regrowth.core.record import Json, Record
from regrowth.curation.contamination.allowed import Allowed
from regrowth.curation.contamination.index import Index
from regrowth.curation.contamination.items import Benchmark, fingerprint
from regrowth.curation.contamination.matching import Match, Rule, matches
from regrowth.curation.contamination.retrieval import Embed, Nearest, best, piece_vectors
from regrowth.curation.contamination.verifiers import LONGEST, Verifier, same_quantities
from regrowth.curation.findings import Examination, Finding
from regrowth.texts import spoken, words

__all__ = ["Deep", "Hit", "Screen", "contamination", "passage", "waited"]

Kind: TypeAlias = Literal["verbatim", "near", "rephrased"]
T = TypeVar("T")
Wait: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

WORDS_AT_ONCE = 200_000
SHOWN = 400
"""Characters of a passage that evidence shows."""
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Hit:
    """Hold what was found in one text."""

    benchmark: str
    item: int
    """Its place in the benchmark, from 0."""
    kind: Kind
    why: str
    span: str
    """The text's own words; no word of the benchmark."""
    run: int = 0
    share: float = 0.0
    cosine: float = 0.0
    text: str = ""
    """Fingerprint of the whole text: what an allow-list names."""
    others: int = 0
    """Further items that the text matches."""
    allowed: str = ""
    """Why it may stay; nothing if it may not."""
    evidence: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the hit as plain JSON data, without what says nothing."""
        return {name: value for name, value in asdict(self).items() if value or name == "item"}


class Deep:
    """Hold what the second and the third look need: the items themselves, vectors, verifiers."""

    def __init__(
        self,
        benchmarks: Iterable[Benchmark],
        verifiers: Mapping[str, Sequence[Verifier]] | None = None,
        *,
        embed: Embed | None = None,
        most: int = 20,
        floor: float = 0.1,
    ) -> None:
        """Take the items to be looked for.

        Args:
            benchmarks: their texts are needed, an index is not enough.
            verifiers: by name of the benchmark, asked in turn; where none are named, calculations are compared.
            embed: texts to vectors, beside those by pieces of words: its nearest are candidates, too.
            most: nearest items of each benchmark that are verified.
            floor: cosine below which an item is no candidate.
        """
        self.benchmarks = tuple(benchmarks)
        self.most, self.floor = most, floor
        self._verifiers = verifiers or {}
        self._nearest = []
        for benchmark in self.benchmarks:
            said = ["\n".join(item.parts[:2])[:LONGEST] for item in benchmark.items]
            self._nearest.append((Nearest(said, piece_vectors(said)), Nearest(said, embed) if embed else None))

    @property
    def named(self) -> str:
        """Return what verifies, by benchmark, in words."""
        return ", ".join(f"{name} ({len(some)})" for name, some in sorted(self._verifiers.items()) if some)

    async def look(self, texts: Sequence[str]) -> tuple[list[Hit | None], dict[str, int]]:
        """Return the rephrased item in each text, and how many candidates of each benchmark were verified."""
        hits: list[Hit | None] = [None] * len(texts)
        counts: dict[str, int] = {}
        shown = [text[:LONGEST] for text in texts]
        for benchmark, (pieces, other) in zip(self.benchmarks, self._nearest, strict=True):
            table = pieces.cosines(shown)
            further = other.of(shown, most=self.most) if other else [[] for _ in shown]
            for place, row in enumerate(table):
                chosen = [*best(row, self.most, self.floor), *(item for item, _ in further[place])]
                candidates = [(item, float(row[item])) for item in dict.fromkeys(chosen)]
                if hits[place] is None:
                    counts[benchmark.name] = counts.get(benchmark.name, 0) + len(candidates)
                    hits[place] = await self._verified(shown[place], benchmark, candidates)
        return hits, counts

    async def _verified(self, text: str, benchmark: Benchmark, candidates: Sequence[tuple[int, float]]) -> Hit | None:
        asked = self._verifiers.get(benchmark.name, (same_quantities,))
        for place, cosine in candidates:
            item = benchmark.items[place]
            for verify in asked:
                opinion = await verify(text, item, cosine)
                if opinion is not None:
                    break
            else:
                continue
            if opinion.same:
                span, rounded = text[:SHOWN], round(cosine, 3)
                return Hit(
                    benchmark.name, item.number, "rephrased", opinion.why, span, cosine=rounded,
                    evidence=opinion.evidence,
                )  # fmt: skip
        return None


class Screen:
    """Look for items of benchmarks in texts."""

    def __init__(
        self,
        index: Index,
        *,
        rule: Rule | None = None,
        allowed: Allowed | None = None,
        deep: Deep | None = None,
        wait: Wait | None = None,
    ) -> None:
        """Take the index and what goes beyond it.

        Args:
            index: the hashes.
            rule: what is enough.
            allowed: what may stay.
            deep: the look for rephrased items.
            wait: runs a coroutine to its end, always in one loop if a judge keeps connections; `waited`, if not said.
        """
        self.index = index
        self.rule = rule or Rule()
        self.allowed = allowed or Allowed()
        self.deep = deep
        self._wait = wait or waited
        self.verified: dict[str, int] = {}
        """Candidates that a verifier has seen, by benchmark."""

    @classmethod
    def of(cls, benchmarks: Iterable[Benchmark], **how: Any) -> "Screen":
        """Return a screen for benchmarks that are at hand."""
        return cls(Index.of(benchmarks), **how)

    @property
    def settings(self) -> dict[str, Json]:
        """Return all that shapes what is found."""
        deep: dict[str, Json] | None = None
        if self.deep:
            deep = {"most": self.deep.most, "floor": self.deep.floor, "verifiers": self.deep.named}
        return {
            "index": self.index.digest,
            "benchmarks": {one.name: one.digest for one in self.index.benchmarks},
            "rule": asdict(self.rule),
            "allowed": self.allowed.digest,
            "deep": deep,
        }

    def look(self, texts: Sequence[str]) -> list[Hit | None]:
        """Return what is found in each text; all looks that were asked for are made."""
        found: list[Hit | None] = self._wait(self.alook(texts)) if self.deep else self.look_at_runs(texts)
        return found

    def look_at_runs(self, texts: Sequence[str]) -> list[Hit | None]:
        """Return what each text shares with an item word by word, or with some of its words replaced."""
        found: list[Hit | None] = []
        for some in _portions(texts):
            said = [words(text) for text in some]
            found += [
                self._hit(text, matched) if matched else None
                for text, matched in zip(some, matches(self.index, said, self.rule), strict=True)
            ]
        return found

    async def alook(self, texts: Sequence[str]) -> list[Hit | None]:
        """Return what is shared word by word, and what a verifier takes for a rephrased item of the other texts."""
        found = self.look_at_runs(texts)
        places = [place for place, hit in enumerate(found) if hit is None]
        if self.deep is None or not places:
            return found
        deeper, counts = await self.deep.look([texts[place] for place in places])
        for name, count in counts.items():
            self.verified[name] = self.verified.get(name, 0) + count
        for place, hit in zip(places, deeper, strict=True):
            found[place] = hit and self._settled(hit, texts[place])
        return found

    def _hit(self, text: str, matched: Sequence[Match]) -> Hit:
        hits = [self._told(text, one, len({other.item for other in matched}) - 1) for one in matched]
        return next((hit for hit in hits if not hit.allowed), hits[0])

    def _told(self, text: str, match: Match, others: int) -> Hit:
        known = self.index.benchmark_of(match.item)
        why = f"{match.run} words in a row" if match.kind == "verbatim" else f"{match.share:.0%} of its runs of words"
        span = passage(text, match.first, match.last)
        hit = Hit(known.name, match.item - known.first, match.kind, why, span, match.run, match.share, others=others)
        return self._settled(hit, text)

    def _settled(self, hit: Hit, text: str) -> Hit:
        name = fingerprint(text)
        return replace(hit, text=name, allowed=self.allowed.reason(hit.benchmark, hit.item, name))


def _portions(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield texts in portions that are small in memory; one text is never cut."""
    begin, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= 6 * WORDS_AT_ONCE:
            yield texts[begin : place + 1]
            begin, size = place + 1, 0
    if begin < len(texts):
        yield texts[begin:]


def passage(text: str, first: int, last: int) -> str:
    """Return the passage of a text from one of its words to another, as it is written, clipped."""
    begin = end = seen = 0
    for token in _TOKEN.finditer(text):
        held = len(words(token[0]))
        if seen <= first < seen + held:
            begin = token.start()
        seen += held
        end = token.end()
        if seen > last:
            break
    found = text[begin:end]
    return found if len(found) <= SHOWN else f"{found[: SHOWN - 1]}…"


def contamination(records: Iterable[Record], screen: Screen) -> Examination:
    """Return which records hold items of benchmarks; what an allow-list names is no finding."""
    examined, findings = 0, []
    for some in _grouped(records):
        examined += len(some)
        hits = screen.look([spoken(record) for record in some])
        for record, hit in zip(some, hits, strict=True):
            if hit and not hit.allowed:
                reason = f"{hit.kind} item {hit.item} of {hit.benchmark}: {hit.why}"
                findings.append(Finding(record.id, reason, hit.to_json()))
    return Examination("contamination", screen.settings, examined, tuple(findings))


def _grouped(records: Iterable[Record], size: int = 1000) -> Iterable[list[Record]]:
    group = list[Record]()
    for record in records:
        group.append(record)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def waited(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine comes to; also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
