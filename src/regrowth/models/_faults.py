"""What went wrong with one attempt, in words without secrets, and how long to wait before the next.

A fault is a value, not an exception: exceptions of the HTTP library carry request headers, and with them the key.
"""

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

import orjson

__all__ = ["SECRET", "Fault", "backoff", "fault_of", "message_of", "redacted", "retry_after"]

Kind: TypeAlias = Literal[
    "unreachable", "broken", "echoed", "slow", "busy", "denied", "forbidden", "absent", "refused", "moved"
]
"""`unreachable` … `busy` may pass: the attempt is made again. The others are answers."""

LONGEST_WAIT = 30.0
"""Seconds that a back-off grows to."""
SECRET = 8
"""Keys shorter than this are placeholders (`none`, `EMPTY`) that may occur in honest text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Say what went wrong with one attempt."""

    kind: Kind
    reason: str
    wait: float | None = None
    """Seconds that the server asked to wait."""
    echo: int = 0
    """Hash of a reply that came before."""

    @property
    def passing(self) -> bool:
        """Return whether another attempt may succeed."""
        return self.kind in ("unreachable", "broken", "echoed", "slow", "busy")


def fault_of(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """Judge an HTTP reply that is not a success."""
    message = message_of(body)
    reason = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    if status == 429 and "insufficient_quota" in reason:
        return Fault("denied", reason)
    if 300 <= status < 400:
        return Fault("moved", f"HTTP {status}: moved to {headers.get('Location', 'nowhere')}")
    return Fault(_kind(status), reason, retry_after(headers, time.time()))


def _kind(status: int) -> Kind:
    exact: dict[int, Kind] = {
        401: "denied",
        402: "denied",
        403: "forbidden",
        404: "absent",
        408: "broken",
        409: "broken",
        425: "broken",
        429: "busy",
        501: "refused",
        503: "busy",
        529: "busy",
    }
    if status in exact:
        return exact[status]
    return "broken" if status >= 500 or status < 300 else "refused"


def message_of(body: bytes) -> str:
    """Return what the server says about its error, on one line of at most 500 characters."""
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = body.decode("utf-8", "replace")
    if isinstance(found, dict):
        error = found.get("error") or found.get("detail") or found.get("message") or found
        found = error.get("message") if isinstance(error, dict) and error.get("message") else error
        code = error.get("code") if isinstance(error, dict) else None
        if code and str(code) not in str(found):
            found = f"{found} ({code})"
    text = found if isinstance(found, str) else orjson.dumps(found).decode()
    return " ".join(text.split())[:500]


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a server asks to wait: `Retry-After` in seconds or as a date, or in milliseconds."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("Retry-After", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - now) if value else None
    except (ValueError, OverflowError):
        return None


def backoff(attempt: int, base: float, chance: random.Random) -> float:
    """Return the seconds to wait after the n-th attempt (1 …): uniform up to an exponentially growing bound.

    Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015 (full jitter).
    """
    return chance.uniform(0.0, min(LONGEST_WAIT, base * 2 ** min(attempt - 1, 30)))


def redacted(text: str, key: str) -> str:
    """Return text without the key, also where a server shows no more than how it begins."""
    if not key:
        return text
    text = text.replace(key, "[key]")
    return re.sub(re.escape(key[:SECRET]) + r"[^\s\"',;)}\]]*", "[key]", text) if len(key) >= SECRET else text
