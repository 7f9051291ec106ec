"""Values as Bash takes and prints them: words, in the convention of MultiPL-E (Cassano et al. 2022, arXiv:2208.08227).

    bash_word([[1, 2], [3]])                            "1 2\\n3"
    read_word("1 2\\n3", parse_type("list[list[int]]"))  [[1, 2], [3]]
    bash_word({"a": True, "b": None})                   "a,true\\nb,None"

A text that holds a space or a comma is not quoted: in a list it cannot be told from two.
"""

from typing import Any

from regrowth.core.errors import DataError
from regrowth.sandbox.signatures import ANY, Type, shaped

__all__ = ["bash_word", "read_word"]

_WORDS = frozenset[Any]({"words"})


def bash_word(value: object) -> str:
    """Return a value as the text that a Bash function takes or prints.

    Truth is `true` or `false`, None is `None`, a list its members with spaces between them, a list of lists a line per
    list, a dict a line `key,value` per entry.

    Raises:
        DataError: deeper lists, sets, bytes; or a zero byte, which no argument can hold.
    """
    if isinstance(value, dict):
        word = "\n".join(f"{_scalar(key)},{_scalar(one)}" for key, one in value.items())
    elif isinstance(value, list | tuple):
        nested = any(isinstance(one, list | tuple) for one in value)
        rows = [" ".join(map(_scalar, one)) if isinstance(one, list | tuple) else _scalar(one) for one in value]
        word = ("\n" if nested else " ").join(rows)
    else:
        word = _scalar(value)
    if "\0" in word:
        raise DataError("Bash: no argument can hold a zero byte.")
    return word


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, int | float | str):
        return str(value)
    raise DataError(f"Bash has no word for a {type(value).__name__} here: at most a list of lists of plain words.")


def read_word(word: str, kind: Type) -> Any:
    """Return the value that a word stands for where a type is wanted; the word itself if it stands for none."""
    if kind.kind == "optional":
        return None if word in ("None", "") else read_word(word, kind.of[0])
    if kind.kind == "none":
        return None if word in ("None", "") else word
    if kind.kind == "dict":
        rows = [line.partition(",") for line in word.splitlines() if line]
        return shaped({key: read_word(one, kind.of[1]) for key, _, one in rows}, kind, blurs=_WORDS)
    if kind.kind in ("list", "tuple", "set"):
        nested = any(inner.kind in ("list", "tuple") for inner in kind.of)
        parts = word.split("\n") if nested and word else word.split()
        fixed = kind.kind == "tuple" and len(kind.of) == len(parts)
        inner = kind.of if fixed else (kind.of[0] if kind.of else ANY,) * len(parts)
        return shaped([read_word(*pair) for pair in zip(parts, inner, strict=True)], kind, blurs=_WORDS)
    return shaped(word, kind, blurs=_WORDS)
