"""One training from a file, in one process or in several that share the network's weights.

    python -m regrowth.training.parallel pens.toml                                   in one process
    accelerate launch --num_processes 4 -m regrowth.training.parallel pens.toml      in four, one GPU each

The file is that of `job`, which the recipe `fine_tune` reads too.

Each process holds a share of every weight, of its gradient and of the optimizer's state (FSDP: Zhao et al., 2023,
arXiv:2304.11277, in torch's second version), and takes its share of a step's passes. Gradients are summed, never
averaged, because shares of a loss add up: the result is that of one process up to rounding.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from regrowth.core.errors import RegrowthError, SettingsError
from regrowth.core.record import Json, digest
from regrowth.extras import library
from regrowth.training.admission import permit, signatures, unexamined
from regrowth.training.batches import Block, Pass
from regrowth.training.body import prepare, trunk
from regrowth.training.fit import loaded
from regrowth.training.intake import check_device
from regrowth.training.job import Job, place, read_job, records_of
from regrowth.training.journal import OnStep, TrainingLog
from regrowth.training.loop import train
from regrowth.training.objectives import objective
from regrowth.training.policy import Readout
from regrowth.training.reference import Remember
from regrowth.training.settings import TrainingSettings
from regrowth.training.team import ALONE, Team

__all__ = ["Processes", "main", "work"]

T = TypeVar("T")
PAUSE = 10.0
"""Seconds between two lines about the progress."""


def work(job: Job, team: Team = ALONE, *, on_step: OnStep | None = None) -> TrainingLog:
    """Train as a job says; every process of a team calls this. A killed one goes on from its newest checkpoint.

    Checkpoints and `metrics.jsonl` are in `<out>.scratch`, on a disk that all processes see. The data must be a
    dataset that was examined and passed, or that somebody signed for: `regrowth examine FILE --admit FOLDER` makes one.

    Raises:
        DataError, SettingsError, MissingExtra, StoreError: as `train`, `load` and `permit` do.
    """
    if job.out is None:
        raise SettingsError("The job names no folder `out` for the trained weights.")
    check_device(job.training.device)
    if not job.data.is_dir():
        raise unexamined(job.data)
    records, fingerprint = records_of(job.data, job)
    words = permit(records)
    scratch = job.out.with_name(job.out.name + ".scratch")
    chosen = objective(job.objective, **job.parameters)
    others = {role: place(name) for role, name in job.models.items()}
    weights, models = loaded(place(job.model), chosen, job.training, others)
    lineage = {"base": weights.digest, "data": fingerprint, **signatures(weights, words)}
    settings, remember = job.training, None
    if isinstance(team, Processes):
        # Processes meet in every pass, so each takes its passes in turn.
        settings = settings.model_copy(update={"threads": 1})
        lineage, remember = {**lineage, "processes": str(team.size)}, team.remembering(scratch)
    return train(
        weights,
        records,
        chosen,
        settings,
        out=job.out,
        scratch=scratch,
        lineage=lineage,
        models=models,
        held_out=records_of(job.held_out, job)[0] if job.held_out else None,
        base=Path(place(job.model)),
        accept_template=job.accept_template,
        remember=remember,
        team=team,
        on_step=on_step,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a job in however many processes were launched; the one that leads tells how far it is."""
    parser = argparse.ArgumentParser(
        prog="python -m regrowth.training.parallel",
        description="Train as a job file says, in one process or in several that share the network's weights.",
        epilog="example:\n  accelerate launch --num_processes 4 -m regrowth.training.parallel pens.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("job", type=Path, help="TOML file, as the recipe fine_tune reads it; it names `out`")
    job = read_job(parser.parse_args(arguments).job)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        work(job, on_step=_Teller(job.training.steps))
        return
    team = Processes.launched(job.training)
    try:
        work(job, team, on_step=_Teller(job.training.steps) if team.leads else None)
        dist.barrier()
    finally:
        dist.destroy_process_group()


class _Teller:
    """Tell of a step now and then."""

    def __init__(self, steps: int) -> None:
        self.steps, self.told = steps, -math.inf

    def __call__(self, step: int, facts: Mapping[str, float]) -> None:
        if step == self.steps or time.monotonic() - self.told >= PAUSE:
            self.told = time.monotonic()
            sys.stderr.write(f"step {step:,} of {self.steps:,}, loss {facts['loss']:.4f}\n")


class _Root(nn.Module):
    """Hold a network whole while something reads its weights: FSDP gathers them for what a module's call computes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, work: Callable[[], T]) -> T:
        return work()


class Processes(Team):
    """Several processes, each with a share of the weights and of the passes. All call the same methods in one order."""

    def __init__(self, device: torch.device) -> None:
        """Join the processes of torch's default group."""
        self.rank, self.size, self.leads = dist.get_rank(), dist.get_world_size(), dist.get_rank() == 0
        self._device = device
        self._mesh = dist.device_mesh.init_device_mesh(device.type, (self.size,))
        self._root = _Root(nn.Identity())
        self._trained: dict[str, Any] = {}
        self._desk = tempfile.TemporaryDirectory(prefix="regrowth-")

    @classmethod
    def launched(cls, settings: TrainingSettings) -> "Processes":
        """Join the processes that `accelerate launch` or `torchrun` started.

        Raises:
            MissingExtra: accelerate is not installed.
        """
        state = library("accelerate", "Training in several processes", extra="multi").PartialState(
            cpu=settings.device == "cpu"
        )
        return cls(state.device)

    def prepare(self, network: nn.Module, settings: TrainingSettings) -> Mapping[str, Tensor]:
        """Set a network up and cut every weight of it; return this process's shares of what is trained.

        Raises:
            SettingsError: the settings ask for what was never tried in several processes.
        """
        if settings.compile or (settings.lora is not None and settings.lora.bits == 4):
            raise SettingsError(
                "compile = true and lora.bits = 4 work in one process only. Leave them out, or launch one process."
            )
        trained = prepare(network, settings)
        self._root = _cut(network, self._mesh)
        weights: dict[str, Any] = dict(network.named_parameters())
        self._trained = {name: weights[name] for name in trained}
        return {name: weight.detach().to_local() for name, weight in self._trained.items()}

    def inside(self, work: Callable[[], T]) -> T:
        """Do something that reads weights, gathered for it."""
        done: T = self._root(work)
        return done

    def through(self, read: Readout) -> Readout:
        """Return the same readout with the weights gathered for it."""
        return lambda block: self.inside(partial(read, block))

    def dealt(self, parts: list[Pass]) -> list[Pass]:
        """Return this process's passes: every so many-th, and empty ones where there are too few.

        Weights are gathered once per block, by all processes at once: so all get equally many blocks.
        """
        mine = []
        for start in range(0, len(parts), self.size):
            group = parts[start : start + self.size]
            part = group[self.rank] if self.rank < len(group) else _nothing(group[0])
            blocks = max(len(one.blocks) for one in group)
            mine.append(replace(part, blocks=(*part.blocks, *[_empty()] * (blocks - len(part.blocks)))))
        return mine

    def slopes(self, loss: Tensor, trained: Sequence[Tensor]) -> list[Tensor]:
        """Return this process's share of the gradients, summed over the processes."""
        loss.backward()  # type: ignore[no-untyped-call]
        found = []
        for share, weight in zip(trained, self._trained.values(), strict=True):
            found.append(torch.zeros_like(share) if weight.grad is None else weight.grad.to_local())
            weight.grad = None
        return found

    def added(self, figures: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sum figures over the processes."""
        if not figures:
            return figures
        parts = [figure.detach().flatten() for figure in figures.values()]
        together = torch.cat(parts).to(self._device)
        dist.all_reduce(together)
        pieces = torch.split(together, [len(part) for part in parts])
        return {
            name: piece.to(figure).view(figure.shape)
            for (name, figure), piece in zip(figures.items(), pieces, strict=True)
        }

    def norm(self, norm: Tensor) -> Tensor:
        """Return the Euclidean norm of the whole gradient."""
        return self.added({"square": norm.square()})["square"].sqrt()

    def whole(self, name: str, tensor: Tensor) -> Tensor:
        """Return a tensor shaped like a weight as a whole, on the CPU of the process that leads."""
        from torch.distributed.tensor import DTensor

        weight = self._trained[name]
        shares = {"placements": weight.placements, "shape": weight.shape, "stride": weight.stride()}
        whole: Tensor = DTensor.from_local(tensor, weight.device_mesh, run_check=False, **shares).full_tensor()
        return whole.cpu() if self.leads else tensor

    def own(self, tensor: Tensor) -> Tensor:
        """Return this process's share of a tensor shaped like a weight."""
        shares = torch.chunk(tensor, self.size)
        return shares[self.rank] if self.rank < len(shares) else tensor[:0]

    def gathered(self, network: nn.Module) -> nn.Module:
        """Return the network with all its weights in the process that leads; the others' is of no more use."""
        part: Any
        for part in self._root.modules():
            if hasattr(part, "reshard"):
                part.reshard()
        whole: dict[Any, nn.Parameter] = {}
        for module in network.modules():
            weight: Any
            for name, weight in list(module.named_parameters(recurse=False)):
                if weight not in whole:
                    full: Tensor = weight.full_tensor()
                    whole[weight] = nn.Parameter(full.cpu() if self.leads else full[:0].clone())
                setattr(module, name, whole[weight])
        return network

    def place(self, scratch: Path) -> Path:
        """Return `scratch` in the process that leads, a folder that vanishes in the others."""
        return scratch if self.leads else Path(self._desk.name)

    def agreed(self, step: int) -> None:
        """Raise SettingsError if the processes found different checkpoints."""
        steps = torch.tensor([step, -step], device=self._device)
        dist.all_reduce(steps, dist.ReduceOp.MAX)
        if int(steps.sum()):
            raise SettingsError(
                f"The processes resume at different steps, from {-int(steps[1])} to {int(steps[0])}. "
                "All must see one scratch folder: put it on a disk that they share."
            )

    def remembering(self, scratch: Path) -> Remember:
        """Return a memory that is a folder: all processes measure, the one that leads writes, all read."""

        def remember(request: Mapping[str, Json], fill: Callable[[Path], None]) -> Path:
            folder = scratch / f"logprobs-{digest(dict(request))}"
            known = self.leads and any(folder.glob("*.safetensors"))
            if not self.added({"known": torch.tensor(float(known))})["known"]:
                folder.mkdir(exist_ok=True)
                fill(folder if self.leads else Path(self._desk.name))
            dist.barrier()
            return folder

        return remember


def _cut(network: nn.Module, mesh: Any) -> _Root:
    """Cut every weight over the processes: those of a layer are gathered together, all others for the whole pass."""
    from torch.distributed.fsdp import FSDPModule, fully_shard

    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise SettingsError(f"torch {torch.__version__} cannot sum gradients over processes. Install a newer one.")
    layers = next(module for module in trunk(network).modules() if isinstance(module, nn.ModuleList))
    root = _Root(network)
    for module in (*layers, root):
        cut: Any = fully_shard(module, mesh=mesh)
        cut.set_gradient_divide_factor(1.0)
        cut.set_force_sum_reduction_for_comms(True)
    return root


def _nothing(part: Pass) -> Pass:
    """Return a pass without records that has all that another one has."""
    columns, under = ({name: held[:0] for name, held in parts.items()} for parts in (part.columns, part.under))
    return replace(
        part,
        blocks=(),
        order_N=None,
        rows_N=part.rows_N[:0],
        counts=(0,) * len(part.counts),
        members=part.members[:0],
        columns=columns,
        under=under,
    )


def _empty() -> Block:
    """Return a block of one position where nothing is read."""
    nowhere = torch.zeros(0, dtype=torch.long)
    return Block(torch.zeros(1, 1, dtype=torch.long), nowhere, nowhere)


if __name__ == "__main__":
    try:
        main()
    except RegrowthError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)
