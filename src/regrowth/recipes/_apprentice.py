"""The packaged model learns a trade first: a short training on worked examples of the roles that a recipe gives it.

    writer = await apprentice(run, run.model("tiny"), lessons, steps=200)

A large model is told what to do in a prompt. A model of a million parameters is not, so recipes that run on it by
default teach it their prompts with examples that a program makes; from there on both go the same way.
"""

from collections.abc import Iterable

from regrowth.core.record import Record
from regrowth.models.model import RememberedModel
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = ["apprentice"]


async def apprentice(
    run: Run,
    model: RememberedModel,
    lessons: Iterable[Record],
    *,
    name: str = "apprentice",
    steps: int = 200,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> RememberedModel:
    """Return the model after a training on lessons: records with the response that each prompt asks for."""
    how = TrainingSettings(
        steps=steps, learning_rate=learning_rate, tokens_per_batch=2048, schedule="cosine", warmup=10, seed=seed
    )
    return await run.afit(model, run.write(name, lessons), how, name=name)
