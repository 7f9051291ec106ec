"""One file per method, named as in its paper. A recipe is a plain async function with a settings object beside it."""

import difflib
import importlib
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.settings import Frozen

__all__ = ["RECIPES", "Recipe", "recipe"]

RECIPES = {
    "execution_feedback": "programs and tests judge each other, failures are mended, and the dialogues teach",
    "translate_code": "functions into another language, kept if they give the same values on the same inputs",
    "document_code": "documentation, kept if code written from it alone behaves like the original",
    "policy_optimization": "rounds of drawing, judging and a few steps: grpo, rloo, or the best of n as pairs",
    "fine_tune": "a file of records trains a model: SFT, DPO, KTO, RPO, SPIN, reward models …",
    "cft": "good answers up, what a negative persona says down; falls back to SFT where that makes garbage",
    "lab": "a taxonomy of seeds and documents becomes checked pairs, leaf by leaf, and a training in phases",
    "nemotron": "topics, prompts, dialogues and replies by models; rated, chosen, aligned; the student teaches next",
    "salmon": "a reward model that reads principles, from synthetic preferences, and a policy trained on it",
    "spin": "a model learns to tell people's answers from its own, and so writes more like people; in rounds",
    "rejection_sampling": "a model's own verified answers train it, beside honest controls",
    "tables": "a real table in, synthetic rows out: by trees, with a promise of privacy, or by a language model",
    "collapse": "a model learns from its own samples, round after round: what is lost, and what prevents it",
    "verify_solutions": "problems and many solutions in, those with the right final answer out",
}


class Recipe(NamedTuple):
    """A method, ready to run."""

    name: str
    function: Callable[..., Coroutine[Any, Any, Any]]
    """Called with a `Run` and the settings."""
    settings: type[Frozen]
    summary: str


def recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Raises:
        SettingsError: there is none of that name; the nearest is named.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"No recipe {name!r}.{hint} Recipes: {', '.join(RECIPES)}.")
    module = importlib.import_module(f"regrowth.recipes.{name}")
    return Recipe(name, getattr(module, name), module.Settings, RECIPES[name])
