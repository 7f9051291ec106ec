"""What goes between a sandbox server and those who use it, read as one reads a stranger's words.

about_of(b'{"tier": 2, "digest": "1f0c…"}', "http://…")     About(tier=2, digest="1f0c…")
execution_of(b'{"digest": …, "execution": {…}}', …)         ("1f0c…", Execution(status="ok", …))
job_of(b'{"files": …, "argv": …, …}')                       Job(files={"main.py": …}, argv=["python", …], …)
"""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from regrowth.core.errors import CallFailed, NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Limits, Status
from regrowth.core.settings import Frozen

__all__ = ["WIDEST", "About", "Job", "about_of", "execution_of", "job_of"]

Amount = Annotated[FiniteFloat, Field(ge=0)]
Digest = Annotated[str, Field(min_length=8, max_length=200)]

WIDEST = Limits(cpu=600.0, wall=600.0, memory=8192, processes=1024, output=16 * 2**20, disk=4096)
"""What a server grants at most."""


class About(Frozen):
    """Hold what a server says of itself."""

    tier: Literal[1, 2, 3]
    """What isolates there, as in `Execution`."""
    digest: Digest
    """What names the interpreters and tools there."""


class _Limits(Frozen):
    cpu: Annotated[FiniteFloat, Field(gt=0, le=WIDEST.cpu)]
    wall: Annotated[FiniteFloat, Field(gt=0, le=WIDEST.wall)]
    memory: Annotated[int, Field(gt=0, le=WIDEST.memory)]
    processes: Annotated[int, Field(gt=0, le=WIDEST.processes)]
    output: Annotated[int, Field(gt=0, le=WIDEST.output)]
    disk: Annotated[int, Field(gt=0, le=WIDEST.disk)]


class Job(Frozen):
    """Hold what somebody asks a server to run."""

    files: dict[str, str]
    argv: list[str]
    stdin: str
    limits: _Limits

    def bounds(self) -> Limits:
        """Return the limits."""
        return Limits(**self.limits.model_dump())


class _Execution(Frozen):
    status: Status
    exit: Annotated[int, Field(ge=0, le=255)] | None
    stdout: str
    stderr: str
    cpu_ms: Amount
    wall_ms: Amount
    peak_mb: Amount
    tier: Literal[0, 1, 2, 3]
    reason: Annotated[str, Field(max_length=4000)]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.status == "ok") != (self.exit == 0):
            raise ValueError(f"status {self.status} and exit code {self.exit} do not go together")
        return self


class _Answer(Frozen):
    digest: Digest
    execution: _Execution


def about_of(body: bytes, base: str) -> About:
    """Read what a server says of itself.

    Raises:
        NoIsolation: it is no sandbox server, or isolates nothing.
    """
    try:
        return About.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise NoIsolation(
            f"{base} is no sandbox server, or one that isolates nothing: {_first(error)}. "
            "Start one there: python -m regrowth.sandbox.serve"
        ) from None


def execution_of(body: bytes, limits: Limits, tier: int, base: str) -> tuple[str, Execution]:
    """Read how a program ended, and the digest of the server that says so.

    Args:
        body: the reply.
        limits: what was asked for: no stream may be longer.
        tier: what the server promised; it may not isolate less.
        base: its address.

    Raises:
        CallFailed: it is no such answer.
        NoIsolation: the server isolates nothing any more, or less than it promised.
    """
    try:
        answer = _Answer.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise CallFailed(f"the sandbox server {base} gave no answer that can be read: {_first(error)}") from None
    found = Execution(**answer.execution.model_dump())
    if found.status == "refused":
        raise NoIsolation(f"The sandbox server {base} refuses to run anything: {found.reason}")
    if found.tier != tier:
        raise NoIsolation(f"The sandbox server {base} promised tier {tier} and ran a program in tier {found.tier}.")
    # A byte that is no UTF-8 became one character: no stream has more characters than it had bytes.
    if max(len(found.stdout), len(found.stderr)) > limits.output:
        raise CallFailed(f"the sandbox server {base} sent a stream of more than {limits.output:,} bytes")
    return answer.digest, found


def job_of(body: bytes) -> Job:
    """Read what somebody asks a server to run.

    Raises:
        SettingsError: it is no job, or asks for more than `WIDEST`.
    """
    try:
        return Job.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise SettingsError(f"no job: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """Return the first complaint, without what was found: that may be a whole program."""
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'the whole'}: {found['msg']}"[:300]
