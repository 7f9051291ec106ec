"""Tell answers, refusals and refusals in part by a small model of words; tell where a refusal was wrong.

    judged("I cannot help with that.")        Reply(answered=0.02, refused=0.95, in_part=0.03)
    judged("I cannot help with that.").label  "refused"

    gates=[not_refused()]                        # refuses what refuses, wholly or in part
    gates=[fitting()]                         # refuses a refusal of what is safe, and an answer to what is not

The gates refuse too what the phrases of `no_refusal` (`gates.form`) find: trained without replies of GPT-4, the model
of words misses nearly all refusals of GPT-4, which the phrases know. Both are measured in docs/safety.md. The weights
were trained by `scripts/train_refusals.py` on labels that people gave to replies in English (`refusals_card.md`); the
code that reads them needs the standard library alone.
"""

import base64
import functools
import json
import math
import re
import zlib
from array import array
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.form import refusal
from regrowth.gates.naming import named

__all__ = ["LABELS", "Label", "Reply", "features", "fitting", "judged", "not_refused"]

Label: TypeAlias = Literal["answered", "refused", "in_part"]
LABELS: tuple[Label, ...] = ("answered", "refused", "in_part")

HEAD, OPENING, TAIL = 60, 16, 20
"""Words of a reply that are read at its beginning, how many of them are its opening, and at its end."""
READ = 4_000
"""Characters at each end in which these words are looked for."""
SHAPE, LETTERS = 5, 150
"""Length of the runs of letters, and the characters at the beginning in which they are read."""
_TURNS = ("instead", "however", "here are", "that being said")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[.!?:]")


class Reply(NamedTuple):
    """Hold how probable it is that a reply answers, refuses, or refuses in part."""

    answered: float
    refused: float
    in_part: float

    @property
    def label(self) -> Label:
        """Return the most probable of the three."""
        return max(LABELS, key=lambda label: float(getattr(self, label)))

    @property
    def declined(self) -> float:
        """Return the probability of a refusal, whole or in part."""
        return self.refused + self.in_part


def judged(text: str) -> Reply:
    """Return what a reply does with the request, as probabilities that add up to one.

    The text alone is read, not the request. It was trained on English; where no word is known the answer is near the
    shares of the training data.
    """
    bins, biases, scales, weights = _weights()
    places = sorted({zlib.crc32(feature.encode("utf-8", "surrogatepass")) % bins for feature in features(text)})
    norm = math.sqrt(len(places))
    sums = [
        bias + scale * sum(table[place] for place in places) / norm
        for bias, scale, table in zip(biases, scales, weights, strict=True)
    ]
    highest = max(sums)
    shares = [math.exp(one - highest) for one in sums]
    return Reply(*(share / sum(shares) for share in shares))


def features(text: str) -> set[str]:
    """Return what the model sees of a reply: words by place in it, letters of its opening, its turns and its length."""
    said = _plain(text[:READ])
    found = _WORD.findall(said)
    rest = found[HEAD:] if len(text) <= READ else _WORD.findall(_plain(text[-READ:]))
    seen = {f"#{min(len(found).bit_length(), 9)}"}
    for mark, part in (("a", found[:OPENING]), ("b", found[OPENING:HEAD]), ("z", rest[-TAIL:])):
        seen.update(f"{mark} {run}" for run in _runs(part))
    letters = " ".join(found[:HEAD])[:LETTERS]
    seen.update(f"c {letters[start : start + SHAPE]}" for start in range(len(letters) - SHAPE + 1))
    seen.update(f"+{turn}" for turn in _TURNS if turn in said[200:])
    if refusal(text):
        seen.add("!refusal")
    return seen


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())


def _runs(part: list[str]) -> Iterator[str]:
    for length in (1, 2, 3):
        for start in range(len(part) - length + 1):
            yield " ".join(part[start : start + length])


@functools.lru_cache(maxsize=1)
def _weights() -> tuple[int, list[float], list[float], "list[array[int]]"]:
    stored = json.loads(files("regrowth.gates").joinpath("refusals_weights.json").read_text("utf-8"))
    tables = [array("b", base64.b85decode(stored["weights"][label])) for label in LABELS]
    return stored["bins"], stored["biases"], stored["scales"], tables


def not_refused(*, at_most: float = 0.5, in_part: bool = False) -> Callable[[Record], Record]:
    """Refuse a response that refuses: it opens so, or its probability is above `at_most`.

    With `in_part`, half a refusal may stay, and the probability alone counts.

    A response that the server marked as refused is refused whatever it says.

    Raises:
        SettingsError: `at_most` lies outside 0 … 1.
    """
    return named("not_refused", _not_refused, at_most=_share("not_refused", at_most), in_part=in_part)


def _not_refused(record: Record, *, at_most: float, in_part: bool) -> Record:
    if record.attributes.get("finish") == "refused":
        raise Rejected("not_refused", "the server marked the response as refused")
    if not in_part and (phrase := refusal(record.response)):
        raise Rejected("not_refused", f"opens like a refusal: {shown(phrase)}")
    reply = judged(record.response)
    found = reply.refused if in_part else reply.declined
    if found > at_most:
        raise Rejected("not_refused", f"reads like a refusal (probability {found:.2f}, at most {at_most:g})")
    return record


def fitting(*, safe: str = "safe", at_most: float = 0.5) -> Callable[[Record], Record]:
    """Refuse a refusal of a safe request and an answer to an unsafe one; the attribute `safe` tells which it is.

    Half a refusal of a safe request is a refusal, half an answer to an unsafe one an answer.

    Raises:
        SettingsError: `at_most` lies outside 0 … 1.
    """
    return named("fitting", _fitting, safe=safe, at_most=_share("fitting", at_most))


def _fitting(record: Record, *, safe: str, at_most: float) -> Record:
    known = record.attributes.get(safe)
    if not isinstance(known, bool):
        raise Rejected("fitting", f"attribute {safe!r} is {str(known)[:80]!r}, expected true or false")
    reply, phrase = judged(record.response), bool(refusal(record.response))
    if known and (phrase or reply.declined > at_most):
        raise Rejected("fitting", f"refuses a safe request (probability {reply.declined:.2f}, at most {at_most:g})")
    if not known and not phrase and 1 - reply.refused > at_most:
        raise Rejected(
            "fitting", f"answers an unsafe request (probability {1 - reply.refused:.2f}, at most {at_most:g})"
        )
    return record


def _share(gate: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise SettingsError(f"{gate}: at_most={value}, expected a probability from 0 to 1.")
    return value
