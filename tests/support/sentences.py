"""What the prompts of the domain `code` ask, done by code that shares nothing with the domain.

carried_out("Write f(x). x is a number. Add 3, square it.", 2)      # 25
"""

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

__all__ = ["carried_out"]


def carried_out(prompt: str, x: Any) -> Any:
    """Do to x what the sentences of a prompt say, one after the other."""
    told = re.split(r"x is a |gets a |input x is a ", prompt)[-1].partition(". ")[2]
    for order in re.split(r", then |, |\. Then ", told.removesuffix(".")):
        numbers = [int(digits) for digits in re.findall(r"[0-9]+", order)]
        letter = (re.findall(r"letter (\w)\b", order) or [""])[0]
        pattern = re.sub(r"[0-9]+", "#", re.sub(r"letter \w\b", "letter ?", order.lower()))
        x = SENTENCES[pattern](x, numbers[0] if numbers else letter)
    return x


SENTENCES: dict[str, Callable[[Any, Any], Any]] = {
    "add #": int.__add__,
    "increase it by #": int.__add__,
    "make it # more": int.__add__,
    "subtract #": int.__sub__,
    "take # away": int.__sub__,
    "make it # less": int.__sub__,
    "multiply by #": int.__mul__,
    "make it # times as much": int.__mul__,
    "take it modulo #": int.__mod__,
    "take the remainder modulo #": int.__mod__,
    "square it": lambda x, _: x**2,
    "multiply it by itself": lambda x, _: x**2,
    "change its sign": lambda x, _: 0 - x,
    "negate it": lambda x, _: 0 - x,
    "if it is even halve it or else add #": lambda x, k: x + k if x & 1 else x >> 1,
    "halve it if it is even or else add #": lambda x, k: x + k if x & 1 else x >> 1,
    "if it is below # double it or else subtract #": lambda x, k: x - k if x >= k else x + x,
    "double it if it is below # or else subtract #": lambda x, k: x - k if x >= k else x + x,
    "take the sum": lambda x, _: reduce(int.__add__, x, 0),
    "add them all up": lambda x, _: reduce(int.__add__, x, 0),
    "take the largest": lambda x, _: sorted(x)[-1],
    "find the largest": lambda x, _: sorted(x)[-1],
    "take the smallest": lambda x, _: sorted(x)[0],
    "find the smallest": lambda x, _: sorted(x)[0],
    "count them": lambda x, _: sum(1 for _ in x),
    "tell how many there are": lambda x, _: sum(1 for _ in x),
    "take the first": lambda x, _: list(reversed(x)).pop(),
    "pick the first": lambda x, _: list(reversed(x)).pop(),
    "take the last": lambda x, _: list(x).pop(),
    "pick the last": lambda x, _: list(x).pop(),
    "add # to each": lambda x, k: list(map(k.__add__, x)),
    "increase each by #": lambda x, k: list(map(k.__add__, x)),
    "multiply each by #": lambda x, k: list(map(k.__mul__, x)),
    "make each # times as much": lambda x, k: list(map(k.__mul__, x)),
    "keep those above #": lambda x, k: list(filter(k.__lt__, x)),
    "keep all greater than #": lambda x, k: list(filter(k.__lt__, x)),
    "keep those below #": lambda x, k: list(filter(k.__gt__, x)),
    "keep all less than #": lambda x, k: list(filter(k.__gt__, x)),
    "keep the even ones": lambda x, _: [n for n in x if not n & 1],
    "drop the odd ones": lambda x, _: [n for n in x if not n & 1],
    "keep the odd ones": lambda x, _: [n for n in x if n & 1],
    "drop the even ones": lambda x, _: [n for n in x if n & 1],
    "reverse the list": lambda x, _: list(reversed(x)),
    "turn the list round": lambda x, _: list(reversed(x)),
    "sort the list": lambda x, _: [min(x[i:]) for x in [sorted(x)] for i in range(len(x))],
    "put the list in order": lambda x, _: [min(x[i:]) for x in [sorted(x)] for i in range(len(x))],
    "drop the first": lambda x, _: [n for place, n in enumerate(x) if place],
    "leave out the first": lambda x, _: [n for place, n in enumerate(x) if place],
    "drop the last": lambda x, _: [n for place, n in enumerate(x, 1) if place < len(x)],
    "leave out the last": lambda x, _: [n for place, n in enumerate(x, 1) if place < len(x)],
    "reverse the text": lambda x, _: "".join(reversed(x)),
    "turn the text round": lambda x, _: "".join(reversed(x)),
    "write it in capitals": lambda x, _: "".join(chr(ord(one) & ~32) for one in x),
    "make all letters capitals": lambda x, _: "".join(chr(ord(one) & ~32) for one in x),
    "write it twice": lambda x, _: f"{x}{x}",
    "repeat the text": lambda x, _: f"{x}{x}",
    "remove the first letter": lambda x, _: x.removeprefix(x[:1]),
    "leave out the first letter": lambda x, _: x.removeprefix(x[:1]),
    "remove the last letter": lambda x, _: x.removesuffix(x[-1:]),
    "leave out the last letter": lambda x, _: x.removesuffix(x[-1:]),
    "add the letter ?": str.__add__,
    "put the letter ? at the end": str.__add__,
    "take the length": lambda x, _: sum(1 for _ in x),
    "count its letters": lambda x, _: sum(1 for _ in x),
    "count the letter ?": lambda x, k: sum(one == k for one in x),
    "tell how often it has the letter ?": lambda x, k: sum(one == k for one in x),
}
