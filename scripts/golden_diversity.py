"""Write what vendi-score and prdc make of small data, for the tests of diversity.

    python3.11 -m venv peers && peers/bin/pip install vendi-score==0.0.3 prdc==0.2
    peers/bin/python scripts/golden_diversity.py          # writes tests/golden/diversity.json

The n-gram score is vendi-score's `ngram_vendi_score` word by word, but for its module's other imports (torch, datasets,
nltk, transformers): the mean over runs of 1 to 4 words of the cosines of their counts, and then `vendi.score_K`. Texts
are split at spaces. Inputs stand in the file beside the values.
"""

import json
import random
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parents[1] / "tests" / "golden" / "diversity.json"
WORDS = "abcdefghijklmnopqrstuv"
LENGTHS = (1, 2, 3, 4)


def texts(seed: int, count: int, repeated: int) -> list[str]:
    """Draw texts of 4 to 12 words, some of them more than once."""
    rng = random.Random(seed)
    found = [" ".join(rng.choices(WORDS, k=rng.randint(4, 12))) for _ in range(count - repeated)]
    return found + rng.choices(found, k=repeated)


def ngram_case(seed: int, count: int, repeated: int) -> dict[str, Any]:
    """Return texts and the score of their runs of words."""
    vendi = import_module("vendi_score.vendi")
    counted = import_module("sklearn.feature_extraction.text").CountVectorizer
    normalize = import_module("sklearn.preprocessing").normalize
    given = texts(seed, count, repeated)
    kernels = []
    for n in LENGTHS:
        rows = counted(tokenizer=str.split, ngram_range=(n, n), lowercase=False, token_pattern=None).fit_transform(
            given
        )
        rows = normalize(rows)
        kernels.append((rows @ rows.T).toarray())
    kernel = np.stack(kernels).mean(axis=0)
    return {"texts": given, "vendi": float(vendi.score_K(kernel))}


def vector_case(seed: int, count: int, dimensions: int) -> dict[str, Any]:
    """Return vectors, their scores by both of vendi-score's ways, and what prdc finds beside others."""
    vendi, prdc = import_module("vendi_score.vendi"), import_module("prdc")
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(count, dimensions)).round(4)
    made = (rng.normal(size=(count, dimensions)) * 0.7 + 0.3).round(4)
    return {
        "real": real.tolist(),
        "made": made.tolist(),
        "vendi": float(vendi.score_X(real)),
        "vendi_dual": float(vendi.score_dual(real)),
        "prdc": {k: float(v) for k, v in prdc.compute_prdc(real, made, nearest_k=5).items()},
    }


def main() -> None:
    """Write the file."""
    peers = ("vendi-score", "prdc", "numpy", "scipy", "scikit-learn")
    told = {
        "versions": {name: version(name) for name in peers},
        "ngrams": [ngram_case(0, 30, 0), ngram_case(1, 40, 12)],
        "vectors": [vector_case(0, 30, 4), vector_case(1, 24, 40)],
    }
    OUT.write_text(json.dumps(told, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
