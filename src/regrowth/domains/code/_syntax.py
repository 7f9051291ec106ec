"""Python source that somebody else wrote, read without warnings and without an exception that nobody expects."""

import ast
import warnings

from regrowth.core.cells import shown
from regrowth.core.errors import DataError

__all__ = ["defined", "parsed", "tree"]


def parsed(source: str, what: str) -> ast.Module:
    """Return the syntax tree of some source.

    Raises:
        DataError: it is not Python; says where.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes like "\\d", which are still Python
            return ast.parse(source)
    except SyntaxError as error:
        line = shown((error.text or "").strip())
        raise DataError(f"{what} is not Python: {error.msg} in line {error.lineno}: {line}.") from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise DataError(f"{what} is not Python that can be read: {error}.") from error


def tree(source: str) -> ast.Module | None:
    """Return the syntax tree of some source, or None if it is not Python."""
    try:
        return parsed(source, "the text")
    except DataError:
        return None


def defined(module: ast.Module) -> set[str]:
    """Return the names that a module binds at its top level."""
    names = set[str]()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            names |= {part.id for part in stored if not isinstance(part.ctx, ast.Load)}
    return names
