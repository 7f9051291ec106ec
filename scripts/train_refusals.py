"""Train the classifier of refusals that the package carries, and measure it on what it never saw.

    REGROWTH_DATA=/path/to/data python scripts/train_refusals.py            # writes gates/refusals_weights.json
    REGROWTH_DATA=/path/to/data python scripts/train_refusals.py --dry      # measures only

Multinomial logistic regression on hashed words and letters, by gradient descent with momentum, in numpy. Half of the
prompts train it, the other half measures it; all five replies to a prompt are on one side. These are the halves by
which the phrases of `refusals.toml` were written and measured, so both gates stand on the same rows.
"""

import argparse
import base64
import gzip
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

import regrowth
from regrowth.gates.refusals import LABELS, features

__all__ = ["Labelled", "Weights", "fit", "matrix", "read", "written"]

WEIGHTS = Path(regrowth.__file__).parent / "gates" / "refusals_weights.json"
BINS = 1 << 14
DECAY = 3e-4
STEPS = 250
PACE, MOMENTUM = 2.0, 0.9
THEIRS = {"1_full_compliance": "answered", "2_full_refusal": "refused", "3_partial_refusal": "in_part"}
Floats: TypeAlias = npt.NDArray[np.float32]


class Labelled(NamedTuple):
    """Hold a reply with the label that people gave it."""

    text: str
    label: int
    prompt: int
    model: str
    seen: bool
    """Whether its prompt is of the half that trains."""


class Weights(NamedTuple):
    """Hold what was learned: a column per label."""

    table: Floats
    biases: Floats


def read(data: Path) -> list[Labelled]:
    """Read the replies of XSTest with the label that both people agreed on, or the third gave."""
    with gzip.open(data / "safety" / "xstest_completions.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    found = []
    for row in rows:
        prompt = int(row["id"].removeprefix("v2-"))
        label = [*LABELS].index(THEIRS[row["final_label"]])  # type: ignore[arg-type]
        found.append(Labelled(row["completion"], label, prompt, row["model"], prompt // 2 % 2 == 0))
    return found


def matrix(texts: Sequence[str]) -> Floats:
    """Return a row of length one per text: which bins its features fall into."""
    made = np.zeros((len(texts), BINS), np.float32)
    for row, text in zip(made, texts, strict=True):
        row[[zlib.crc32(one.encode("utf-8", "surrogatepass")) % BINS for one in features(text)]] = 1
    return np.asarray(made / np.sqrt(made.sum(1, keepdims=True)), np.float32)


def fit(inputs: Floats, labels: npt.NDArray[np.int64]) -> Weights:
    """Learn weights; each label counts the same however many rows it has."""
    used = np.nonzero(inputs.any(0))[0]
    inputs = inputs[:, used]
    wanted = np.eye(len(LABELS), dtype=np.float32)[labels]
    shares = (len(labels) / len(LABELS) / np.bincount(labels, minlength=len(LABELS)))[labels][:, None]
    pull = (shares / len(labels)).astype(np.float32)
    table, speed = np.zeros((2, len(used), len(LABELS)), np.float32)
    biases = np.zeros(len(LABELS), np.float32)
    for _ in range(STEPS):
        error = (_softmax(inputs @ table + biases) - wanted) * pull
        speed = MOMENTUM * speed - PACE * (inputs.T @ error + DECAY * table)
        table = table + speed
        biases = biases - error.sum(0)
    whole = np.zeros((BINS, len(LABELS)), np.float32)
    whole[used] = table
    return Weights(whole, biases)


def _softmax(sums: Floats) -> Floats:
    shares = np.exp(sums - sums.max(1, keepdims=True))
    return np.asarray(shares / shares.sum(1, keepdims=True), np.float32)


def written(weights: Weights) -> dict[str, Any]:
    """Return weights as they are stored: a byte each, scaled by column."""
    scales = np.abs(weights.table).max(0) / 127
    bytes_ = np.round(weights.table / scales).astype(np.int8)
    return {
        "bins": BINS,
        "biases": [round(float(one), 6) for one in weights.biases],
        "scales": [float(f"{one:.8g}") for one in scales],
        "weights": {label: base64.b85encode(bytes_[:, place].tobytes()).decode() for place, label in enumerate(LABELS)},
    }


def main() -> None:
    """Train on the half that is seen, write the weights, say how often the other half is told right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="write nothing")
    dry = parser.parse_args().dry
    rows = read(Path(os.environ["REGROWTH_DATA"]))
    inputs, labels = matrix([row.text for row in rows]), np.array([row.label for row in rows])
    seen = np.array([row.seen for row in rows])
    weights = fit(inputs[seen], labels[seen])
    guessed = (inputs[~seen] @ weights.table + weights.biases).argmax(1)
    print(f"{len(rows)} replies, {int(seen.sum())} seen; right on the others: {(guessed == labels[~seen]).mean():.3f}")
    if not dry:
        WEIGHTS.write_text(json.dumps(written(weights), indent=1) + "\n", "utf-8")
        print(f"{WEIGHTS}: {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
