"""Log-probabilities of the trained tokens under another model, computed once, before the first step.

The reference of a preference loss is the model that a round starts from. It is read off those very weights, before
they change, and kept: a resumed training reads what was kept, never the weights it has trained since.

    measured(weights, rows.side("response"))     # float32, one number per trained token, row by row
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import nn

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import sync
from regrowth.core.record import Json, digest
from regrowth.training.batches import Pass, passes
from regrowth.training.objectives.view import Objective
from regrowth.training.policy import Readout, policy, readout, vocabulary
from regrowth.training.rows import Floats, Rows
from regrowth.training.team import ALONE, Team
from regrowth.weights.loading import Weights

__all__ = ["Remember", "beside", "kept_in", "measured"]

Remember: TypeAlias = Callable[[Mapping[str, Json], Callable[[Path], None]], Path]
"""Called with what names the numbers and a function that writes them into a folder; returns the folder that holds
them, filled now or earlier."""

VERSION = 1
"""Of the arithmetic; part of the effect's key."""

TOKENS = 4096
"""Positions that go through the network at once."""
CHUNK = 512
"""Rows that are sorted into passes together."""

FILE = "logprobs.safetensors"


def beside(
    rows: Rows,
    weights: Weights,
    objective: Objective,
    models: Mapping[str, Weights],
    remember: Remember,
    team: Team = ALONE,
) -> Rows:
    """Return the rows with the log-probabilities that an objective reads, measured where they are not known yet.

    Equal rows under an equal model have one name, whatever the objective: DPO and SPIN on one dataset share them.
    """
    for name in objective.models:
        model = models.get(name, weights)
        found = {}
        for side in rows.sides:
            alone = rows.side(side)
            request: dict[str, Json] = {"model": model.digest, "rows": alone.digest, "version": VERSION}
            request |= {"device": next(model.network.parameters()).device.type}
            found[side] = _read(remember(request, partial(_measure_into, model, alone, team)), alone)
        rows = rows.beside(name, found)
    return rows


def kept_in(scratch: Path) -> Remember:
    """Return a memory that is a folder."""

    def remember(request: Mapping[str, Json], fill: Callable[[Path], None]) -> Path:
        folder = scratch / f"logprobs-{digest(dict(request))}"
        if not (folder / FILE).exists():
            folder.mkdir(exist_ok=True)
            fill(folder)
        return folder

    return remember


def _measure_into(weights: Weights, rows: Rows, team: Team, folder: Path) -> None:
    _write(folder, measured(weights, rows, team))


def measured(weights: Weights, rows: Rows, team: Team = ALONE) -> Floats:
    """Return log p of each trained token of a single side, in nats, row by row.

    Raises:
        SettingsError: the rows hold ids that the network does not know.
    """
    if (largest := int(rows.ids.max(initial=0))) >= (size := vocabulary(weights.network)):
        raise SettingsError(
            f"The tokenizer makes the id {largest}, the reference knows ids below {size}. "
            "A reference must share the tokenizer of the model that is trained."
        )
    values = np.zeros(int(rows.marks[-1]), dtype=np.float32)
    order = np.argsort(rows.sizes[:, 0], kind="stable")
    before = weights.network.training
    weights.network.eval()  # a reference has no dropout
    read = policy(weights.network)
    for chunk in np.split(order, range(CHUNK, len(order), CHUNK)):
        for part in team.dealt(passes(rows, chunk, rows.sides, tokens=TOKENS, price=64, pad=weights.codec.pad)):
            if part.records:
                _spread(part, rows, _read_off(read, weights.network, part), values)
    weights.network.train(before)
    whole: Floats = team.added({"logprobs": torch.from_numpy(values)})["logprobs"].numpy()
    return whole


@torch.no_grad()
def _read_off(read: Readout, network: nn.Module, part: Pass) -> Floats:
    logprobs_N = readout(part.to(next(network.parameters()).device), read)
    found: Floats = logprobs_N.float().cpu().numpy()
    return found


def _spread(part: Pass, rows: Rows, found: Floats, values: Floats) -> None:
    """Put what was read off one pass where it belongs."""
    ends = np.cumsum(rows.counts[part.members, 0])
    for member, piece in zip(part.members, np.split(found, ends[:-1]), strict=True):
        values[rows.marks[member] : rows.marks[member + 1]] = piece


def _write(folder: Path, values: Floats) -> None:
    """Keep what was measured."""
    draft = folder / f".{FILE}.unfinished"
    save_file({"logprobs": values}, draft)
    sync(draft)
    draft.replace(folder / FILE)


def _read(folder: Path, rows: Rows) -> Floats:
    """Read what was kept for some rows.

    Raises:
        DataError: the file is missing, damaged, or of other rows.
    """
    try:
        values: Floats = load_file(folder / FILE)["logprobs"]
    except (OSError, SafetensorError, KeyError) as error:
        raise DataError(f"{folder / FILE}: no reference log-probabilities there ({error}).") from error
    if len(values) != rows.marks[-1]:
        raise DataError(f"{folder / FILE}: {len(values)} log-probabilities for {rows.marks[-1]} trained tokens.")
    return values
