"""Worlds of collapse without closed forms: kernels on shapes, a mixture, the trigram, the autoencoder, the transformer.

Part of `python -m benchmarks.collapse`.
"""

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.collapse_rows import courses, ordered, summary, timed
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes.collapse import Course

DATA = Path(os.environ.get("REGROWTH_DATA", "../shared/data"))
ORDER = ("replace", "subsample", "accumulate")
BETWEEN = ("replace", "verified", "accumulate")
Arms = tuple[str, ...]


def shapes() -> dict[str, Any]:
    """Held-out real NLL of kernels by width on four shapes, and the mixture of three Gaussians; 20 seeds."""
    arms: Arms = ("replace", "accumulate", "subsample", "fixed_real", "fresh_real", "verified")
    told: dict[str, Any] = {"mixture": summary(courses("gmm", world="gmm", arms=arms))}
    some: Arms = ("replace", "accumulate", "subsample")
    for shape, widths in (
        ("blobs", (0.1, 0.5, 1.0, "scott", "silverman")),
        ("circles", (0.05, 0.1)),
        ("moons", (0.05, 0.1)),
        ("roll", (0.05, 0.1)),
    ):
        for width in widths:
            name = f"kernel-{shape}-{width}"
            details = {"shape": shape, "bandwidth": width}
            found = courses(name, world="kde", arms=some, rounds=20, repeats=10, details=details)
            told[f"{shape}, {width}"] = summary(found)
    return told


def words() -> Iterable[tuple[str, Any]]:
    """Yield the tables of the trigram and of the autoencoder."""
    sources = {"docstrings": None, "wikitext": str(DATA / "text" / "wikitext2_valid.txt.gz")}
    for name, text in sources.items():
        yield f"trigram, {name}", timed(lambda name=name, text=text: trigram(name, text))  # type: ignore[misc]
    yield "autoencoder", timed(autoencoder)


def trigram(name: str, text: str | None) -> dict[str, Any]:
    """Five seeds, ten rounds, 700 documents; all arms at T = 1, two of them with decoding that cuts."""
    base = {"world": "ngram", "rounds": 10, "repeats": 5, **({"text": text} if text else {})}
    plain = courses(f"trigram-{name}", **base)
    cut = {
        label: courses(f"trigram-{name}-{label}", arms=("replace", "accumulate"), details=details, **base)
        for label, details in (("T = 0.8", {"temperature": 0.8}), ("top-p 0.9", {"top_p": 0.9}))
    }
    orders = [one for t in (5, 10) for order in (ORDER, BETWEEN) for one in ordered(plain, order, "real NLL", t)]
    speeds = {
        label: {
            str(t): asdict(across_seeds([*(_fallen(found["replace"], t) / _fallen(plain["replace"], t))]))
            for t in (2, 5, 10)
        }
        for label, found in cut.items()
    }
    lost = {
        label: {
            str(t): asdict(across_seeds([*(_lost(found["replace"], t) / _lost(plain["replace"], t))]))
            for t in (2, 5, 10)
        }
        for label, found in cut.items()
    }
    told = {"T = 1": summary(plain), **{label: summary(found) for label, found in cut.items()}}
    return {"orders": orders, "speed in real NLL": speeds, "speed in types lost": lost, **told}


def _fallen(course: Course, t: int) -> np.ndarray[Any, Any]:
    return course.at("real NLL", t) - course.at("real NLL", 1)


def _lost(course: Course, t: int) -> np.ndarray[Any, Any]:
    return np.log(course.at("types", 1) / course.at("types", t))


def autoencoder() -> dict[str, Any]:
    """Five seeds, five rounds, 1,000 images."""
    found = courses("vae", world="vae", repeats=5)
    return {
        "orders": [one for order in (ORDER, BETWEEN) for one in ordered(found, order, "real NLL", 5)],
        **summary(found),
    }


def transformer() -> Iterable[tuple[str, Any]]:
    """Yield the table of the small transformer; then, besides, of its replaced rounds with a decoder that cuts."""
    settings = {"world": "transformer", "repeats": 3, "size": 120, "rounds": 5}
    arms: Arms = ("replace", "accumulate", "subsample", "verified")

    def plain() -> dict[str, Any]:
        found = courses("transformer", arms=arms, details={"steps": 25}, **settings)
        orders = [one for order in (ORDER, BETWEEN) for one in ordered(found, order, "real NLL", 5)]
        return {"orders": orders, "T = 1": summary(found)}

    def cut() -> dict[str, Any]:
        found = courses("transformer", arms=("replace",), details={"steps": 25}, **settings)
        cut = courses("transformer-cut", arms=("replace",), details={"steps": 25, "top_p": 0.9}, **settings)
        speed = across_seeds([*(_fallen(cut["replace"], 5) / _fallen(found["replace"], 5))])
        return {"speed, top-p 0.9": asdict(speed), "top-p 0.9": summary(cut)}

    yield "transformer", timed(plain)
    yield "transformer, cut", timed(cut)
