"""Our side: `python -m benchmarks.trl_parity.ours JOB`.

`train` is called as a user calls it, with its defaults. Only the stream of batches is exchanged, so that a step has
the records of TRL's step; how a step is cut into passes is left to the loop.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.trl_parity.job import BATCH, BETA, CENTRING, RATES, Clock, Job, digest, read


def main() -> None:
    """Train and write what it took."""
    clock, job = Clock(), Job(**json.loads(sys.argv[1]))
    from regrowth.core.record import Record
    from regrowth.training import intake, loop, objectives
    from regrowth.training.settings import TrainingSettings
    from regrowth.weights.loading import load

    clock.mark("imported")
    made: dict[str, Callable[[], objectives.Objective]] = {
        "sft": lambda: objectives.sft,
        "dpo": lambda: objectives.dpo(beta=BETA),
        "reward": lambda: objectives.bradley_terry(centring=CENTRING),
    }
    records = [
        Record.of(row["prompt"], response=row["response"], rejected=row.get("rejected", "")) for row in read(job.data)
    ]
    settings = TrainingSettings(
        steps=len(records) // BATCH,
        learning_rate=RATES[job.method],
        warmup=0,
        threads=job.threads,
        checkpoint_every=10**6,
    )
    seen: list[Any] = []
    loop.batches = in_order(clock, seen)  # type: ignore[attr-defined]
    intake.beside = timed(intake.beside, clock)  # type: ignore[attr-defined]
    log = loop.train(
        load(job.folder),
        records,
        made[job.method](),
        settings,
        out=Path(job.scratch) / "out",
        scratch=Path(job.scratch) / "checkpoints",
        lineage={},
        on_step=lambda step, facts: clock.mark("last step"),
    )
    clock.mark("done")
    assert not log.skipped, log.skipped
    (rows,) = seen
    ids = [rows.ids[start:end] for start, end in zip(rows.starts[:-1], rows.starts[1:], strict=True)]
    clock.write(job, losses=log.losses, tokens=log.tokens, rows=digest(ids))


def in_order(clock: Clock, seen: list[Any]) -> Callable[..., Iterator[Any]]:
    """Return a stream of batches that takes the records as they come, eight at a time."""
    import numpy as np

    from regrowth.training.batches import Batch, Position

    def batches(rows: Any, **_: Any) -> Iterator[Batch]:
        seen.append(rows)
        clock.mark("first step")
        for number in range(len(rows) // BATCH):
            yield Batch(np.arange(number * BATCH, (number + 1) * BATCH), Position(0, number + 1))

    return batches


def timed(beside: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    """Note when the reference is computed: that is work, not start-up."""

    def noted(*arguments: Any) -> Any:
        clock.mark("reference begins")
        rows = beside(*arguments)
        clock.mark("reference ends")
        return rows

    return noted


if __name__ == "__main__":
    main()
