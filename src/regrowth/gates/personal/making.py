"""Values that look like those they replace and belong to nobody, as far as there are such.

    made(hit, "+49 170 1234567", random)     "+49 30 23125417": a number that the regulator keeps for films
    made(hit, "86095742719", random)         "02318764952": a Steuer-ID for tests, right check digit
    made(hit, "85073003328", random)         another birth date, right key; there is no reserved range (`reserved`: no)

The form stays: country, length, separators. What is drawn comes from the given generator only.
"""

import datetime
import random
import re
import string
from typing import NamedTuple

from regrowth.gates.personal.accounts import CARDS
from regrowth.gates.personal.countries import rules
from regrowth.gates.personal.hits import Hit, compact

__all__ = ["Made", "filled", "made"]

_PARTS = re.compile(r"\{(?P<date>\w+)\}|\[(?P<any>[^\]]+)\]|(?P<one>.)")
_DATES = {"yy": "%y", "mm": "%m", "dd": "%d", "yyyy": "%Y"}
_FIRST = ("Anna", "Luis", "Mia", "Jonas", "Clara", "Paul", "Elena", "Noah", "Marie", "Emil", "Sofia", "Hugo")
_LAST = ("Muster", "Beispiel", "Sample", "Exempel", "Ejemplo", "Specimen", "Exemple", "Esempio")
_STREETS = {
    "DE": "Musterstraße {house}", "FR": "{house} rue de l'Exemple", "ES": "Calle Ejemplo {house}",
    "": "{house} Example Street",
}  # fmt: skip
_TOWNS = {"DE": ", {code} Musterstadt", "FR": ", {code} Exempleville", "": "", "ES": ", {code} Ejemplo"}
_KEPT = {
    "US": ("20255501{two}", "31255501{two}", "41555501{two}", "61755501{two}"),
    "GB": ("7700900{three}", "2079460{three}"),
    "FR": ("63998{four}", "19900{four}", "26191{four}"),
    "DE": ("3023125{three}", "6990009{three}", "4066969{three}", "2214710{three}"),
    "AU": ("49157{four}", "25550{four}", "35550{four}"),
}
"""Numbers that regulators keep free, without the leading nought."""
_TRIES = 20_000


class Made(NamedTuple):
    """Hold a made-up value, and whether it is of a range that belongs to nobody."""

    text: str
    reserved: bool


def filled(model: str, draw: random.Random) -> str:
    """Draw a value by a model: 9 a digit, A a letter, [A-D] one of these, {yymmdd} a date, all else itself."""
    born = datetime.date(1940, 1, 1) + datetime.timedelta(days=draw.randrange(25_000))
    return "".join(_drawn(part, born, draw) for part in _PARTS.finditer(model))


def _drawn(part: re.Match[str], born: datetime.date, draw: random.Random) -> str:
    if part["date"]:
        return re.sub("yyyy|yy|mm|dd", lambda piece: born.strftime(_DATES[piece[0]]), part["date"])
    if part["any"]:
        return draw.choice(re.sub(r"(.)-(.)", lambda ends: _from_to(*ends.groups()), part["any"]))
    pool = {"9": string.digits, "A": string.ascii_uppercase}.get(part["one"])
    return draw.choice(pool) if pool else part["one"]


def _from_to(first: str, last: str) -> str:
    return "".join(map(chr, range(ord(first), ord(last) + 1)))


def made(hit: Hit, value: str, draw: random.Random) -> Made:
    """Make up a value of the same kind and form as the one that was found."""
    if hit.kind in ("national_id", "passport"):
        return _number(hit, value, draw)
    return _MAKERS[hit.kind](hit, value, draw)


def _poured(fresh: str, value: str) -> str:
    """Return fresh letters and digits between the separators of a value; as they are where the lengths differ."""
    if len(compact(value)) != len(fresh):
        return fresh
    following = iter(fresh)
    return "".join(next(following) if character.isalnum() else character for character in value)


def _number(hit: Hit, value: str, draw: random.Random) -> Made:
    rule = next((rule for rule in rules() if (rule.country, rule.form) == (hit.country, hit.form)), None)
    if rule is None:
        return Made(_scrambled(value, draw), False)
    fresh = ""
    for _ in range(_TRIES):
        fresh = compact(filled(rule.model, draw))
        if rule.check(fresh):
            break
    if len(compact(value)) == len(fresh) + 2 and rule.form == "personnummer":
        fresh = "19" + fresh
    return Made(_poured(fresh, value), re.fullmatch(rule.example, fresh) is not None)


def _scrambled(value: str, draw: random.Random) -> str:
    """Return a value with another digit for each digit and another letter for each letter."""
    return "".join(
        draw.choice(string.digits)
        if character.isdigit()
        else draw.choice(string.ascii_uppercase if character.isupper() else string.ascii_lowercase)
        if character.isalpha()
        else character
        for character in value
    )


def _email(hit: Hit, value: str, draw: random.Random) -> Made:
    name = f"{draw.choice(_FIRST)}.{draw.choice(_LAST)}{draw.randrange(1, 100)}".lower()
    return Made(f"{name}@example.{draw.choice(('org', 'com', 'net'))}", True)


def _phone(hit: Hit, value: str, draw: random.Random) -> Made:
    kept = _KEPT.get(hit.country)
    if kept is None:
        start = 2 + len(value) // 3
        return Made(value[:start] + _scrambled(value[start:], draw), False)
    digits = {
        "two": f"{draw.randrange(100):02}",
        "three": f"{draw.randrange(1000):03}",
        "four": f"{draw.randrange(10_000):04}",
    }
    number = draw.choice(kept).format(**digits)
    if hit.form == "international":
        code = {"US": "+1 ", "GB": "+44 ", "FR": "+33 ", "DE": "+49 ", "AU": "+61 "}[hit.country]
        return Made(code + _spaced(number), True)
    whole = number if hit.country == "US" else "0" + number
    poured = _poured(whole, value)
    return Made(poured if poured != whole else _spaced(whole), True)


def _spaced(number: str) -> str:
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def _iban(hit: Hit, value: str, draw: random.Random) -> Made:
    whole = _scrambled(compact(value)[4:], draw)
    bank = "".join("0" if character.isdigit() else letter for character, letter in zip(whole, "TEST", strict=False))
    account = bank + whole[len(bank) :]
    spelled = "".join(str(int(character, 36)) for character in account + hit.country + "00")
    fresh = f"{hit.country}{98 - int(spelled) % 97:02}{account}"
    return Made(_poured(fresh, value), True)


def _card(hit: Hit, value: str, draw: random.Random) -> Made:
    numbers = CARDS.get(hit.form, CARDS["Visa"])
    alike = [number for number in numbers if len(number) == len(compact(value))] or list(numbers)
    return Made(_poured(draw.choice(alike), value), True)


def _ip(hit: Hit, value: str, draw: random.Random) -> Made:
    if ":" in value:
        return Made("2001:db8::" + ":".join(f"{draw.randrange(1, 0xFFFF):x}" for _ in range(3)), True)
    return Made(f"{draw.choice(('192.0.2', '198.51.100', '203.0.113'))}.{draw.randrange(1, 255)}", True)


def _mac(hit: Hit, value: str, draw: random.Random) -> Made:
    return Made(_poured(f"00005e0053{draw.randrange(256):02x}", value), True)


def _address(hit: Hit, value: str, draw: random.Random) -> Made:
    code = re.search(r"(?<!\d)\d{5}(?!\d)", value)
    country = hit.country or ("ES" if re.match(r"[Cc]|[AaP]\w", value) else "")
    written = _STREETS.get(country, _STREETS[""]) + (_TOWNS.get(country, "") if code else "")
    return Made(written.format(house=draw.randrange(1, 120), code=f"{draw.randrange(10_000, 99_999)}"), True)


def _birth(hit: Hit, value: str, draw: random.Random) -> Made:
    """Return another day, month and year of two digits; the century stays, and so does the way it is written."""
    born = datetime.date(1940, 1, 1) + datetime.timedelta(days=draw.randrange(25_000))
    numbers = iter([f"{draw.randrange(1, 13):02}", f"{draw.randrange(1, 13):02}"])
    return Made(re.sub(r"\d+", lambda one: str(born.year) if len(one[0]) == 4 else next(numbers, "07"), value), False)


def _coordinates(hit: Hit, value: str, draw: random.Random) -> Made:
    return Made(
        re.sub(r"\d+", lambda one: f"{draw.randrange(60)}" if len(one[0]) < 4 else _scrambled(one[0], draw), value),
        False,
    )


def _secret(hit: Hit, value: str, draw: random.Random) -> Made:
    if "\n" in value or len(value) > 500:
        return Made("-----BEGIN EXAMPLE KEY-----", True)
    start = min(4, len(value) // 4)
    body = _scrambled(value[start:], draw)
    return Made(value[:start] + body[: max(0, len(body) - 7)] + "EXAMPLE", True)


def _name(hit: Hit, value: str, draw: random.Random) -> Made:
    words = value.split()
    return Made(draw.choice(_LAST) if len(words) < 2 else f"{draw.choice(_FIRST)} {draw.choice(_LAST)}", False)


def _handle(hit: Hit, value: str, draw: random.Random) -> Made:
    return Made(f"@example_{draw.randrange(1000)}", False)


_MAKERS = {
    "email": _email, "phone": _phone, "iban": _iban, "card": _card, "ip": _ip, "mac": _mac, "address": _address,
    "birth_date": _birth, "coordinates": _coordinates, "secret": _secret, "name": _name, "handle": _handle,
}  # fmt: skip
