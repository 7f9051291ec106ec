"""What a game of SPIN is played with: the settings of the recipe, and the authors' own as a preset.

Settings(game="paper", learning_rate=5e-7, rounds=4)       # λ .1, .1, .1, 5; rates 5e-7, 5e-7, 1e-7, 1e-7
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.settings import Frozen

__all__ = ["PAPER", "Game", "Settings"]

Several = Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]


class Game(Frozen):
    """Say how a round is played. Lists hold one number per round; the last one stays."""

    strengths: Several = (1.0, 1.0, 2.0, 5.0)
    """λ: how small a step a round takes. A round solved to its end multiplies the error by 1 - 1/λ: 0.5 and below
    never arrive, unless they are stopped early."""
    rates: Several = (1.0,)
    """Shares of the learning rate."""
    opponents: Literal[1, 2] = 1
    """Whose answers are told from the gold: those of this round's start, or of the round before it as well."""
    gold_weight: NonNegativeFloat = 1.0
    """Of the gold answers' mean negative log-likelihood per token: an anchor against gold that becomes less likely."""
    only_wrong: bool = False
    """Whether an opponent's answer must be wrong to be played against."""
    optimizer: Literal["adamw", "rmsprop"] = "adamw"


PAPER = Game(
    strengths=(0.1, 0.1, 0.1, 5.0), rates=(1.0, 1.0, 0.2, 0.2), opponents=2, gold_weight=0, optimizer="rmsprop"
)
"""What the authors' configurations say, but for the schedule: theirs falls in a line, ours along a cosine."""


def _game(value: object) -> object:
    return PAPER if value == "paper" else {} if value == "default" else value


class Settings(Frozen):
    """Say what is played for, by whom, and how long."""

    model: str = "tiny"
    """The model that plays against itself: `tiny`, `hf:org/name` or a folder, already trained on such answers."""
    data: Path | None = None
    """File of gold answers in any layout, or a dataset; nothing takes worked examples of the generated domains."""
    domains: tuple[str, ...] = ()
    """Where these come from; none named takes all whose answers can be checked on this machine."""
    real: PositiveInt = 400
    """Gold answers, at most. They count as real data: never dropped from any mix."""
    samples: PositiveInt = 1
    """Answers of the opponent to each prompt and round, drawn at temperature 1."""
    rounds: PositiveInt = 3
    """How often the model plays against itself, at most: a refused round, or answers that cannot be told from the gold
    any more, end the game."""
    steps: PositiveInt = 20
    """Training steps per round."""
    learning_rate: PositiveFloat = 2e-4
    """Its peak, the same for every arm; each round falls to a tenth along a cosine."""
    game: Annotated[Game, BeforeValidator(_game)] = Game()
    """`default`, `paper`, or settings of the game."""
    heldout: PositiveInt = 400
    """Prompts for the evaluation, disjoint from all others; of a file a quarter at most."""
    controls: bool = True
    """Whether to train the controls: continued SFT on the gold, and DPO against the start's wrong answers."""
    seed: NonNegativeInt = 0
