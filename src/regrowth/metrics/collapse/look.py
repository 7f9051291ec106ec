"""What one round's writing showed, and the alarm that it may raise: plain data, to and from JSON.

Look.from_json(json.loads(ledger)["verified"][2]["monitor"]).alarm.diagnosis      # "drift"
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeAlias

__all__ = ["CURES", "Alarm", "Diagnosis", "Look"]

Diagnosis: TypeAlias = Literal["drift", "bias", "loss"]

CURES: Mapping[Diagnosis, str] = {
    "drift": "finite-sample drift: more records per round, keep those of all rounds, a higher weight of the real data",
    "bias": "a bias of decoding or of a filter: temperature 1, no top-p or beam, audit gates and judges for what they "
    "drop",
    "loss": "not a matter of rare words: look at the training (learning rate, steps) and at what the records say",
}


@dataclass(frozen=True)
class Alarm:
    """Say that a model forgets, and why it is thought so."""

    round: int
    diagnosis: Diagnosis
    why: str
    cure: str
    onset: int
    """The last round before the sums began to rise: what wrote its texts did not yet forget."""

    def __str__(self) -> str:
        return f"{self.why}. {self.cure[0].upper()}{self.cure[1:]}."


@dataclass(frozen=True)
class Look:
    """Hold what one round's writing showed. Plain JSON data but for its types."""

    round: int
    words: int
    figures: Mapping[str, float] = field(default_factory=dict)
    """`collapse.signs.Signs` by name; `real_nll` where it was given."""
    bands: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """What 95 % of the null's replicates read; of `real_nll` what real texts drawn again would cost."""
    sums: Mapping[str, float] = field(default_factory=dict)
    z: Mapping[str, float] = field(default_factory=dict)
    alarm: Alarm | None = None
    note: str = ""
    """Why nothing could be told."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        told: dict[str, Any] = {"round": self.round, "words": self.words}
        for name in ("figures", "sums", "z"):
            told[name] = dict(getattr(self, name))
        told["bands"] = {sign: list(band) for sign, band in self.bands.items()}
        told["alarm"] = asdict(self.alarm) if self.alarm else None
        return told | {"note": self.note}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        bands = {sign: (low, high) for sign, (low, high) in told["bands"].items()}
        alarm = Alarm(**told["alarm"]) if told["alarm"] else None
        return cls(**{**told, "bands": bands, "alarm": alarm})

    def __str__(self) -> str:
        if self.note:
            return f"monitor: {self.note}"
        if self.alarm:
            return f"monitor: {self.alarm}"
        (low, high), rare, tail = self.bands["rare_types"], self.figures["rare_types"], self.figures["tail_mass"]
        chance = f"resampled real texts: {low:.1%} to {high:.1%}"
        return f"monitor: of the real data's rare words {rare:.1%} are still written ({chance}); they weigh {tail:.2%}"
