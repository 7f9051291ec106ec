"""The house rules that a program can check."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import regrowth
from regrowth.recipes import RECIPES, recipe

SOURCE = Path(regrowth.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
CORE_LIMIT = 1300
FORBIDDEN = {"filter": "gate", "validator": "gate", "row_id": "record id", "dataframe": "columns"}
"""Synonyms that the glossary refuses in names of our own functions, classes and modules."""


def code_lines(path: Path) -> int:
    """Count lines that hold code: no blank lines, no comments, no docstrings."""
    source = path.read_text("utf-8")
    held = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held - {0})


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_core_stays_small() -> None:
    lines = sum(code_lines(path) for path in (SOURCE / "core").glob("*.py"))
    assert lines < CORE_LIMIT, f"{lines} lines of code in core/"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 420
    for function in functions(path):
        length = (function.end_lineno or 0) - function.body[0].lineno + 1
        assert length <= 60, f"{function.name} has {length} lines"


def test_names_follow_the_glossary() -> None:
    for path in FILES:
        tree = ast.walk(ast.parse(path.read_text("utf-8")))
        names = [node.name for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        for name in (path.stem, *names):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").split("_")
            wrong = [word for word in words if word in FORBIDDEN and name != "random_filter"]
            assert not wrong, f"{path.name}: {name}: say {FORBIDDEN[wrong[0]]}"


def test_the_front_page_is_pinned() -> None:
    assert regrowth.__all__ == [
        "Budget", "Dataset", "Message", "Record", "Rejected", "Sampling", "gates", "open_run", "read",
    ]  # fmt: skip
    assert all(getattr(regrowth, name) is not None for name in regrowth.__all__)
    assert set(regrowth.__all__) < set(dir(regrowth))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        regrowth.nothing  # noqa: B018


def test_importing_regrowth_imports_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import regrowth; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "pyarrow", "pydantic", "aiohttp", "transformers", "jinja2", "rich"}
    assert not heavy & set(done.stdout.split())
    assert len(done.stdout.split()) < 40


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_few_settings_each_with_its_meaning(name: str) -> None:
    fields = recipe(name).settings.model_fields
    assert len(fields) <= 12
    undocumented = {field for field, info in fields.items() if not info.description} - {"seed"}
    assert not undocumented


def test_public_functions_say_what_they_do() -> None:
    for path in FILES:
        for function in functions(path):
            if not function.name.startswith("_") and function in ast.parse(path.read_text("utf-8")).body:
                assert ast.get_docstring(function), f"{path.name}: {function.name}"
