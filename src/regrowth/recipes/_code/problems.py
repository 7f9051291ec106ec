"""Problems to be solved: invented after real snippets, read from files, or drawn from the generated domain.

    snippet     "def rolling_max(xs, k):\\n    best = deque()\\n    …"             # real: the parent of what follows
    problem     "Write a function that returns the largest value in every window …\\ndef window_max(…) -> list[int]:"
    function    "window_max"

Two things are refused and go to the ledger: a problem that is nearly another one, and one that holds an item of a
benchmark that is to be measured on later, word by word or with some words replaced (`curation.contamination`).
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from regrowth.core import layouts
from regrowth.core.errors import DataError, Rejected
from regrowth.core.layouts.rows import read_rows
from regrowth.core.protocols import Gate, Model
from regrowth.core.record import Record
from regrowth.extras import library
from regrowth.gates.prompt_files import fence
from regrowth.recipes._code.prompts import SAMPLING, Style, asked

__all__ = ["given", "inspired", "near_duplicates", "novel", "posed", "snippets", "uncontaminated"]

ALIKE = 0.7
"""Jaccard similarity of word shingles from which on two problems count as one."""
SHINGLE = 3
SHORTEST = 40
"""Characters of a snippet that says anything."""
COLUMNS = ("snippet", "code", "content", "text", "canonical_solution")
"""Where files keep snippets; the first that a row has is taken."""

_DEFINED = re.compile(r"def\s+([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"\w+")


# Where problems come from -------------------------------------------------------------------------------------------


def snippets(path: Path) -> Iterator[Record]:
    """Yield the snippets of a folder of .py files, of one such file, or of a JSONL or Parquet file of rows.

    Raises:
        DataError: there is no such file, nothing in it, or a row has no column for it.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder. Check the path.")
    found = _from_python(path) if path.is_dir() or path.suffix == ".py" else _from_rows(path)
    first = next(found, None)
    if first is None:
        raise DataError(f"{path}: no snippet of {SHORTEST} characters. Expected functions or classes in Python.")
    yield first
    yield from found


def _from_python(path: Path) -> Iterator[Record]:
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        text = file.read_text("utf-8", "replace")
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # a file of another Python; the others may do
        for node in body:
            piece = ast.get_source_segment(text, node) or ""
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and len(piece) >= SHORTEST:
                yield Record.of(piece, source=f"{file.name}:{node.lineno}")


def _from_rows(path: Path) -> Iterator[Record]:
    for place, row in read_rows(path):
        column = next((name for name in COLUMNS if isinstance(row, dict) and isinstance(row.get(name), str)), None)
        if column is None:
            raise DataError(f"{path}: {place}: no snippet. Expected a column named one of {', '.join(COLUMNS)}.")
        if len(row[column]) >= SHORTEST:
            yield Record.of(row[column], source=f"{path.name}:{place}")


async def inspired(snippet: Record, writer: Model, *, style: Style) -> Record:
    """Have a problem written that a snippet inspires."""
    prompt = asked(style, "problem", snippet=snippet.prompt, fence=fence((snippet.prompt,)))
    reply = await writer.ask(prompt, SAMPLING[style], seed=snippet.seed("problem"))
    defined = _DEFINED.findall(reply)
    if not defined:
        raise Rejected("names_a_function", f"no signature `def name(…)` in the problem: {reply[:200]!r}")
    return posed(snippet.derive(prompt=reply.strip()), style, defined[-1])


def given(path: Path, style: Style) -> Iterator[Record]:
    """Yield the problems of a file; each names its function in a column `function`, or by its signature.

    Raises:
        DataError: a problem names no function.
    """
    for record in layouts.read(path):
        defined = _DEFINED.findall(record.prompt)
        function = record.attributes.get("function") or (defined[-1] if defined else "")
        if not function:
            raise DataError(
                f"{path}: {record.prompt[:60]!r} names no function. Add a column 'function', or the signature "
                "`def name(…):` to the problem."
            )
        yield posed(record, style, str(function))


def posed(problem: Record, style: Style, function: str = "") -> Record:
    """Return a problem as its solver is asked; the bare text stays with it as the attribute `problem`."""
    text = problem.prompt
    name = function or problem["function"]
    prompt = asked(style, "solve", problem=text)
    return problem.derive(prompt=prompt, attributes={"problem": text, "function": name}, origin=problem.origin)


# Neither twice nor from a benchmark ---------------------------------------------------------------------------------


def near_duplicates(texts: Sequence[str], *, alike: float = ALIKE) -> Mapping[int, tuple[int, float]]:
    """Return, for each text that is nearly an earlier one, which and how similar: exact, by an inverted index.

    Similarity is Jaccard's, over runs of three words. A text that was dropped is not compared with later ones.
    """
    index: dict[tuple[str, ...], list[int]] = {}
    kept: list[frozenset[tuple[str, ...]]] = []
    found: dict[int, tuple[int, float]] = {}
    for place, text in enumerate(texts):
        shingles = frozenset(runs(text, SHINGLE))
        kept.append(shingles)
        shared: dict[int, int] = {}
        for shingle in shingles:
            for other in index.get(shingle, ()):
                shared[other] = shared.get(other, 0) + 1
        similar = {other: count / (len(shingles) + len(kept[other]) - count) for other, count in shared.items()}
        nearest = max(similar, key=lambda other: (similar[other], -other), default=None)
        if nearest is not None and similar[nearest] >= alike:
            found[place] = nearest, similar[nearest]
            continue
        for shingle in shingles:
            index.setdefault(shingle, []).append(place)
    return found


def runs(text: str, length: int) -> Iterator[tuple[str, ...]]:
    """Yield the runs of words of a text; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    last = max(1, len(words) - length + 1)
    return (tuple(words[start : start + length]) for start in range(last))


def novel(problems: Sequence[Record]) -> Gate:
    """Return the gate that refuses problems that are nearly an earlier one of these."""
    twins = near_duplicates([str(problem["problem"]) for problem in problems])
    known = {problems[place].id: (problems[other], share) for place, (other, share) in twins.items()}

    def near_duplicate(problem: Record) -> Record:
        if problem.id in known:
            other, share = known[problem.id]
            raise Rejected("near_duplicate", f"{share:.0%} like {other.id}: {other['problem'][:100]!r}")
        return problem

    return near_duplicate


def uncontaminated(benchmarks: Iterable[Path]) -> Gate:
    """Return the gate that refuses a problem with an item of a benchmark in it; names the span and the item.

    Raises:
        DataError: a file that cannot be read.
        MissingExtra: there are benchmarks, and numpy is not installed.
    """
    paths = tuple(benchmarks)
    if paths:
        library("numpy", "Comparing problems with benchmarks", extra="curate")
        from regrowth.curation.contamination.items import read_items
        from regrowth.curation.contamination.screen import Screen

        screen = Screen.of(map(read_items, paths))

    def decontamination(problem: Record) -> Record:
        (hit,) = screen.look([str(problem["problem"])]) if paths else (None,)
        if hit:
            raise Rejected("decontamination", f"holds item {hit.item} of {hit.benchmark} ({hit.why}): {hit.span!r}")
        return problem

    return decontamination
