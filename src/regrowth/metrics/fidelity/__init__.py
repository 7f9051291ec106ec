"""Do synthetic data look and behave like the real data they were made from? For tables, and for texts.

| module        | compares                                                          | needs        |
|---------------|-------------------------------------------------------------------|--------------|
| `numbers`     | a column of numbers or dates: mean, variance, quantiles, shape    |              |
| `counts`      | a column of categories; missing values                            |              |
| `trends`      | pairs of columns: correlations, combinations                      |              |
| `samples`     | whole rows: energy distance, maximum mean discrepancy             |              |
| `classifiers` | whole rows: can a classifier tell them apart?                     | scikit-learn |
| `usefulness`  | train on synthetic, test on real                                  | scikit-learn |
| `texts`       | lengths, style, words and runs of words, first words, topics      | scikit-learn |
| `vectors`     | Fréchet distance and MAUVE of texts as vectors                    | scikit-learn |

Every reading has an interval, and a null: what real data read against real data of the same sizes.
Good fidelity is no privacy: a copy of the real table reads best of all.
"""

from regrowth.metrics.fidelity.tables import fidelity
from regrowth.metrics.fidelity.texts import text_fidelity

__all__ = ["fidelity", "text_fidelity"]
