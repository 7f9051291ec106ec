"""E-mail addresses, handles, and the addresses of machines: IP, MAC.

    emails("write to max@posteo.de")     Hit("email", 9, 22, 0.95)
    ips("Version 10.2.33.1")             Hit("ip", 8, 17, 0.2): a version, by the word before it
    ips("from 192.168.0.7")              Hit("ip", 5, 16, 0.3, form="private")

Each search begins at a character that is rare (`@`, `:`, a digit) and looks a bounded way around it.
"""

import ipaddress
import re
from collections.abc import Iterator

from regrowth.gates.personal.hits import Hit, near
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["emails", "handles", "ip4", "ip6", "macs"]

_LOCAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-" + "".join(
    chr(code) for code in range(0xC0, 0x180) if chr(code).isalpha()
)
_DOMAIN = re.compile(r"(?:[^\W_](?:[^\W_]|-){0,62}\.){1,8}(?:xn--[a-zA-Z0-9]{2,20}|[^\W\d_]{2,24})(?![^\W_])")
_TOP = frozenset((*entries("domains", "short"), *entries("domains", "countries"), *entries("domains", "long")))
_FILES = frozenset(entries("domains", "files"))
_RESERVED = re.compile(r"(?:.*\.)?(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost)", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@/.+-])@[A-Za-z_][A-Za-z0-9_]{2,29}(?![\w@]|\.\w)")
_NO_HANDLES = frozenset(entries("domains", "no_handles"))

_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d|-\d)", re.ASCII)
_VERSION = re.compile(
    r"(?:(?<![^\W_])(?:version|ver\.?|release|firmware|build|driver|v|section|chapter|clause|kapitel|abschnitt|§)[\s=:\"']{0,3}"
    r"|(?:==|[~<>!]=|[\^~])\s?)$",
    re.IGNORECASE,
)
_IP_WORDS = any_of("naming", "ip")
_RESOLVERS = frozenset(entries("domains", "resolvers"))
_EXAMPLES = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IP6 = re.compile(r"[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])", re.ASCII)
_HEX = "0123456789abcdefABCDEF:"
_MAC_START = re.compile(r"[:-][0-9A-Fa-f]{2}[:-]")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:]|-\w)", re.ASCII)
_DOTTED_MAC = re.compile(r"(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.])", re.ASCII)


def emails(text: str) -> Iterator[Hit]:
    """Find e-mail addresses; those of reserved domains (RFC 2606) are examples."""
    place = text.find("@")
    while place >= 0:
        before = text[max(0, place - 64) : place]
        local = before[len(before.rstrip(_LOCAL)) :].lstrip(".!#$%&'*+/=?^`{|}~-")
        domain = _DOMAIN.match(text, place + 1) if local else None
        if domain and not _is_path(text, domain):
            reserved = _RESERVED.fullmatch(domain[0]) is not None
            yield Hit("email", place - len(local), domain.end(), _trust(local, domain[0]), example=reserved)
        place = text.find("@", place + 1)


def _is_path(text: str, domain: re.Match[str]) -> bool:
    """Return whether this is the remote of a repository: git@host:path."""
    return text[domain.end() : domain.end() + 1] == ":" and text[domain.end() + 1 : domain.end() + 2].isalpha()


def _trust(local: str, domain: str) -> float:
    last = domain.rpartition(".")[2].lower()
    if last in _FILES or local.endswith("."):
        return 0.2
    return 0.95 if last in _TOP or last.startswith("xn--") else 0.4


def handles(text: str) -> Iterator[Hit]:
    """Find names of accounts: @name."""
    for match in _HANDLE.finditer(text):
        if match[0] not in _NO_HANDLES:
            yield Hit("handle", match.start(), match.end(), 0.6)


def ip4(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find IPv4 addresses; private ones, those of documentation and version numbers are told apart."""
    for match in _IP4.finditer(text, start, end):
        octets = match[0].split(".")
        if max(map(int, octets)) > 255 or any(len(octet) > 1 and octet[0] == "0" for octet in octets):
            continue
        confidence, form, example = _kind_of_address(ipaddress.ip_address(match[0]))
        if near(text, match.start(), match.end(), _IP_WORDS):
            confidence += 0.2
        elif _VERSION.search(text[max(0, match.start() - 12) : match.start()]):
            confidence = 0.1
        elif int(octets[0]) < 20 and all(int(octet) < 40 for octet in octets):
            confidence /= 2
        yield Hit("ip", match.start(), match.end(), round(confidence, 2), form=form, example=example)


def _kind_of_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[float, str, bool]:
    if any(address in network for network in _EXAMPLES if network.version == address.version):
        return 0.7, "documentation", True
    if str(address) in _RESOLVERS:
        return 0.7, "public resolver", True
    if not address.is_global or address.is_multicast:
        return 0.25, "private", False
    return 0.75, "", False


def ip6(text: str) -> Iterator[Hit]:
    """Find IPv6 addresses."""
    reached = 0
    for colons in _COLONS.finditer(text):
        if colons.start() < reached:
            continue
        before = text[max(0, colons.start() - 39) : colons.start()]
        start = colons.start() - len(before) + len(before.rstrip(_HEX))
        match = _IP6.match(text, start)
        reached = match.end() if match else colons.start() + 1
        if match and not (start and (text[start - 1].isalnum() or text[start - 1] in "_.")):
            yield from _address6(match[0].rstrip(":") if match[0].count("::") == 0 else match[0], start)


def _address6(written: str, start: int) -> Iterator[Hit]:
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return
    confidence, form, example = _kind_of_address(address)
    groups = [group for group in written.split(":") if group]
    if len(groups) < 3 or not any(character.isdigit() for character in written):
        confidence = min(confidence, 0.3)  # `abc::def` is a name in several languages
    yield Hit("ip", start, start + len(written), confidence + 0.1, form=form, example=example)


def macs(text: str) -> Iterator[Hit]:
    """Find hardware addresses; 00-00-5E-00-53-xx is reserved for documentation (RFC 7042)."""
    if _MAC_START.search(text):
        for match in _MAC.finditer(text):
            yield _mac(match)


def dotted_macs(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find hardware addresses of the form 0123.4567.89ab."""
    for match in _DOTTED_MAC.finditer(text, start, end):
        if not match[0].replace(".", "").isdigit():
            yield _mac(match)


def _mac(match: re.Match[str]) -> Hit:
    digits = re.sub(r"[^0-9a-f]", "", match[0].lower())
    example = digits.startswith("00005e0053") or len(set(digits)) == 1 or digits in ("001122334455", "aabbccddeeff")
    return Hit("mac", match.start(), match.end(), 0.85, example=example)
