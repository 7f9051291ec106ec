"""What can be chosen: a world, its details, the arms, and how large all of it is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.errors import SettingsError
from regrowth.core.settings import Frozen
from regrowth.recipes._collapse.arms import ARMS, Arm, Mixing
from regrowth.recipes._collapse.categories import Zipf
from regrowth.recipes._collapse.density import Kernel
from regrowth.recipes._collapse.gaussian import Gaussian
from regrowth.recipes._collapse.images import Digits
from regrowth.recipes._collapse.language import Language
from regrowth.recipes._collapse.mixture import Mixture
from regrowth.recipes._collapse.regression import Regression
from regrowth.recipes._collapse.rounds import World
from regrowth.recipes._collapse.texts import Corpus, documents, exercises, parted

__all__ = ["KINDS", "Details", "Kind", "Name", "Settings", "corpus_of", "filled", "world_of"]

Name: TypeAlias = Literal["gaussian", "gmm", "kde", "regression", "categorical", "ngram", "vae", "transformer"]


class Details(Frozen):
    """Say how a world is made. What a world does not read must be left alone."""

    dims: PositiveInt | None = None
    """Dimensions of `gaussian` (1) or `regression` (10)."""
    ddof: Literal[0, 1] | None = None
    """Taken off the divisor of the variance in `gaussian`: 0, maximum likelihood, or 1, without bias."""
    known: bool | None = None
    """Whether the variance of `gaussian` is known and only its mean fitted."""
    noise: NonNegativeFloat | None = None
    """Standard deviation of the labels of `regression` (1)."""
    types: PositiveInt | None = None
    """Categories of `categorical` (1000)."""
    exponent: PositiveFloat | None = None
    """Zipf's exponent of `categorical` (1)."""
    shape: Literal["line", "blobs", "circles", "moons", "roll"] | None = None
    """What `kde` is fitted to (blobs)."""
    bandwidth: PositiveFloat | Literal["scott", "silverman"] | None = None
    """Width of the kernels of `kde` (0.5), or the rule that chooses it."""
    temperature: PositiveFloat | None = None
    """At which `ngram` and `transformer` write (1)."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Share of the most probable next words that `ngram` and `transformer` draw from (1)."""
    model: str | None = None
    """What `transformer` starts from in every round: `tiny`, `hf:org/name` or a folder (tiny)."""
    steps: PositiveInt | None = None
    """Training steps per round of `transformer` (60) and `vae` (1500)."""


class Settings(Frozen):
    """Say which world loses what, and how it is fed."""

    world: Name = "gaussian"
    """gaussian, gmm, kde, regression, categorical, ngram, vae (digits) or transformer."""
    arms: tuple[Arm, ...] = ()
    """replace, accumulate, subsample, fixed_real, fresh_real, verified; none named takes all that the world knows."""
    rounds: PositiveInt | None = None
    """Fits, the one on real data alone included; nothing takes what suits the world."""
    size: PositiveInt | None = None
    """Real data, and samples per round; nothing takes what suits the world."""
    repeats: int | None = Field(default=None, ge=2)
    """Independent repetitions, the ground of every interval; nothing takes what suits the world."""
    mixing: Mixing = Mixing()
    """Weights of real data, and how well the verifier tells right from wrong."""
    details: Details = Details()
    """How the world is made: dims, ddof, bandwidth, temperature …"""
    text: Path | None = None
    """Real text of `ngram` and `transformer`, a line per document, .gz or not. Nothing takes Python's documentation for
    the one, worked exercises, which the packaged model can write, for the other."""
    published: Path | None = None
    """CSV of published courses of the Gaussian, drawn beside these."""
    seed: NonNegativeInt = 0


class Kind(NamedTuple):
    """What suits a world, and what its reports are about."""

    title: str
    rounds: int
    size: int
    repeats: int
    piece: int
    """Repetitions played side by side: one remembered effect."""
    figure: str
    """What tells of collapse."""
    better: Literal["higher", "lower"]
    reads: tuple[str, ...] = ()
    """Details it reads."""
    make: Callable[..., Any] | None = None
    without: tuple[Arm, ...] = ()
    """Arms it does not know."""


WRITING = ("temperature", "top_p")
KINDS: Mapping[Name, Kind] = {
    "gaussian": Kind("Gaussian", 100, 32, 500, 250, "variance", "higher", ("dims", "ddof", "known"), Gaussian),
    "gmm": Kind("mixture of Gaussians", 20, 200, 20, 10, "real NLL", "lower", (), Mixture),
    "kde": Kind("kernel density", 20, 200, 20, 10, "real NLL", "lower", ("shape", "bandwidth"), Kernel),
    "regression": Kind("linear regression", 20, 100, 200, 100, "excess risk", "lower", ("dims", "noise"), Regression),
    "categorical": Kind(
        "Zipf's categories", 50, 1000, 50, 50, "types", "higher", ("types", "exponent"), Zipf, ("verified",)
    ),
    "ngram": Kind("word trigram", 5, 700, 3, 1, "real NLL", "lower", WRITING, Language),
    "vae": Kind("autoencoder of digits", 5, 1000, 3, 3, "real NLL", "lower", ("steps",), Digits),
    "transformer": Kind("tiny transformer", 3, 200, 2, 1, "real NLL", "lower", (*WRITING, "model", "steps")),
}


def filled(settings: Settings) -> Settings:
    """Return the settings with what suits the world where nothing was chosen.

    Raises:
        SettingsError: an arm that the world does not know, a detail that it does not read, too few data per round.
    """
    kind = KINDS[settings.world]
    given = {name for name, value in settings.details if value is not None}
    if unread := sorted(given - set(kind.reads)):
        known = ", ".join(kind.reads) or "none"
        raise SettingsError(f"details.{unread[0]}: the world {settings.world!r} does not read it. It reads: {known}.")
    if refused := [arm for arm in settings.arms if arm in kind.without]:
        raise SettingsError(f"arms: nothing is right or wrong in {settings.world!r}, so there is no {refused[0]!r}.")
    if settings.text is not None and settings.world not in ("ngram", "transformer"):
        raise SettingsError(f"text: the world {settings.world!r} does not read it; ngram and transformer do.")
    if settings.published is not None and settings.world != "gaussian":
        raise SettingsError(f"published: only for the world gaussian, found {settings.world!r}.")
    suits = {name: getattr(settings, name) or getattr(kind, name) for name in ("rounds", "size", "repeats")}
    least = (settings.details.dims or 10) + 2 if settings.world == "regression" else 2
    if suits["size"] < least:
        raise SettingsError(f"size = {suits['size']}: the world {settings.world!r} needs at least {least} per round.")
    arms = settings.arms or tuple(arm for arm in ARMS if arm not in kind.without)
    return settings.model_copy(update={**suits, "arms": tuple(dict.fromkeys(arms))})


def corpus_of(settings: Settings) -> Corpus:
    """Return the real text in its three parts.

    Raises:
        DataError: it cannot be read, or is too short.
    """
    exercised = settings.world == "transformer" and settings.text is None
    return parted(exercises() if exercised else documents(settings.text))


def world_of(settings: Settings, corpus: Corpus | None = None) -> World[Any, Any]:
    """Return the world that the settings speak of, all but the transformer."""
    kind = KINDS[settings.world]
    assert kind.make is not None, "the transformer has no world of numbers"
    given = {name: value for name, value in settings.details if value is not None}
    if settings.world == "categorical":
        given["size"] = settings.size
    if corpus is not None:
        given["corpus"] = corpus
    made: World[Any, Any] = kind.make(**given)
    return made
