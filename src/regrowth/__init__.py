"""Regrowth grows verified training data, and the models trained on it, from a few real seeds."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regrowth import gates as gates
    from regrowth.core.dataset import Dataset as Dataset
    from regrowth.core.errors import Rejected as Rejected
    from regrowth.core.flow import Budget as Budget
    from regrowth.core.layouts import read as read
    from regrowth.core.protocols import Sampling as Sampling
    from regrowth.core.record import Message as Message
    from regrowth.core.record import Record as Record
    from regrowth.run import open_run as open_run

__version__ = "0.1.0"

# Names are fetched on first use, so that `import regrowth` costs milliseconds.
_HOMES = {
    "Budget": "regrowth.core.flow",
    "Dataset": "regrowth.core.dataset",
    "Message": "regrowth.core.record",
    "Record": "regrowth.core.record",
    "Rejected": "regrowth.core.errors",
    "Sampling": "regrowth.core.protocols",
    "gates": "regrowth.gates",
    "open_run": "regrowth.run",
    "read": "regrowth.core.layouts",
}

__all__ = ["Budget", "Dataset", "Message", "Record", "Rejected", "Sampling", "gates", "open_run", "read"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'regrowth' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    return home if name == "gates" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted((*__all__, "__version__"))
