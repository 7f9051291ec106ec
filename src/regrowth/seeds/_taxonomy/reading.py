"""One `qna.yaml` into leaves, with all that is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from regrowth.core.cells import shown
from regrowth.core.errors import DataError
from regrowth.seeds._documents.hidden import cleaned
from regrowth.seeds._taxonomy.leaf import DocumentSource, Kind, Leaf, Pair, Part, Problem, SeedExample
from regrowth.seeds._taxonomy.nodes import Fault, Node, described, parsed, plain
from regrowth.seeds._taxonomy.versions import LATEST, OURS, against_rules, version_of
from regrowth.seeds.documents import SUFFIXES, Document, parse_document, read_document

__all__ = ["BRANCHES", "File", "read_leaf"]

BRANCHES: dict[str, Kind] = {
    "knowledge": "knowledge",
    "compositional_skills": "skill",
    "foundational_skills": "foundational",
}
CREDITS = "attribution.txt"
LARGEST = 2_000_000
"""Bytes of a `qna.yaml`; those that people write have some 10,000."""
ADVISED = 2300
"""Words of questions and answers in a file, as InstructLab advises."""


class File(NamedTuple):
    """One file to read, and how."""

    file: Path
    path: tuple[str, ...]
    """Names of the folders, from the branch down."""
    documents: Path | None
    strict: bool


def read_leaf(given: File) -> tuple[list[Leaf], list[Problem]]:
    """Return the leaves of a file, two where it is mixed, none where something is wrong; and what there is to tell."""
    told = list[Fault]()
    root = _root(given.file, told)
    if root is None:
        return [], _problems(given, told)
    kind = BRANCHES.get(given.path[0], "skill")
    if given.path[0] not in ("knowledge", "compositional_skills") and root.get("document") is not None:
        kind = "knowledge"
    told += against_rules(root, knowledge=kind == "knowledge")
    version = version_of(root)
    if kind == "knowledge" and 0 < version < LATEST:
        told.append(_deprecated(root, version, given.strict))
    documents = _documents(given, root, told) if kind == "knowledge" else ()
    if any(fault.severity == "error" for fault in told):
        return [], _problems(given, told)
    leaf = _leaf(given, root, kind, documents)
    told += _advice(leaf, root)
    return list(_parted(leaf)), _problems(given, told)


def _problems(given: File, told: Sequence[Fault]) -> list[Problem]:
    ordered = sorted(dict.fromkeys(told), key=lambda fault: fault.line)
    return [Problem(given.file, fault.line, fault.text, fault.severity) for fault in ordered]


def _root(file: Path, told: list[Fault]) -> Node | None:
    """Return the mapping of a file; nothing if there is none, which is then told."""
    try:
        if (size := file.stat().st_size) > LARGEST:
            told.append(Fault(1, f"has {size:,} bytes, expected at most {LARGEST:,}. Put documents beside it."))
            return None
        content = file.read_bytes()
        root, faults = parsed(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        told.append(Fault(line, f"not UTF-8 (byte 0x{error.object[error.start]:02x}). Save the file as UTF-8."))
        return None
    except OSError as error:
        told.append(Fault(1, f"cannot be read ({error.strerror or error})."))
        return None
    told += faults
    if root is None and faults:
        return None
    if root is None or root.kind == "nothing" or (root.kind in ("list", "mapping") and not root.value):
        told.append(Fault(1, "the file is empty, so there is no leaf. Expected created_by, …", "warning"))
        return None
    if root.kind != "mapping":
        told.append(Fault(root.line, f"found {described(root)}, expected keys with values: created_by, …"))
        return None
    return root


def _deprecated(root: Node, version: int, strict: bool) -> Fault:
    line = found.line if (found := root.get("version")) else root.line
    what = f"knowledge of version {version} is deprecated, expected version {LATEST}, whose seeds have a context"
    if strict:
        return Fault(line, f"{what}. Rewrite it, or read it as it is with strict=False (--old).")
    return Fault(line, f"{what}; read as it is.", "warning")


# Values -------------------------------------------------------------------------------------------------------------


def _leaf(given: File, root: Node, kind: Kind, documents: tuple[Document, ...]) -> Leaf:
    attribution = given.file.with_name(CREDITS)
    published = root.get("document")
    return Leaf(
        path=given.path,
        kind=kind,
        version=version_of(root),
        seeds=tuple(_seed(number, node) for number, node in enumerate(root.items("seed_examples"), 1)),
        created_by=root.text("created_by"),
        task_description=root.text("task_description").strip(),
        domain=root.text("domain").strip(),
        outline=root.text("document_outline").strip(),
        document=_source(published) if published is not None else None,
        documents=documents,
        attribution=attribution.read_text("utf-8", "replace") if attribution.is_file() else "",
        extensions=plain(own) if (own := root.get(OURS)) is not None else {},
        file=given.file,
    )


def _seed(number: int, node: Node) -> SeedExample:
    nodes = node.items("questions_and_answers") or [node]
    pairs = tuple(Pair(one.text("question").strip(), one.text("answer").strip()) for one in nodes)
    return SeedExample(number, pairs, node.text("context").strip())


def _source(node: Node) -> DocumentSource:
    return DocumentSource(node.text("repo"), node.text("commit"), tuple(one.value for one in node.items("patterns")))


def _parted(leaf: Leaf) -> Iterator[Leaf]:
    """Part a leaf where some seeds have a context and some have none: they are grown in different ways."""
    parts: dict[Part, tuple[SeedExample, ...]] = {
        "grounded": tuple(seed for seed in leaf.seeds if seed.grounded),
        "freeform": tuple(seed for seed in leaf.seeds if not seed.grounded),
    }
    if leaf.kind == "knowledge" or not all(parts.values()):
        yield leaf
    else:
        yield from (replace(leaf, seeds=seeds, part=part) for part, seeds in parts.items())


def _advice(leaf: Leaf, root: Node) -> Iterator[Fault]:
    """Yield what is allowed and yet worth knowing."""
    first = root.value["seed_examples"].line
    grounded = sum(seed.grounded for seed in leaf.seeds)
    if leaf.kind != "knowledge" and 0 < grounded < len(leaf.seeds):
        yield Fault(
            first,
            f"{grounded} seeds have a context and {len(leaf.seeds) - grounded} have none, expected all or none; "
            "read as two leaves, #grounded and #freeform.",
            "warning",
        )
    words = sum(len(text.split()) for seed in leaf.seeds for pair in seed.pairs for text in pair)
    if words > ADVISED:
        yield Fault(first, f"questions and answers have {words:,} words, advised are at most {ADVISED:,}.", "warning")
    texts = [text for seed in leaf.seeds for text in (seed.context, *(text for pair in seed.pairs for text in pair))]
    if hidden := sum(sum(cleaned(text)[1].values()) for text in texts):
        yield Fault(first, f"the seeds have {hidden} characters that nobody sees; they reach the prompts.", "warning")
    if leaf.kind == "knowledge" and not leaf.attribution:
        yield Fault(1, f"no {CREDITS} beside it, expected source, licence and authors of the documents.", "warning")


# Documents ----------------------------------------------------------------------------------------------------------


def _documents(given: File, root: Node, told: list[Fault]) -> tuple[Document, ...]:
    """Return the documents of a knowledge leaf: those under our own key, else files that the patterns name."""
    own = root.get(OURS)
    inline = own.items("documents") if own is not None else []
    if inline:
        return tuple(found for node in inline if (found := _inline(given, node, told)) is not None)
    published = root.get("document")
    patterns = [one for one in published.items("patterns") if one.kind == "text"] if published is not None else []
    if published is None or not patterns:
        return ()
    folders = [given.file.parent]
    if given.documents is not None:
        repository = published.text("repo").rstrip("/").rpartition("/")[2].removesuffix(".git")
        folders += [given.documents / repository] * bool(repository.strip(".")) + [given.documents]
    tried = ((folder, [path for node in patterns for path in _matching(folder, node, told)]) for folder in folders)
    folder, paths = next(((folder, paths) for folder, paths in tried if paths), (given.file.parent, []))
    if not paths:
        told.append(_nowhere(given, published, patterns, version_of(root)))
    elif missing := [name for name in ("repo", "commit") if published.get(name) is None]:
        text = f"'document' has no {' and no '.join(missing)}: its files are here, but InstructLab refuses the leaf."
        told.append(Fault(published.line, text, "warning"))
    return tuple(one for path in dict.fromkeys(paths) if (one := _file(path, folder, published.line, told)) is not None)


def _nowhere(given: File, published: Node, patterns: Sequence[Node], version: int) -> Fault:
    named = ", ".join(node.value for node in patterns)
    where = f"{given.file.parent}" + (f" and {given.documents}" if given.documents else "")
    text = (
        f"no document that matches {named} in {where}, expected at least one. Nothing is fetched: put the files there, "
        "name their folder (documents=…, --documents), or write them under x-regrowth: documents"
    )
    local = version == LATEST and any(published.get(name) is None for name in ("repo", "commit"))
    return Fault(published.line, f"{text}.", "error" if local else "warning")


def _matching(folder: Path, pattern: Node, told: list[Fault]) -> list[Path]:
    """Return the files of a folder that a pattern names, none of them outside of it."""
    parts = Path(pattern.value).parts
    if Path(pattern.value).is_absolute() or ".." in parts:
        told.append(Fault(pattern.line, f"pattern {pattern.value!r}, expected a path or a glob inside the folder."))
        return []
    try:
        paths = sorted(folder.glob(pattern.value))
    except (OSError, ValueError) as error:
        told.append(Fault(pattern.line, f"pattern {shown(pattern.value)} cannot be read ({error})."))
        return []
    return [path for path in paths if path.suffix.lower() in SUFFIXES and path.name != CREDITS and _here(path, folder)]


def _here(path: Path, folder: Path) -> bool:
    """Tell whether a path is a file that lies inside of a folder, links followed."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except OSError:  # no disk has such a name
        return False


def _inline(given: File, node: Node, told: list[Fault]) -> Document | None:
    if node.kind == "text":
        path = given.file.parent / node.value
        if not _here(path, given.file.parent):
            name = shown(node.value)
            told.append(Fault(node.line, f"no document {name} beside the file, expected one there or below."))
            return None
        return _file(path, given.file.parent, node.line, told)
    kind = node.text("format") or "markdown"
    if kind not in ("markdown", "text", "html"):
        told.append(Fault(node.line, f"'format' is {kind!r}, expected 'markdown', 'text' or 'html'."))
        return None
    try:
        source = f"{'/'.join(given.path)}/{given.file.name}"
        return parse_document(node.text("text"), kind, source=source, title=node.text("title"))  # type: ignore[arg-type]
    except DataError as error:
        told.append(Fault(node.line, f"the document {error}"))
        return None


def _file(path: Path, folder: Path, line: int, told: list[Fault]) -> Document | None:
    try:
        return read_document(path, source=path.relative_to(folder).as_posix())
    except DataError as error:
        told.append(Fault(line, str(error)))
        return None
