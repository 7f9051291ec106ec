"""The record: one frozen conversation with its answer, its judgement and its lineage.

One record on its way through `rejection_sampling`:
    messages    (Message("user", "Tom has 3 pens and buys 4. How many?"),)
    response    "3 + 4 = 7"                      # written by a model
    target      "7"                              # known to the verifier, never shown to a model
    attributes  {"domain": "arithmetic", "difficulty": 1}
    parents     ("5f0c…",)                       # the problem it answers

Two numbers hang on a record's content: its `id` (a hash of what it says and where it comes from) and its
seeds. Every random draw takes a seed from the record it serves, so equal runs draw equal samples whatever
the order of completion, and two draws on one prompt never share a sample.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Self, TypeAlias

__all__ = ["Json", "Message", "Messages", "Origin", "Record", "canonical", "digest"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Origin: TypeAlias = Literal["real", "synthetic"]


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str


Messages: TypeAlias = Sequence[Message]


def canonical(value: object) -> bytes:
    """Render plain JSON data as the one byte string that stands for it.

    Raises:
        TypeError, ValueError: the value is not plain JSON data (NaN and infinity included).
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )


def digest(*parts: object) -> str:
    """Hash plain JSON data: the first 128 bits of SHA-256, as 32 hexadecimal digits."""
    return hashlib.sha256(canonical(parts)).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Hold one conversation, its answer and where they come from."""

    messages: tuple[Message, ...]
    """The conversation up to the turn that is to be answered."""
    response: str = ""
    """The answer that is kept."""
    rejected: str = ""
    """The worse answer of a preference pair."""
    target: str = ""
    """What a verifier needs to know; no model ever sees it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON data: topic, difficulty, language … Part of the identity. Never change it in place."""
    origin: Origin = "real"
    """`real` data are kept for ever (the roots); what models wrote is `synthetic`."""
    parents: tuple[str, ...] = ()
    """Ids of the records this one was made from, oldest first."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What gates measured. Not part of the identity: a second opinion does not make a new record."""
    draw: int = 0
    """The attempt at its parent that this record came from. Part of the identity."""
    attempt: int = field(default=0, compare=False)
    """The attempt that this record is tried for. Reaches its seeds and the draw of what is derived; never stored."""
    _id: str = field(default="", repr=False, compare=False)

    @classmethod
    def of(
        cls,
        prompt: str | Messages,
        *,
        system: str = "",
        response: str = "",
        rejected: str = "",
        target: str = "",
        origin: Origin = "real",
        **attributes: object,
    ) -> Self:
        """Make a record from a prompt; further keywords become attributes."""
        return cls(
            messages=conversation(prompt, system=system),
            response=response,
            rejected=rejected,
            target=target,
            origin=origin,
            attributes=attributes,
        )

    @property
    def id(self) -> str:
        """Return the content id: 32 hexadecimal digits."""
        if not self._id:
            content = (self.messages, self.response, self.rejected, self.target, self.attributes, self.origin)
            object.__setattr__(self, "_id", digest("record", content, self.parents, self.draw))
        return self._id

    @property
    def prompt(self) -> str:
        """Return the last message: the turn that is to be answered."""
        return self.messages[-1].content if self.messages else ""

    def __getitem__(self, name: str) -> Any:
        """Return an attribute.

        Raises:
            KeyError: there is no such attribute; the message lists those there are.
        """
        try:
            return self.attributes[name]
        except KeyError:
            raise KeyError(f"no attribute {name!r} (found: {', '.join(self.attributes) or 'none'})") from None

    def seed(self, *tags: str | int) -> int:
        """Return this record's own random seed for one purpose: 0 … 2**63 - 1."""
        return int(digest("seed", self.id, self.attempt, tags)[:16], 16) >> 1

    def again(self, attempt: int) -> Self:
        """Return the same record for another attempt: same id, other seeds."""
        return replace(self, attempt=attempt)

    def derive(self, *, prompt: str | Messages | None = None, origin: Origin = "synthetic", **changes: Any) -> Self:
        """Return a changed copy that names this record as its parent.

        `attributes` are merged into those there are; every other keyword replaces a field.
        """
        if prompt is not None:
            changes["messages"] = conversation(prompt)
        changes["attributes"] = {**self.attributes, **changes.get("attributes", {})}
        fresh = {"parents": (*self.parents, self.id), "draw": self.attempt, "attempt": 0, "_id": ""}
        return replace(self, origin=origin, **{**fresh, **changes})

    def scored(self, **scores: float) -> Self:
        """Return the same record with further scores."""
        return replace(self, scores={**self.scores, **scores})

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON data; `from_json` reads it back."""
        return {
            "id": self.id,
            "messages": [message._asdict() for message in self.messages],
            "response": self.response,
            "rejected": self.rejected,
            "target": self.target,
            "attributes": dict(self.attributes),
            "origin": self.origin,
            "parents": list(self.parents),
            "scores": dict(self.scores),
            "draw": self.draw,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a record from `to_json`; its id is computed anew, never trusted."""
        return cls(
            messages=tuple(Message(turn["role"], turn["content"]) for turn in data["messages"]),
            response=data["response"],
            rejected=data["rejected"],
            target=data["target"],
            attributes=data["attributes"],
            origin=data["origin"],
            parents=tuple(data["parents"]),
            scores=data["scores"],
            draw=data["draw"],
        )


def conversation(prompt: str | Messages, *, system: str = "") -> tuple[Message, ...]:
    """Return a conversation: a bare string becomes one user turn, `system` goes first."""
    turns = (Message("user", prompt),) if isinstance(prompt, str) else tuple(Message(*turn) for turn in prompt)
    return (Message("system", system), *turns) if system else turns
