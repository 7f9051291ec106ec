"""Taxonomies: trees of seed examples as InstructLab writes them (versions 1 to 3), read whole and told where they err.

    knowledge/astronomy/phoenix/qna.yaml
        version: 3
        created_by: somebody
        domain: astronomy
        document_outline: The constellation Phoenix, its stars and their history.
        document: {repo: "https://…", commit: c87a82e, patterns: [phoenix.md]}
        seed_examples:                                # five, each with three pairs or more
          - context: Phoenix is a minor constellation in the southern sky.
            questions_and_answers:
              - {question: 'Where is Phoenix?', answer: In the southern sky.}

    tree = read_taxonomy(Path("taxonomy"), documents=Path("documents"))
    tree["knowledge->astronomy->phoenix"].documents[0].title       "Phoenix (constellation)"

Nothing runs and nothing is fetched: documents are files here, or text under our one key `x-regrowth`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from regrowth.core.errors import DataError
from regrowth.seeds._taxonomy.leaf import DocumentSource, Leaf, Pair, Problem, SeedExample, Taxonomy
from regrowth.seeds._taxonomy.reading import BRANCHES, File, read_leaf
from regrowth.seeds._taxonomy.writing import write_taxonomy

__all__ = [
    "DocumentSource",
    "Leaf",
    "Pair",
    "Problem",
    "SeedExample",
    "Taxonomy",
    "check_taxonomy",
    "read_taxonomy",
    "survey",
    "write_taxonomy",
]

NAME = "qna.yaml"


def read_taxonomy(root: Path, *, documents: Path | None = None, strict: bool = True) -> Taxonomy:
    """Read every leaf below a folder.

    Args:
        documents: a folder with the files that knowledge leaves name; those beside a leaf are found anyway.
        strict: refuse knowledge of the deprecated versions 1 and 2, as InstructLab does.

    Raises:
        DataError: something is wrong with a leaf, or there is none; names every place, with its line.
        MissingExtra: PyYAML, or a library that a document needs, is not installed.
    """
    leaves, problems = survey(root, documents=documents, strict=strict)
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    if errors:
        count = "a problem" if len(errors) == 1 else f"{len(errors)} problems"
        raise DataError("\n  ".join([f"{root}: {count} in this taxonomy.", *errors]))
    if not leaves:
        raise DataError(
            f"{root}: no leaf in this taxonomy, expected folders with a {NAME}, such as knowledge/birds/{NAME}."
        )
    return Taxonomy(tuple(leaves), tuple(problems))


def check_taxonomy(root: Path, *, documents: Path | None = None, strict: bool = True) -> list[Problem]:
    """Return all that is wrong with a taxonomy, or worth knowing; what is no error is marked a warning.

    Raises:
        DataError: there is no such folder.
        MissingExtra: as `read_taxonomy`.
    """
    return survey(root, documents=documents, strict=strict)[1]


def survey(root: Path, *, documents: Path | None = None, strict: bool = True) -> tuple[list[Leaf], list[Problem]]:
    """Return the leaves that can be read and all there is to tell, whether or not there is an error among it.

    Raises:
        DataError: there is no such folder.
        MissingExtra: as `read_taxonomy`.
    """
    for folder in (root, documents):
        if folder is not None and not folder.is_dir():
            raise DataError(
                f"{folder}: {'is no folder' if folder.exists() else 'there is no such folder'}. Check the path."
            )
    leaves, problems = list[Leaf](), list[Problem]()
    for folder, names in _folders(root):
        problems += _misnamed(folder, names, top=folder == root)
        if NAME in names:
            file = folder / NAME
            if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
                problems.append(
                    Problem(file, 1, "is no file inside the taxonomy, expected one (and no link out of it).")
                )
                continue
            found, told = read_leaf(File(file, _place(root, folder), documents, strict))
            leaves += found
            problems += told
    return leaves, problems


def _folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder with its files, in the order of names; hidden ones are passed over."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(folder), sorted(name for name in names if not name.startswith("."))


def _misnamed(folder: Path, names: list[str], *, top: bool) -> Iterator[Problem]:
    """Yield files that look like leaves and are none; a leaf that nobody reads must not go unnoticed."""
    for name in names:
        if not top and name != NAME and name.lower().endswith((".yaml", ".yml")):
            lost = NAME not in names
            text = f"is not read: a leaf's file is called {NAME}, found {name}."
            yield Problem(folder / name, 1, text, "error" if lost else "warning")


def _place(root: Path, folder: Path) -> tuple[str, ...]:
    """Return the names of the folders from the branch down, also where `root` lies inside of a branch."""
    below = folder.relative_to(root).parts
    if not below or below[0] not in BRANCHES:
        above = root.resolve().parts
        branches = [place for place, name in enumerate(above) if name in BRANCHES]
        if branches:
            return (*above[branches[-1] :], *below)
    return below or (root.resolve().name,)
