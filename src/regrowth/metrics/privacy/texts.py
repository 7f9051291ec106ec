"""Do synthetic texts give away the texts that their generator was trained on?

    for reading in text_privacy(train, synthetic, holdout):
        reading.measure, reading.of, reading.estimate, reading.null, reading.worse

Nearest texts and verbatim passages, both of `regrowth.metrics.leakage`. What a model knows of single secrets, and of
who was in its training data, is asked of the model: `leakage.exposure`, `leakage.membership`.
"""

from collections.abc import Sequence

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import proportion
from regrowth.metrics.leakage.nearest import text_nearness, text_repeats
from regrowth.metrics.leakage.texts import Embed
from regrowth.metrics.leakage.verbatim import verbatim
from regrowth.metrics.reading import Reading
from regrowth.texts import words

__all__ = ["text_privacy"]

LENGTHS = (10, 25, 50)
LIMIT = 2000
"""Texts that are looked up among all others."""
NO_HOLDOUT = (
    "No hold-out: the DCR share and the passages are missing, as what is common cannot be told from what was copied. "
    "Give real texts that the generator never saw; splitting those it was trained on gives none."
)


def text_privacy(
    real: Sequence[str],
    synthetic: Sequence[str],
    holdout: Sequence[str] | None = None,
    *,
    embed: Embed | None = None,
    lengths: Sequence[int] = LENGTHS,
    limit: int = LIMIT,
    seed: int = 0,
) -> Sequence[Reading]:
    """Measure what synthetic texts give away; the order of the texts does not matter.

    Args:
        real: the texts that the generator was trained on.
        holdout: real texts of the same kind that it never saw.
        embed: maps texts to vectors, for paraphrases; without it texts are compared by their word shingles.
        lengths: of the passages, in words.
        limit: how many texts of each kind are looked up, drawn at random. Identical texts and passages are counted
            over all of them.

    Raises:
        DataError: fewer than three texts of a kind, or not one vector per text.
    """
    sizes = {"real": len(real), "synthetic": len(synthetic), **({} if holdout is None else {"held-out": len(holdout)})}
    if min(sizes.values()) < 3:
        found = ", ".join(f"{count} {name}" for name, count in sizes.items())
        raise DataError(f"{found} texts: expected three of each at least.")
    own, made = sorted(real), sorted(synthetic)
    if holdout is None:
        ratio, null = text_repeats(made, own, embed=embed, limit=limit, seed=seed)
        return [_identical(own, made, None), Reading("nndr", "", ratio, null, NO_HOLDOUT)]
    held = sorted(holdout)
    near = text_nearness(made, own, held, embed=embed, limit=limit, seed=seed)
    note = f"{len(near.asked):,} of {len(made):,} synthetic texts, against all real ones."
    passages = verbatim(made, own, held, lengths=lengths)
    return [
        Reading(
            "dcr_share",
            "",
            near.synthetic.closer,
            near.null.closer,
            f"{note} Without a leak: {near.even:.3f}. A smoke test.",
        ),
        Reading("nndr", "", near.synthetic.ratio, near.null.ratio, note),
        _identical(own, made, held),
        *(
            Reading("verbatim_share", f"{length} words", passages.shares[length], passages.null[length])
            for length in lengths
        ),
    ]


def _identical(real: Sequence[str], synthetic: Sequence[str], holdout: Sequence[str] | None) -> Reading:
    said = [" ".join(words(text)) for text in real]
    known = set(said)
    found = _share(synthetic, known)
    if holdout is not None:
        return Reading("identical_share", "", found, _share(holdout, known))
    counts: dict[str, int] = {}
    for text in said:
        counts[text] = counts.get(text, 0) + 1
    repeated = proportion(sum(counts[text] > 1 for text in said), len(said))
    return Reading("identical_share", "", found, repeated, f"Null: real texts that equal another one. {NO_HOLDOUT}")


def _share(texts: Sequence[str], known: set[str]) -> Estimate:
    return proportion(sum(" ".join(words(text)) in known for text in texts), len(texts))
