"""Where principles and prompts come from.

principles_of("manners")                        # packaged; "mine.toml" reads a file
trained, held, fresh = prompts_of("", sizes=(600, 150, 600), seed=0)
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

from regrowth.core import layouts
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.domains.manners import questions
from regrowth.seeds.principles import Principle, packaged, read_principles, tagged

__all__ = ["principles_of", "prompts_of"]


def principles_of(name: str) -> tuple[Principle, ...]:
    """Return packaged principles by their name, or those of a file.

    Raises:
        DataError: they cannot be read.
        SettingsError: none is tagged `train`.
    """
    found = read_principles(Path(name)) if "/" in name or name.endswith(".toml") else packaged(name)
    if not tagged(found, "train"):
        raise SettingsError(f"principles = {name}: none is tagged `train`, so there is nothing to learn.")
    return found


def prompts_of(path: str, *, sizes: tuple[int, int, int], seed: int) -> tuple[list[Record], ...]:
    """Return three lists of prompts that share none: to train the reward model, to examine it, to train the policy.

    Raises:
        DataError: the file cannot be read, or holds too few prompts.
    """
    trained, held, fresh = sizes
    if not path:
        known = questions(trained + fresh, seed=seed, split="train")
        return known[:trained], questions(held, seed=seed, split="heldout"), known[trained:]
    found = list({one.prompt: _bare(one) for one in layouts.read(path)}.values())
    if len(found) < sum(sizes):
        raise DataError(
            f"{path}: {len(found)} different prompts, expected {sum(sizes)}: {trained} to train the reward model, "
            f"{held} to examine it, {fresh} for the policy. Lower pairs or rounds, or give more prompts."
        )
    Random(seed).shuffle(found)
    return _parts(found, sizes)


def _bare(record: Record) -> Record:
    return Record(messages=record.messages, attributes=record.attributes, target=record.target, origin=record.origin)


def _parts(found: Sequence[Record], sizes: Sequence[int]) -> tuple[list[Record], ...]:
    rest = iter(found)
    return tuple(list(islice(rest, size)) for size in sizes)
