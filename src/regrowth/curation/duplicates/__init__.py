"""Duplicates: which records say what another one says, which of them stays, and why.

    from regrowth.curation.duplicates import Index, Near, near_duplicates

    found = near_duplicates(records)                    # inside a dataset: an Examination
    found = near_duplicates(first, second)              # across datasets
    found = Index(folder).add(records, "round 3")       # against all earlier rounds, which are not read again
    kept, refused = parted(records, found)

Texts are equal (in their normalised form), nearly equal (Jaccard similarity of their shingles, counted, not estimated),
or mean the same (cosine of vectors, if asked for). Needs numpy.
"""

from regrowth.curation.duplicates.embedding import HashedGrams, local_model
from regrowth.curation.duplicates.examination import clusters, near_duplicates, said
from regrowth.curation.duplicates.index import Index
from regrowth.curation.duplicates.semantic import Embedding, Semantic
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.standing import Standing, standing
from regrowth.curation.duplicates.twins import KINDS, Twins, twins

__all__ = [
    "KINDS", "Embedding", "HashedGrams", "Index", "Near", "Semantic", "Standing", "Twins", "clusters", "local_model",
    "near_duplicates", "said", "standing", "twins",
]  # fmt: skip
