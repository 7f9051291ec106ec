"""Machine-readable zones of passports and identity cards (ICAO 9303), by their check digits.

P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10      number, birth and expiry each with their digit
"""

import re
from collections.abc import Iterator

from regrowth.gates.personal.digits import mrz_digit
from regrowth.gates.personal.hits import Hit

__all__ = ["zones"]

_TWO_LINES = re.compile(
    r"(?<![A-Z0-9<])[PVIAC][A-Z<][A-Z<]{3}[A-Z<]{31,39}\r?\n(?P<n>[A-Z0-9<]{9})(?P<nc>\d)(?P<state>[A-Z<]{3})(?P<b>\d{6})(?P<bc>\d)[MFX<]"
    r"(?P<e>\d{6})(?P<ec>\d)[A-Z0-9<]{8,16}(?![A-Z0-9<])"
)
_THREE_LINES = re.compile(
    r"(?<![A-Z0-9<])[IAC][A-Z<][A-Z<]{3}(?P<n>[A-Z0-9<]{9})(?P<nc>[\d<])[A-Z0-9<]{15}\r?\n(?P<b>\d{6})(?P<bc>\d)[MFX<](?P<e>\d{6})(?P<ec>\d)"
    r"(?P<state>[A-Z<]{3})[A-Z0-9<]{11}\d\r?\n[A-Z<]{30}(?![A-Z0-9<])"
)


def zones(text: str) -> Iterator[Hit]:
    """Find machine-readable zones whose check digits hold."""
    for pattern in (_TWO_LINES, _THREE_LINES):
        for match in pattern.finditer(text):
            if all(mrz_digit(match[part]) == match[part + "c"] for part in "nbe"):
                state = match["state"].rstrip("<")
                country = "DE" if state == "D" else state
                yield Hit("passport", match.start(), match.end(), 0.99, country, "MRZ", state == "UTO")
