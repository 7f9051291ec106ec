"""What a reward model has to beat: chance, length, and a logistic regression on the words of the reply.

All of them give each reply a number, as the reward model does, so all are marked by the same functions. One reply of
the truth judge in the eyes of the regression (logarithms of counts, words and pairs of neighbours):

    "I have no comment."    {"i": 0.69, "have": 0.69, "no": 0.69, "comment": 0.69, "i have": 0.69, …}
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.record import Record

__all__ = ["PENALTIES", "area", "bag_of_words", "length_rule"]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Of which the one that does best on the dev part is taken."""
TIMES = 3
"""Replies of the training part that a word must occur in."""

# B: records, W: words.


def bag_of_words(
    train: Sequence[Record], marked: Callable[[Callable[[Record, str], float]], float]
) -> tuple[Callable[[Record, str], float], float]:
    """Fit the regression: of the pair's difference if records hold pairs, of the label otherwise.

    Args:
        marked: says how well a function from a record and a reply to a number does on the dev part.

    Returns:
        Such a function, and the chosen penalty.
    """
    pairs = bool(train[0].rejected)
    counts = Counter(word for record in train for text in _replies(record) for word in _words(text))
    places = {word: place for place, word in enumerate(word for word, found in counts.items() if found >= TIMES)}
    rows = [_row(record.response, places, 1.0) for record in train]
    if pairs:
        rows = [row + _row(record.rejected, places, -1.0) for row, record in zip(rows, train, strict=True)]
    labels_B = torch.tensor([1.0 if pairs else float(record["label"]) for record in train])
    best: tuple[float, float, Callable[[Record, str], float]] | None = None
    for penalty in PENALTIES:
        weights_W, bias = _fitted(_matrix(rows, len(places)), labels_B, penalty, with_bias=not pairs)
        score = _scorer(dict(zip(places, weights_W, strict=True)), bias)
        if best is None or marked(score) > best[0]:
            best = marked(score), penalty, score
    assert best is not None
    return best[2], best[1]


def length_rule(train: Sequence[Record]) -> Callable[[Record, str], float]:
    """Return the best rule "true if longer (or shorter) than so many characters" for the training part's labels."""
    labelled = sorted((len(record.response), float(record["label"])) for record in train)
    yes = sum(label for _, label in labelled)
    best = max(yes, len(labelled) - yes), 1.0 if yes > len(labelled) - yes else -1.0, -0.5
    shorter_yes = 0.0
    for place, (size, label) in enumerate(labelled, 1):
        shorter_yes += label
        if place == len(labelled) or labelled[place][0] > size:
            right = shorter_yes + (len(labelled) - place) - (yes - shorter_yes)
            best = max(best, (right, -1.0, size + 0.5), (len(labelled) - right, 1.0, size + 0.5))
    _, sign, limit = best
    return lambda record, reply: sign * (len(reply) - limit)


def area(scores: Sequence[float], labels: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often a yes scores above a no, ties by half."""
    order = sorted(zip(scores, labels, strict=True))
    ranks: dict[float, list[int]] = {}
    for rank, (score, _) in enumerate(order, 1):
        ranks.setdefault(score, []).append(rank)
    mean = {score: sum(places) / len(places) for score, places in ranks.items()}
    yes = sum(labels)
    total = sum(mean[score] for score, label in order if label)
    return (total - yes * (yes + 1) / 2) / (yes * (len(order) - yes))


def _replies(record: Record) -> list[str]:
    return [text for text in (record.response, record.rejected) if text]


def _words(text: str) -> dict[str, float]:
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    counts = Counter([*words, *(f"{one} {two}" for one, two in pairwise(words))])
    return {word: math.log1p(count) for word, count in counts.items()}


def _row(text: str, places: dict[str, int], sign: float) -> list[tuple[int, float]]:
    return [(places[word], sign * value) for word, value in _words(text).items() if word in places]


def _matrix(rows: Iterable[list[tuple[int, float]]], width: int) -> Tensor:
    found = [(number, place, value) for number, row in enumerate(rows) for place, value in row]
    where = torch.tensor([[number for number, _, _ in found], [place for _, place, _ in found]])
    values = torch.tensor([value for _, _, value in found])
    size = (1 + max(number for number, _, _ in found), width)
    return torch.sparse_coo_tensor(where, values, size, check_invariants=True).coalesce()


def _fitted(matrix_BW: Tensor, labels_B: Tensor, penalty: float, *, with_bias: bool) -> tuple[list[float], float]:
    weights_W = torch.zeros(matrix_BW.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=with_bias)
    fitter = torch.optim.LBFGS(
        [weights_W, bias] if with_bias else [weights_W], max_iter=200, line_search_fn="strong_wolfe"
    )
    labels_B = labels_B[: matrix_BW.shape[0]]

    def loss() -> Tensor:
        fitter.zero_grad()
        logits_B = (matrix_BW @ weights_W[:, None])[:, 0] + bias
        lost = F.binary_cross_entropy_with_logits(logits_B, labels_B) + penalty * weights_W.square().sum() / 2
        lost.backward()  # type: ignore[no-untyped-call]
        return lost

    fitter.step(loss)  # type: ignore[no-untyped-call]
    return weights_W.detach().tolist(), bias.item()


def _scorer(weights: dict[str, float], bias: float) -> Callable[[Record, str], float]:
    return lambda record, reply: bias + sum(weights.get(word, 0.0) * value for word, value in _words(reply).items())
