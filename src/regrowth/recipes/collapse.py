"""Collapse: what becomes of a model that learns from its own samples, round after round, and what prevents it.

    regrowth run collapse --world gaussian --size 10
    regrowth run collapse --world kde --details.shape line --mixing.real_share 0.3
    regrowth run collapse --world ngram --text novel.txt --details.temperature 0.8

Eight worlds, from a Gaussian to a small transformer, and six arms: what a round is fitted to (`_collapse/arms.py`).
Sources: Shumailov et al. (Nature 631, 2024), Gerstgrasser et al. (arXiv:2404.01413), Kazdan, Schaeffer et al.
(arXiv:2410.16713), Feng et al. (arXiv:2406.07515), He et al. (arXiv:2502.18049). Departs from published code: training
and held-out shapes have the same centres, inputs of the regression are drawn anew each round, every curve has an
interval and, where there is one, its closed form beside it; all of it runs and resumes here.

One repetition on its way, Gaussian, 10 points per round, replaced:
    variance after 1, 10, 100 fits    0.90   0.35   0.00003
"""

import asyncio

from regrowth.recipes._collapse.arms import ARMS, Arm, Mixing
from regrowth.recipes._collapse.choices import Details, Settings, filled
from regrowth.recipes._collapse.expected import expectations
from regrowth.recipes._collapse.pieces import played
from regrowth.recipes._collapse.published import publications
from regrowth.recipes._collapse.rounds import Course
from regrowth.recipes._collapse.shown import Outcome, blocks
from regrowth.recipes._collapse.transformer import written
from regrowth.reports.blocks import save
from regrowth.run import Run

__all__ = ["ARMS", "Arm", "Course", "Details", "Mixing", "Outcome", "Settings", "collapse"]


async def collapse(run: Run, settings: Settings) -> Outcome:
    """Return the course of every arm, with what theory and publications say of it.

    Raises:
        SettingsError: an arm or a detail that the world does not know; a model without weights here.
        DataError: text or published courses cannot be read, or are too few.
    """
    settings = filled(settings)
    dims = settings.details.dims or 1
    known = await asyncio.to_thread(publications, settings.published, dims) if settings.published else []
    courses = await (written if settings.world == "transformer" else played)(run, settings)
    outcome = Outcome(settings, courses, expectations(settings), known)
    save(run.folder, blocks(outcome))
    return outcome
