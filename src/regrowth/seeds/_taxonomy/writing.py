"""Leaves back into files."""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from regrowth.core.errors import DataError
from regrowth.core.files import told, write_text
from regrowth.extras import library
from regrowth.seeds._taxonomy.leaf import Leaf, SeedExample
from regrowth.seeds._taxonomy.versions import OURS

__all__ = ["write_taxonomy"]


def write_taxonomy(leaves: Iterable[Leaf], folder: Path, *, extensions: bool = True) -> list[Path]:
    """Write leaves as `read_taxonomy` reads them, the parts of a mixed file together; return the files.

    Documents that stood beside a leaf are copied. Without `extensions` our own key is left out, and the documents
    under it go with it: then InstructLab accepts the files.

    Raises:
        DataError: two leaves of one name, a name that no folder can have, or a file that is there already.
        StoreError: the folder cannot be written.
        MissingExtra: PyYAML is not installed.
    """
    grouped: dict[tuple[str, ...], list[Leaf]] = {}
    for leaf in leaves:
        if any(other.part == leaf.part for other in grouped.setdefault(leaf.path, [])):
            raise DataError(f"{leaf.id}: two leaves of this name, expected one. Give one another path.")
        grouped[leaf.path].append(leaf)
    return [_written(parts, folder, extensions) for parts in grouped.values()]


def _written(parts: Sequence[Leaf], folder: Path, extensions: bool) -> Path:
    first = parts[0]
    if not first.path or any(not name or name.startswith(".") or set(name) & {"/", "\0"} for name in first.path):
        raise DataError(f"{first.id}: no path that folders can have, expected names that do not start with a dot.")
    file = folder.joinpath(*first.path, "qna.yaml")
    if file.exists():
        raise DataError(f"{file}: there is a leaf already. Write into another folder, or remove it first.")
    seeds = sorted((seed for part in parts for seed in part.seeds), key=lambda seed: seed.number)
    write_text(file, _yaml(_content(first, seeds, extensions)))
    if first.attribution:
        write_text(file.with_name("attribution.txt"), first.attribution)
    if first.file is not None:
        _copy_documents(first, first.file.parent, file.parent)
    return file


def _content(leaf: Leaf, seeds: Sequence[SeedExample], extensions: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"version": leaf.version, "created_by": leaf.created_by}
    content |= {name: value for name, value in (("domain", leaf.domain), ("document_outline", leaf.outline)) if value}
    if leaf.task_description or leaf.kind != "knowledge" or leaf.version < 3:
        content["task_description"] = leaf.task_description
    content["seed_examples"] = [_seed(seed, grouped=leaf.kind == "knowledge" and leaf.version >= 3) for seed in seeds]
    if leaf.document is not None:
        published = {"repo": leaf.document.repo, "commit": leaf.document.commit}
        given = {name: value for name, value in published.items() if value}
        content["document"] = {**given, "patterns": list(leaf.document.patterns)}
    if leaf.extensions and extensions:
        content[OURS] = dict(leaf.extensions)
    return content


def _seed(seed: SeedExample, *, grouped: bool) -> dict[str, Any]:
    pairs = [pair._asdict() for pair in seed.pairs]
    context = {"context": seed.context} if seed.context else {}
    return {**context, "questions_and_answers": pairs} if grouped else {**context, **pairs[0]}


def _yaml(content: dict[str, Any]) -> str:
    """Render values as YAML, texts of several lines after a bar."""
    yaml = library("yaml", "Writing a taxonomy", extra="documents")

    class Dumper(yaml.SafeDumper):  # type: ignore[misc, name-defined]
        """The safe one, with texts that a person can read."""

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return str(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def _copy_documents(leaf: Leaf, old: Path, new: Path) -> None:
    for document in leaf.documents:
        source, copy = old / document.source, new / document.source
        if not source.is_file() or hashlib.sha256(source.read_bytes()).hexdigest() != document.sha256:
            continue  # it came from elsewhere: from the folder of all documents, or from our own key
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        except OSError as error:
            raise told(error, copy.parent) from error
