"""SPIN: a model learns to tell people's answers from its own, and so writes more like people, round after round.

Source: Chen et al., 2024, arXiv:2401.01335, algorithm 1; settings of the authors' code as `game=paper`.
Departs from it in six points: λ is 1 or more, so that rounds come closer to the data instead of having to be stopped
early; answers are drawn by the template that is trained, at temperature 1, and get no end token where they were cut;
answers that equal the gold make no pair; gold answers have an anchor; a round that makes held-out gold less likely,
or fewer answers right, is refused; and where gold and own answers cannot be told apart any more, the game is over.

One record on its way:
    prompt    "Tom has 3 pens and buys 4 more. How many pens?"
    response  "3 + 4 = 7"          # gold: in every round
    rejected  "3 + 4 = 8"          # drawn from the model at the start of the round, which is also the reference
"""

from dataclasses import replace

from regrowth.recipes._spin.arms import Arm, How
from regrowth.recipes._spin.game import PAPER, Game, Settings
from regrowth.recipes._spin.looks import look_at, told_apart
from regrowth.recipes._spin.pairs import Gold, gold_of, judged_by, measured
from regrowth.recipes._spin.shown import Outcome, blocks
from regrowth.recipes.evaluation import domains_of
from regrowth.reports.blocks import save
from regrowth.run import Run

__all__ = ["PAPER", "Arm", "Game", "Outcome", "Settings", "arm_of", "spin"]

CONTROLS: dict[str, How] = {"continued SFT": "sft", "DPO, wrong answers": "dpo"}


async def spin(run: Run, settings: Settings) -> Outcome:
    """Return the model after its last accepted round, beside controls with as many rounds, steps and tokens.

    Raises:
        SettingsError: the model has no weights in this process to train.
        DataError: the gold cannot be read, or none of it fits into the context.
    """
    game, gold = await arm_of(run, settings)
    played = {"spin": await game.play(settings.rounds)}
    for name, how in CONTROLS.items() if settings.controls else ():
        control = replace(game, how=how, name=how)
        played[name] = await control.play(len(played["spin"].turns))
    models = {"base": game.start, **{name: one.model for name, one in played.items()}}
    looks = {
        name: await look_at(run, model, gold.unseen, game.right, game.looking, name=f"looking at {name}")
        for name, model in models.items()
    }
    apart = {
        name: await told_apart(run, gold.unseen, looks["base"], looks[name], model, name=f"telling apart: {name}")
        for name, model in models.items()
        if model.digest != game.start.digest
    }
    known = {name: estimate for name, estimate in apart.items() if estimate is not None}
    outcome = Outcome(played["spin"].model, played, await game.look(game.start), looks, known)
    save(run.folder, blocks(outcome))
    return outcome


async def arm_of(run: Run, settings: Settings) -> tuple[Arm, Gold]:
    """Return the game, not yet played, and the gold that it is about."""
    start = run.model(settings.model)
    _ = start.folder  # a model without weights here is refused before anything is drawn
    if settings.data is None:
        settings = settings.model_copy(update={"domains": domains_of(run, settings.domains)})
    gold, opponent, looking = await measured(run, start, gold_of(settings))
    game = Arm(run, start, settings, gold.played, gold.aside, judged_by(run), opponent, looking)
    # The few records of a preview would end the game, and with it the forecast, too soon.
    return replace(game, strict=not run.preview), gold
