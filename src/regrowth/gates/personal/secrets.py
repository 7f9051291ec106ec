"""Keys, tokens, passwords: what opens a door to whoever reads it.

    secrets("key = <a GitHub token>")                       form "GitHub token": by the form its maker gave it
    secrets("https://ann:<password>@host/")                 form "password in a URL"
    secrets("DB_PASSWORD=<8 characters, mixed>")            form "assigned password": by what it is assigned to
    secrets("-----BEGIN <…> PRIVATE KEY-----")              form "private key": to its end, or the rest of its lines

Where a form alone does not tell, the value must look drawn at random: several kinds of characters, Shannon entropy.
Stand-ins ("your-key-here", "xxxx", "changeme", "${TOKEN}") are `example` or nothing.
"""

import bisect
import functools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from regrowth.gates.personal.hits import Hit
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["entropy", "secrets"]

_SHORTEST = 16
"""Characters without white space among them that every maker's secret holds."""
_BEGIN = re.compile(r"-----BEGIN (?P<what>(?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?)-----")
_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"(?:\s{0,2}[A-Za-z0-9+/=:,\-\\ ]{1,200}){0,100}")
_PUTTY = re.compile(
    r"PuTTY-User-Key-File-[23]: [\w\-]{1,40}[\s\S]{0,4000}?Private-Lines: \d{1,4}\s[A-Za-z0-9+/=\s]{20,4000}"
)
_URL = re.compile(r"(?<=://)[^\s:/@\"'<>]{0,100}:(?P<value>[^\s/@\"'<>]{2,200})@[\w.\-\[]")

_SIGNS = entries("naming", "password_or_key_signs")
_ASSIGNED = re.compile(
    rf"(?P<name>(?:\b|_)(?:(?P<password>{any_of('naming', 'password')})|{any_of('naming', 'key')})\w{{0,20}})"
    r"[\"'`\])]{0,3}\s{0,3}(?P<to>:=|=>|==?|:|\bis\b|\bist\b|\blautet\b|\bes\b|\best\b)(?!=)\s{0,3}"
    r"(?:[bru]?(?P<quote>[\"'`]))?(?P<value>[^\s\"'`,;<>()]{6,200})(?P<closed>[\"'`(\[]?)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?:Bearer|Basic)\s{1,2}(?P<value>[A-Za-z0-9_\-.=+/~]{16,2000})")
_STAND_IN = re.compile(any_of("naming", "stand_in"), re.IGNORECASE)
_CODE = re.compile(
    r"^[$%{<\[]|^(?:os|self|this|process|env|config|settings|request|args|data|params|getpass|input)\b[.\[(]"
    r"|::|->|\$\{|\{\{"
)


def secrets(text: str, lowered: str = "") -> Iterator[Hit]:
    """Find secrets in a text; `lowered` is the same in small letters, if there is one already."""
    if "-----BEGIN" in text:
        yield from _private_keys(text)
    if "PuTTY-User-Key-File" in text:
        yield from (Hit("secret", *match.span(), 0.98, form="private key") for match in _PUTTY.finditer(text))
    if "://" in text and "@" in text:
        yield from _in_urls(text)
    if stretches := [stretch for stretch in text.split() if len(stretch) >= _SHORTEST]:
        yield from _by_form(text, stretches)
    if any(map((lowered or text.lower()).__contains__, _SIGNS)):
        yield from _by_name(text)
    if "earer " in text or "Basic " in text:
        yield from _bearers(text)


def entropy(value: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _private_keys(text: str) -> Iterator[Hit]:
    ends = [match.end() for match in _END.finditer(text)]
    reached = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < reached:
            continue
        at = bisect.bisect(ends, begin.end())
        if at < len(ends) and ends[at] - begin.end() < 20_000:
            reached = ends[at]
        else:
            body = _BODY.match(text, begin.end())
            reached = body.end() if body else begin.end()
        yield Hit("secret", begin.start(), reached, 0.99 if reached - begin.end() > 40 else 0.3, form="private key")


def _in_urls(text: str) -> Iterator[Hit]:
    for match in _URL.finditer(text):
        value = match["value"]
        if not _CODE.search(value):
            confidence, example = 0.97, bool(_STAND_IN.search(value)) or (value.isalpha() and value.islower())
            yield Hit("secret", *match.span("value"), confidence, form="password in a URL", example=example)


class _Vendors(NamedTuple):
    """Hold the forms of all makers as one pattern; its group tells which."""

    pattern: re.Pattern[str]
    forms: tuple[tuple[str, float], ...]
    signs: frozenset[str]


@functools.lru_cache(maxsize=1)
def _vendors() -> _Vendors:
    rows = tomllib.loads(files("regrowth.gates.personal").joinpath("secrets.toml").read_text("utf-8"))["vendor"]
    every = "|".join(f"({row['pattern']})" for row in rows)
    return _Vendors(
        re.compile(rf"(?<![A-Za-z0-9_])(?:{every})(?![A-Za-z0-9_])", re.ASCII),
        tuple((row["form"], row.get("confidence", 0.97)) for row in rows),
        frozenset(sign for row in rows for sign in row["signs"]),
    )


def _by_form(text: str, stretches: list[str]) -> Iterator[Hit]:
    vendors, reached = _vendors(), 0
    for stretch in stretches:
        reached = text.index(stretch, reached)
        if any(map(stretch.__contains__, vendors.signs)):
            for match in vendors.pattern.finditer(text, reached, reached + len(stretch)):
                form, confidence = vendors.forms[(match.lastindex or 1) - 1]
                example = bool(_STAND_IN.search(match[0])) or entropy(match[0][4:]) < 2.5
                yield Hit("secret", *match.span(), confidence, form=form, example=example)
        reached += len(stretch)


def _by_name(text: str) -> Iterator[Hit]:
    for match in _ASSIGNED.finditer(text):
        value = match["value"] if match["quote"] else match["value"].rstrip(".!?:")
        if len(value) < 6 or _CODE.search(value) or (match["closed"] in ("(", "[") and not match["quote"]):
            continue
        confidence = _likely(match, value)
        if confidence > 0:
            form = "assigned password" if match["password"] else "assigned key"
            start = match.start("value")
            yield Hit("secret", start, start + len(value), confidence, form=form, example=bool(_STAND_IN.search(value)))


def _likely(match: re.Match[str], value: str) -> float:
    """Return how likely a value is a secret, from its characters and from the way it is assigned."""
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", r"[^\w.\-/]"))
    spoken = match["to"].isalpha()
    sure = 0.1 * bool(match["quote"]) - 0.15 * spoken - 0.4 * (match["to"] == "==")
    if match["password"]:
        if kinds >= 3 or (kinds == 2 and re.search(r"\d|[^\w.\-/]", value) and not value.replace(".", "").isdigit()):
            return 0.75 + sure
        return 0.4 if match["quote"] else 0.0
    bits = entropy(value)
    if len(value) >= 16 and bits >= 3 and kinds >= 2 and re.search(r"\d", value):
        return min(0.95, 0.4 + bits / 10 + sure)
    return 0.3 if kinds >= 3 and len(value) >= 10 else 0.0


def _bearers(text: str) -> Iterator[Hit]:
    for match in _BEARER.finditer(text):
        value = match["value"]
        if entropy(value) > 3 and re.search(r"\d", value):
            yield Hit(
                "secret", *match.span("value"), 0.8, form="HTTP authorization", example=bool(_STAND_IN.search(value))
            )
