"""Fine-tune: a file of records and the name of an objective in, a trained model out.

    regrowth run fine_tune --set data=pairs.jsonl --set objective=dpo --set parameters.beta=0.1 --set training.steps=200

The file has any of the layouts that trainers read (`regrowth.read`): messages, prompt-completion, preference, kto, …
What an objective reads besides, such as `reward_gap` or `helpfulness`, are further columns of the file. With
`training.epsilon=8` the training is private, and the report shows the promise instead of losses.
"""

import json
import shutil
from pathlib import Path

from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.models.model import RememberedModel
from regrowth.reports.blocks import Block, Curves, Figure, Headline, Series, save
from regrowth.run import Run
from regrowth.training.job import Job, records_of

__all__ = ["Settings", "fine_tune"]


Settings = Job


async def fine_tune(run: Run, settings: Job) -> RememberedModel:
    """Return the trained model.

    Raises:
        DataError: a file cannot be read, or holds nothing that can be trained on.
        SettingsError: no such objective, parameter or model; `out` exists.
    """
    from regrowth.training.objectives import objective  # torch, on first use

    if settings.out is not None and settings.out.exists():
        raise SettingsError(f"out = {settings.out} is there already. Name a new folder, or delete that one.")
    chosen = objective(settings.objective, **settings.parameters)
    data = _dataset(run, "data", settings.data, settings)
    held_out = _dataset(run, "held-out", settings.held_out, settings) if settings.held_out else None
    others = {role: run.model(name) for role, name in settings.models.items()}
    trained = await run.afit(
        run.model(settings.model),
        data,
        settings.training,
        name=settings.objective,
        objective=chosen,
        models=others,
        held_out=held_out,
        accept_template=settings.accept_template,
    )
    save(run.folder, blocks(trained.folder, settings.objective))
    if settings.out is not None:
        shutil.copytree(trained.folder, settings.out)
    return trained


def _dataset(run: Run, name: str, path: Path, settings: Job) -> Dataset:
    return run.write(name, records_of(path, settings)[0])


def blocks(folder: Path, objective: str) -> list[Block]:
    """Return what the report shows of a training."""
    from regrowth.training.journal import read_log  # torch, on first use

    log = read_log(folder)
    figures = [
        Figure(label="records", value=f"{log.records:,}", note=f"{len(log.skipped):,} could not be trained on"),
        Figure(label="tokens", value=f"{log.tokens:,}", note=f"{log.trained:,} of them trained"),
        Figure(label="step whose weights were kept", value=f"{log.chosen:,}", note=f"artefact {folder.name}"),
    ]
    curves = []
    if steps := tuple(range(1, len(log.losses) + 1)):
        text = f"{objective}: loss {log.losses[0]:.3f} → {log.losses[-1]:.3f} in {len(steps):,} steps"
        curves = [Curves(title="Training", x="step", y="loss", series=(Series(name="loss", x=steps, y=log.losses),))]
    else:
        text, figures = _private(folder, objective), figures[:1] + figures[2:]
    for name in log.held_out[0].figures if log.held_out else ():
        seen = Series(
            name=f"held-out {name}",
            x=tuple(look.step for look in log.held_out),
            y=tuple(look.figures[name] for look in log.held_out),
        )
        curves.append(Curves(title=f"Held-out {name}", x="step", y=name, series=(seen,)))
    return [Headline(text=text, figures=tuple(figures)), *curves]


def _private(folder: Path, objective: str) -> str:
    """Say what a training promised that kept no figures of its records."""
    from regrowth.weights.loading import lineage  # torch, on first use

    told = json.loads(lineage(folder)["privacy"])
    kept = "; the noise is repeatable, so whoever knows its number is not kept from anything" * told["repeatable"]
    return (
        f"{objective}: trained with differential privacy, ε = {told['epsilon']:.3g}, δ = {told['delta']:g}, for each "
        f"{told['unit']}, in {told['steps']:,} steps{kept}"
    )
