"""Numbers and hostile text as people can read them.

share(0.4713)            47.1 %
gap(0.131, "share")      +13.1 points
duration(3725)           1 h 2 min
visible("a\\u202eb")      a⟨U+202E⟩b
"""

import math
import unicodedata
from typing import Literal

from regrowth.core.protocols import Estimate

__all__ = [
    "MINUS",
    "THIN",
    "Unit",
    "clipped",
    "count",
    "duration",
    "gap",
    "interval",
    "money",
    "number",
    "share",
    "spread",
    "value",
    "visible",
]

Unit = Literal["share", "number"]

THIN = "\u202f"
"""Narrow no-break space: between a number and its unit."""
MINUS = "\u2212"
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_BLANK = (0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0)
"""Letters and marks that show nothing."""
_JOINERS = "\u200c\u200d"
"""Zero-width joiners: Persian, Indic scripts and emoji need them."""


def visible(text: str) -> str:
    """Return a text in which nothing can hide: control, direction and invisible characters are spelled out."""
    return text if text.isascii() and text.isprintable() else "".join(map(_spelled, text))


def _spelled(character: str) -> str:
    if character in "\n\t" or character in _JOINERS:
        return character
    code = ord(character)
    hidden = unicodedata.category(character) in _HIDDEN or code in _BLANK or 0xE0100 <= code <= 0xE01EF
    return f"⟨U+{code:04X}⟩" if hidden else character


def clipped(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, and how many were cut."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()} … ({len(text) - limit:,} more characters)"


def count(number: int) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{number:,}"


def number(value: float) -> str:
    """Return a number with three significant digits, or as it is when it is whole."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if value == int(value) and size < 1e15:
        text = f"{int(value):,}"
    elif 1e-3 <= size < 1e5:
        text = f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}"
    else:
        text = f"{value:.2e}"
    return text.replace("-", MINUS)


def share(value: float, digits: int = 1) -> str:
    """Return a share in percent."""
    return f"{100 * value:.{digits}f}".replace("-", MINUS) + f"{THIN}%"


def value(quantity: float, unit: Unit) -> str:
    """Return a measured value in its unit."""
    return share(quantity) if unit == "share" else number(quantity)


def gap(quantity: float, unit: Unit) -> str:
    """Return a difference with its sign; shares differ by percentage points."""
    sign = "+" if quantity > 0 else MINUS if quantity < 0 else "±"
    size = f"{100 * abs(quantity):.1f}{THIN}points" if unit == "share" else number(abs(quantity))
    return f"{sign}{size}"


def spread(estimate: Estimate, unit: Unit) -> str:
    """Return the interval of a difference, without its unit: `+9.8 to +16.4`."""
    return " to ".join(gap(end, unit).split(THIN)[0] for end in (estimate.low, estimate.high))


def interval(estimate: Estimate, unit: Unit) -> str:
    """Return the interval of an estimate: `43.6 to 50.5 %`."""
    if unit == "share":
        return f"{share(estimate.low).split(THIN)[0]} to {share(estimate.high)}"
    return f"{number(estimate.low)} to {number(estimate.high)}"


def money(amount: float, currency: str = "") -> str:
    """Return an amount of money: two decimals, four where two would show little."""
    digits = 2 if amount >= 0.1 or amount == 0 else 4
    return f"{amount:,.{digits}f}" + (f"{THIN}{currency}" if currency else "")


def duration(seconds: float) -> str:
    """Return a time in the two units that matter."""
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{THIN}s"
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    return f"{whole // 3600:,}{THIN}h {whole % 3600 // 60}{THIN}min"
