"""Metrics to somebody else's dashboard, if asked: TensorBoard, trackio or Weights & Biases.

    with tracker("tensorboard:logs", name="dpo") as track:      # or "trackio:PROJECT", "wandb:PROJECT"
        await fit(base, pairs, pairs.fingerprint, dpo(), settings, store=store, on_step=track)

What is told: the figures of each step, and nothing else; no code, no command line, no list of packages, no machine.
TensorBoard and trackio write files on this machine. `wandb` sends to its server unless WANDB_MODE=offline is set; the
version of Python and the operating system go with it, which it cannot be talked out of. Without a tracker nothing
leaves, and none is ever chosen by itself. Each is an extra: `tensorboard`, `trackio`, `wandb`.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from regrowth.core.errors import SettingsError
from regrowth.extras import library

__all__ = ["TRACKERS", "Tracker", "tracker"]

log = logging.getLogger(__name__)


@dataclass
class Tracker:
    """Hear steps, as `on_step`, and pass them on. A dashboard that fails is told of once; the training goes on."""

    kind: str
    write: Callable[[int, Mapping[str, float]], object]
    finish: Callable[[], object]
    works: bool = True

    def __call__(self, step: int, facts: Mapping[str, float]) -> None:
        """Pass the figures of a step on."""
        if not self.works:
            return
        try:
            self.write(step, facts)
        except Exception as error:  # whatever a dashboard raises is no reason to lose a training
            self.works = False
            log.warning("%s takes no more figures: %s. The training goes on without it.", self.kind, error)

    def close(self) -> None:
        """Send what waits and let go."""
        try:
            self.finish()
        except Exception as error:
            log.warning("%s did not close: %s.", self.kind, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tracker(spec: str, *, name: str = "training") -> Tracker:
    """Return a tracker by its one string, `kind:target`.

    Args:
        name: of this training, among others of the same target.

    Raises:
        SettingsError: no such kind, no target, or it could not be started.
        MissingExtra: the library is not installed.
    """
    kind, _, target = spec.partition(":")
    if kind not in TRACKERS or not target:
        raise SettingsError(f"{spec!r} is no tracker. Expected tensorboard:FOLDER, trackio:PROJECT or wandb:PROJECT.")
    try:
        return TRACKERS[kind](target, name)
    except (OSError, ValueError, RuntimeError) as error:
        raise SettingsError(f"{kind} could not be started for {target!r}: {error}") from error


def _tensorboard(folder: str, name: str) -> Tracker:
    board = library("tensorboardX", "A file for TensorBoard", extra="tensorboard")
    writer = board.SummaryWriter(logdir=str(Path(folder) / name))

    def write(step: int, facts: Mapping[str, float]) -> None:
        for fact, value in facts.items():
            writer.add_scalar(fact.replace(" ", "/"), value, step)  # "held-out loss" in a group of its own

    return Tracker("TensorBoard", write, writer.close)


def _trackio(project: str, name: str) -> Tracker:
    trackio = library("trackio", "A trackio project", extra="trackio")
    run = trackio.init(project=project, name=name, embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return Tracker("trackio", lambda step, facts: run.log(dict(facts), step=step), run.finish)


def _wandb(project: str, name: str) -> Tracker:
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when it is imported
    wandb = library("wandb", "A Weights & Biases project", extra="wandb")
    try:
        run = wandb.init(project=project, name=name, settings=wandb.Settings(**NOTHING_BESIDE))
    except wandb.Error as error:
        raise SettingsError(
            f"wandb could not be started for {project!r}: {error} Log in, or set WANDB_MODE=offline."
        ) from error
    return Tracker("wandb", lambda step, facts: run.log(dict(facts), step=step), run.finish)


NOTHING_BESIDE = {
    "console": "off",
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "silent": True,
}
"""What makes wandb send the figures alone."""

TRACKERS: Mapping[str, Callable[[str, str], Tracker]] = {
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
"""By the first word of the string."""
