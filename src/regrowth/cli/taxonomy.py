"""`regrowth taxonomy check FOLDER`: the leaves that can be read, and all that is wrong, with file and line.

Exit code 0 if the taxonomy can be used, also with warnings; 1 if something in it must be mended.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from regrowth.seeds.taxonomy import Leaf, Problem, survey

__all__ = ["add_taxonomy"]


def add_taxonomy(commands: Any) -> None:
    """Add the command to those there are."""
    summary = "look at taxonomies of seed examples"
    taxonomy = commands.add_parser("taxonomy", help=summary, description=summary)
    actions = taxonomy.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="what can be read, and what is wrong where",
        epilog="example:\n  regrowth taxonomy check my-taxonomy --documents my-documents",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("folder", type=Path, help="a tree of folders with qna.yaml files")
    check.add_argument("--documents", type=Path, help="folder with the files that knowledge leaves name")
    check.add_argument("--old", action="store_true", help="read knowledge of the deprecated versions 1 and 2, too")
    check.set_defaults(command=_check)


def _check(options: argparse.Namespace, console: Console) -> int:
    leaves, problems = survey(options.folder, documents=options.documents, strict=not options.old)
    for leaf in leaves:
        console.print(escape(_line(leaf)), highlight=False, soft_wrap=True)
    for problem in problems:
        colour = "red" if problem.severity == "error" else "yellow"
        console.print(f"[{colour}]{problem.severity}[/] {escape(str(problem))}", highlight=False, soft_wrap=True)
    errors = sum(problem.severity == "error" for problem in problems)
    console.print(_sum(leaves, problems, errors), highlight=False)
    return 1 if errors or not leaves else 0


def _line(leaf: Leaf) -> str:
    """Say of a leaf what it is, and last what may be long: its name and its documents."""
    kind = leaf.kind if leaf.kind == "knowledge" else f"{leaf.kind}, {'grounded' if leaf.grounded else 'freeform'}"
    titles = ", ".join(_titled(document.title, len(document.taint)) for document in leaf.documents)
    documents = f": {titles or 'no document found'}" if leaf.kind == "knowledge" else ""
    return f"{kind:<22}  version {leaf.version}  {len(leaf.seeds):>3} seeds  {leaf.id}{documents}"


def _titled(title: str, tainted: int) -> str:
    return f"{title} (hidden text taken out)" if tainted else title


def _sum(leaves: Sequence[Leaf], problems: Sequence[Problem], errors: int) -> str:
    if not leaves and not problems:
        return "No leaf: expected folders with a qna.yaml, such as knowledge/birds/qna.yaml."
    return f"{len(leaves)} leaves can be read. Errors: {errors}. Warnings: {len(problems) - errors}."
