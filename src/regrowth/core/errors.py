"""Every error Regrowth raises on purpose.

    RegrowthError
    ├── SettingsError (ValueError)         a setting, a recipe name, a model name: stops before the first effect
    ├── DataError (ValueError)             a file or a line that cannot be read: says which and what was found
    ├── CallFailed (RuntimeError)          one call failed for good: becomes a ledger entry, the run goes on
    ├── ModelUnavailable (ConnectionError) no call can succeed (no server, wrong key): stops the run, resumable
    ├── NoIsolation (RuntimeError)         nothing here can run untrusted code safely: stops the run, says the remedy
    ├── StoreError (OSError)               the run folder cannot be read or written, or belongs to another version
    ├── Shortfall (RuntimeError)           `grow` stopped before the wanted count; the data made so far are kept
    └── MissingExtra (ImportError)         an optional dependency is absent: says the pip command

`Rejected` stands apart: it is the ordinary verdict of a gate, not a failure.
Whatever else extension code raises is classified at one boundary, `core.flow`.
"""

__all__ = [
    "CallFailed",
    "DataError",
    "MissingExtra",
    "ModelUnavailable",
    "NoIsolation",
    "RegrowthError",
    "Rejected",
    "SettingsError",
    "Shortfall",
    "StoreError",
]


class RegrowthError(Exception):
    """Root of all errors raised on purpose."""


class SettingsError(RegrowthError, ValueError):
    """Report a setting that cannot be used."""


class DataError(RegrowthError, ValueError):
    """Report input that cannot be read: file, line, what was found, what was expected."""


class CallFailed(RegrowthError, RuntimeError):
    """Report one call that failed for good, after its retries."""


class ModelUnavailable(RegrowthError, ConnectionError):
    """Report a model that no call can reach."""


class NoIsolation(RegrowthError, RuntimeError):
    """Report that untrusted code cannot be isolated here, so that it was not run; says why and the remedy."""


class StoreError(RegrowthError, OSError):
    """Report a run folder that cannot be read or written."""


class Shortfall(RegrowthError, RuntimeError):
    """Report that fewer records were accepted than asked for; says which gate refused the rest."""


class MissingExtra(RegrowthError, ImportError):
    """Report an optional dependency that is not installed, with the command that installs it."""


class Rejected(Exception):
    """Refuse a record: the gate's name and, in words a person can act on, the reason."""

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__(gate, reason)
        self.gate = gate
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.gate}: {self.reason}"
