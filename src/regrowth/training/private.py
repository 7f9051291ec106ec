"""Training with differential privacy: what one record adds to a step is bounded, and drowned in noise.

    settings = PrivateSettings(steps=150, epsilon=8, delta=1e-5, records_per_step=128)
    folder = await fit("models/tiny", data, data.fingerprint, sft, settings, store=store)
    lineage(folder)["privacy"]      # {"epsilon": 7.995, "delta": 1e-05, "unit": "record", "noise": …}

One step on its way (DP-SGD; Abadi et al., 2016, arXiv:1607.00133):
    sampled     records 7, 19, 40        each by its own coin, so it may also be none
    gradients   one per record           the record's own loss, as if the step held nothing else
    clipped     to a norm of `clip`      so that no record moves the sum by more
    noised      + N(0, (noise · clip)²)  on every weight
    divided     by the expected number of records; then the optimizer's step

Each record goes through the network alone. That costs time, and holds for every network, LoRA, and loss: opacus' hooks
see modules, and the tied head of our network is no module, so they would miss half of the embedding's gradient. What
is taken from opacus is the accountant: how much noise a promise needs.
"""

import hashlib
import importlib
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrowth.core.errors import MissingExtra, SettingsError
from regrowth.core.files import sync
from regrowth.core.record import canonical
from regrowth.training.batches import Batch, Position
from regrowth.training.journal import TrainingLog
from regrowth.training.objectives import Objective
from regrowth.training.rows import Ints, Rows
from regrowth.training.settings import PrivateSettings, TrainingSettings
from regrowth.training.step import Lens, Shares, Spread, gradients
from regrowth.training.team import ALONE, Team

__all__ = ["Mechanism", "Promise", "mechanism", "promised", "publishable"]

KEY = "noise.key"
CHUNK = 8
"""Records whose clipped gradients one thread adds up. Fixed, so that sums round alike whatever the threads."""
ORDERS = [1 + tenth / 10 for tenth in range(1, 100)] + [float(order) for order in (*range(11, 64), 80, 128, 256, 512)]
"""Of Rényi's divergence: the more, the tighter the bound."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Say what is promised to each record, and by which noise it is kept."""

    epsilon: float
    """What the accountant finds for this noise: at most what was asked for."""
    delta: float
    noise: float
    """Deviation of the noise on the sum of gradients, in units of `clip`."""
    clip: float
    rate: float
    """Probability that a record takes part in a step."""
    steps: int
    accountant: str
    repeatable: bool
    """Whether the noise follows from a number that was given: no protection from those who know it."""
    unit: str = "record"
    """Data sets that differ in one record, there or not, are the ones that are hard to tell apart."""
    sampling: str = "Poisson"


def promised(rows: Rows, objective: Objective, settings: TrainingSettings, team: Team = ALONE) -> Promise | None:
    """Find the noise that a training needs; None if it is not private.

    Raises:
        SettingsError: the promise cannot be kept with this objective, these records or settings.
        MissingExtra: opacus is not installed.
    """
    if not isinstance(settings, PrivateSettings):
        return None
    _check(rows, objective, settings, team)
    rate = min(1.0, settings.records_per_step / len(rows))
    noise, epsilon = _noise(settings, rate)
    given = settings.noise_seed is not None
    return Promise(
        epsilon, settings.delta, noise, settings.clip, rate, settings.steps, settings.accountant, repeatable=given
    )


def _check(rows: Rows, objective: Objective, settings: PrivateSettings, team: Team) -> None:
    together = "unrelated" in objective.every_side or objective.prelude or "advantage" in objective.columns
    if together:
        raise SettingsError(
            f"The objective {objective.name!r} looks at several records at once, so a record has no gradient of its "
            "own that could be bounded. Private training takes objectives whose loss is a sum over records: sft, dpo."
        )
    if team is not ALONE:
        raise SettingsError("Private training runs in one process; leave out the others.")
    if settings.carry:
        raise SettingsError("carry: an earlier round's optimizer may hold what was not protected. Set carry = false.")
    if settings.delta >= 1 / len(rows):
        raise SettingsError(
            f"delta = {settings.delta:g} with {len(rows)} records: expected less than {1 / len(rows):.1g}, else "
            "publishing one record at random would keep the promise."
        )


def _noise(settings: PrivateSettings, rate: float) -> tuple[float, float]:
    """Return the least noise that keeps the promise, in units of `clip`, and the privacy loss with it."""
    accountants, search = _opacus("opacus.accountants"), _opacus("opacus.accountants.utils")
    orders: dict[str, Any] = {"alphas": ORDERS} if settings.accountant == "rdp" else {}
    how = {"target_epsilon": settings.epsilon, "target_delta": settings.delta, "sample_rate": rate}
    tolerance = min(0.01, settings.epsilon / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the search begins at noise that no order in the list is best for
        try:
            found = search.get_noise_multiplier(
                **how, steps=settings.steps, accountant=settings.accountant, epsilon_tolerance=tolerance, **orders
            )
            account = accountants.create_accountant(mechanism=settings.accountant)
            account.history = [(found, rate, settings.steps)]
            spent = float(account.get_epsilon(delta=settings.delta, **orders))
        except (ValueError, RuntimeError, ArithmeticError) as error:
            raise SettingsError(
                f"No noise keeps epsilon = {settings.epsilon:g}, delta = {settings.delta:g} over {settings.steps} "
                f"steps ({error}). Ask for less, or take fewer steps."
            ) from error
    if not math.isfinite(spent) or spent > settings.epsilon:
        raise SettingsError(f"The accountant finds epsilon = {spent}, above {settings.epsilon:g}. Try the other one.")
    return float(found), spent


def _opacus(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(
            "Private training needs opacus to know how much noise a promise takes. "
            "Install the extra: pip install 'regrowth[private]'"
        ) from error


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Draw the records of each step, and turn their gradients into one that tells little of any."""

    promise: Promise
    records: int
    """How many there are to draw from."""
    secret: bytes

    @property
    def header(self) -> Mapping[str, str]:
        """Return what the header of the weights says of the promise."""
        return {"privacy": canonical(asdict(self.promise)).decode()}

    def batches(self, step: int) -> Iterator[Batch]:
        """Yield the records of each step, from one on."""
        while True:
            coins = self._dice("records", step).random(self.records)
            yield Batch(np.flatnonzero(coins < self.promise.rate), Position())
            step += 1

    def gradients(
        self, look: Lens, rows: Rows, records: Ints, trained: Sequence[Tensor], spread: Spread, *, step: int
    ) -> Shares:
        """Return a step's gradient with its noise, and the mean loss of its records, which is not protected."""
        slopes = [torch.zeros_like(weight) for weight in trained]
        loss = slopes[0].new_zeros(())
        work = partial(self._clipped, look, rows, trained)
        chunks: Any = np.split(records, range(CHUNK, len(records), CHUNK)) if len(records) else []
        for more, figures in spread(work, chunks):
            torch._foreach_add_(slopes, more)
            loss = loss + figures["loss"]
        self._drown(slopes, step)
        return slopes, {"loss": loss / max(1, len(records))}  # 0 where no record was drawn

    def _clipped(self, look: Lens, rows: Rows, trained: Sequence[Tensor], records: Ints) -> Shares:
        """Add up the gradients of some records, none longer than `clip`; and their losses."""
        total = [torch.zeros_like(weight) for weight in trained]
        loss = total[0].new_zeros(())
        for record in records:
            slopes, figures = gradients(look, rows, np.array([record]), trained)
            norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(slope) for slope in slopes]))
            torch._foreach_mul_(slopes, (self.promise.clip / (norm + 1e-6)).clamp(max=1.0))
            torch._foreach_add_(total, slopes)
            loss = loss + figures["loss"]
        return total, {"loss": loss}

    def _drown(self, slopes: Sequence[Tensor], step: int) -> None:
        """Add the noise, in place, and divide by the number of records that was to be expected."""
        dice, promise = self._dice("noise", step), self.promise
        for slope in slopes:
            noise = torch.from_numpy(dice.standard_normal(slope.shape, dtype=np.float32))
            slope.add_(noise.to(slope), alpha=promise.noise * promise.clip).div_(promise.rate * self.records)

    def _dice(self, purpose: str, step: int) -> np.random.Generator:
        key = hashlib.sha256(self.secret + f"{purpose} {step}".encode()).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))


def mechanism(promise: Promise, records: int, settings: TrainingSettings, scratch: Path) -> Mechanism:
    """Take up the secret of a training, or draw one.

    Raises:
        SettingsError: there are checkpoints, and the key that they were made with is gone.
    """
    number = settings.noise_seed if isinstance(settings, PrivateSettings) else None
    secret = _kept(scratch) if number is None else hashlib.sha256(f"noise {number}".encode()).digest()
    return Mechanism(promise, records, secret)


def _kept(scratch: Path) -> bytes:
    """Return the secret key of a scratch folder, drawing one if nothing was begun there."""
    place, draft = scratch / KEY, scratch / f".{KEY}.unfinished"
    if not place.exists():
        if any(scratch.glob("checkpoint-*")):
            raise SettingsError(
                f"{scratch} holds checkpoints of a private training, and its {KEY} is gone. Going on with other noise "
                "would tell more than was promised. Delete the folder to begin anew."
            )
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
        sync(draft)
        draft.replace(place)
        sync(scratch)
    return place.read_bytes()


def publishable(log: TrainingLog) -> TrainingLog:
    """Return a log without what the training records gave away: what lies beside the weights may be published."""
    return replace(log, losses=(), tokens=0, trained=0, skipped=())
