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
    "Execution",
    "Executor",
    "Finish",
    "Gate",
    "Limits",
    "Model",
    "Sampling",
    "Score",
    "Scorer",
    "Status",
]

Finish: TypeAlias = Literal["stop", "length", "refused"]
Gate: TypeAlias = Callable[[Record], Record | Awaitable[Record]]
Status: TypeAlias = Literal["ok", "nonzero", "timeout", "cpu", "memory", "output", "crashed", "setup_failed", "refused"]
"""How a program ended. `crashed`: by a signal of its own; `timeout`, `cpu`, `memory`, `output`: at that limit;
`setup_failed`: never began; `refused`: nothing here can isolate it."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bound what a program may take, all its processes together. Reaches the key of the effect, all of it."""

    cpu: float = 4.0
    """Seconds of processor time."""
    wall: float = 10.0
    """Seconds by the clock."""
    memory: int = 256
    """MiB, what it writes to files included."""
    processes: int = 32
    """Processes and threads alive at a time."""
    output: int = 65_536
    """Bytes of each of its two streams."""
    disk: int = 32
    """MiB of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Hold how a program ended and what it said. All of it is the program's word but status, figures and tier."""

    status: Status
    exit: int | None = None
    """Its exit code; nothing if a signal or a limit ended it."""
    stdout: str = ""
    """At most `Limits.output` bytes, what is no UTF-8 replaced; so is `stderr`."""
    stderr: str = ""
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    peak_mb: float = 0.0
    tier: int = 0
    """What isolated it: 3 a machine of its own, 2 namespaces, 1 Landlock; 0 nothing, and it did not run."""
    reason: str = ""
    """In words, where the status is not `ok`."""


class Executor(Protocol):
    """Runs programs that nobody trusts: isolated, within limits, or not at all."""

    @property
    def tier(self) -> int:
        """Return what isolates here: 3, 2 or 1 as in `Execution`; 0 if nothing does, and nothing will run."""

    @property
    def digest(self) -> str:
        """Return what names the interpreters and tools inside: all that shapes an outcome but the request."""

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = ...
    ) -> Execution:
        """Run a program in a fresh folder that holds only these files, and throw the folder away.

        Args:
            files: Text by relative path, as `main.py` or `tests/data.txt`.
            argv: What to run there. `python` is this project's interpreter, warm; other names are looked up on the
                path inside.

        Raises:
            NoIsolation: this machine cannot isolate anything; says why and what to do.
            CallFailed: the sandbox itself broke down.
        """
