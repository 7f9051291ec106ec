"""The extension points, and nothing else.

`Backend` is what an author of a new kind of model writes; `Model` is what recipes and gates use: a backend
whose effects are remembered by the store. A `Gate` is a plain function.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, Self, TypeAlias, runtime_checkable

from regrowth.core.record import Json, Messages, Record

__all__ = [
    "Answer",
    "Backend",
    "Completion",
    "Cost",
    "Estimate",
    "Finish",
    "Gate",
    "Model",
    "Sampling",
    "Score",
    "Scorer",
]

Finish: TypeAlias = Literal["stop", "length", "refused"]
Gate: TypeAlias = Callable[[Record], Record | Awaitable[Record]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Say how an answer is drawn. Reaches the key of the effect, all of it."""

    temperature: float = 1.0
    """0 takes the most probable token (greedy); 1 samples the model as it is."""
    top_p: float = 1.0
    """Probability mass of the nucleus, in (0, 1]."""
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    """Strings that end the answer; they are not part of it."""
    logprobs: bool = False
    """Whether the completion carries the log-probability of each of its tokens."""
    schema: Mapping[str, Any] | None = None
    """JSON schema the answer must satisfy; servers that know how constrain their decoding by it."""

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON data."""
        return {**asdict(self), "stop": list(self.stop)}


@dataclass(frozen=True, slots=True)
class Completion:
    """Hold one answer of a model."""

    text: str
    finish: Finish = "stop"
    """`length`: cut at max_tokens, so the end of the text is not the model's own."""
    logprobs: tuple[float, ...] | None = None
    """Natural log-probability of each generated token, if asked for."""
    tokens: int = 0
    """Number of generated tokens."""


@dataclass(frozen=True, slots=True)
class Score:
    """Hold what a reward model makes of a response."""

    reward: float
    """The one number that ranks: the outputs' weighted sum."""
    values: Mapping[str, float]
    """The outputs by name, in the order of the head."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Count what an effect took. Money is in the currency of the price list."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0

    @property
    def tokens(self) -> int:
        """Return prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Self) -> "Cost":
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.money + other.money,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what came back over the wire, before anything is read out of it."""

    raw: Json
    """Plain JSON data, stored as it is: a better reader never has to ask (and pay) again."""
    cost: Cost = field(default_factory=Cost)


class Backend(Protocol):
    """Reach some weights. Pure but for the call itself: no retries of its own above the wire, no memory."""

    @property
    def digest(self) -> str:
        """Return what names the weights and everything else, besides the request, that shapes an answer."""

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed.

        Raises:
            CallFailed: this call failed for good, others may succeed.
            ModelUnavailable: no call can succeed.
        """

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer, one per seed."""

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Return the log-probabilities of a given response: raw is a list of floats, one per token, in nats.

        Raises:
            CallFailed: this kind of model cannot tell.
        """

    async def close(self) -> None:
        """Give back connections and memory."""


@runtime_checkable
class Scorer(Protocol):
    """What a backend of a reward model can do besides."""

    async def score(self, messages: Messages, response: str) -> Answer:
        """Judge a response: raw holds `names`, `values` and `scalar` (weights in the reward), one of each per output.

        Raises:
            CallFailed: this model cannot score, or not this response.
        """


class Model(Protocol):
    """Anything that writes or judges text, named by its weights' digest. Every call is a remembered effect."""

    @property
    def digest(self) -> str:
        """Return the name of the weights."""

    async def generate(self, messages: str | Messages, sampling: Sampling = ..., *, seed: int) -> Completion:
        """Draw one completion."""

    async def samples(
        self, messages: str | Messages, sampling: Sampling = ..., *, seeds: Sequence[int]
    ) -> tuple[Completion, ...]:
        """Draw one completion per seed, in one call where the backend can."""

    async def ask(self, messages: str | Messages, sampling: Sampling = ..., *, seed: int) -> str:
        """Draw one completion and return its text."""

    async def logprobs(self, messages: str | Messages, response: str) -> tuple[float, ...]:
        """Return the log-probability, in nats, of each token of a given response."""

    async def score(self, messages: str | Messages, response: str) -> Score:
        """Judge a response, with a reward model."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold a measured number with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Number of independent observations behind it."""
    skipped: int = 0
    """Observations left out because the quantity is undefined there."""
