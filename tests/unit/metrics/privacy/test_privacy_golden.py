"""What peers read of the same tables: see scripts/golden_privacy.py."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.leakage.nearest import text_nearness
from regrowth.metrics.leakage.tables import Floats, Space
from regrowth.metrics.privacy.neighbours import approached, guessed
from regrowth.metrics.privacy.risk import Successes, chance, risk
from regrowth.metrics.privacy.singling import singled_out

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "privacy.json").read_text())
SDMETRICS, ANONYMETER, MOSTLY = (GOLDEN[name] for name in ("sdmetrics", "anonymeter", "mostlyai"))


def columns(table: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return a table of the file with its dates as dates; noise has moments, and truth values as they come."""
    dates = [dt.datetime.fromisoformat(day) for day in table["joined"]]
    return {**table, "joined": dates, "member": [bool(one) for one in table["member"]]}


def tables(*names: str) -> tuple[Table, ...]:
    found = {**GOLDEN["tables"], "noise": SDMETRICS["noise"]}
    return aligned(*(columns(found[name]) for name in names)).tables


def nearest(reference: str, asked: str) -> Floats:
    space = Space.of(tables(reference, asked), scale=(0,))  # SDMetrics: the range of the reference alone
    found: Floats = space.distances(1, 0)(np.arange(len(space.parts[1]))).min(axis=1)
    return found


@pytest.mark.parametrize("reference", ["train", "holdout"])
def test_distances_are_those_of_sdmetrics(reference: str) -> None:
    assert nearest(reference, "synthetic") == pytest.approx(np.array(SDMETRICS["dcr"][reference]), abs=1e-6)


def test_the_share_is_that_of_overfitting_protection_but_for_ties() -> None:
    near, far = nearest("train", "synthetic"), nearest("holdout", "synthetic")
    share = SDMETRICS["overfitting"]["synthetic_data_percentages"]["closer_to_training"]
    assert float((near < far).mean()) == pytest.approx(share, abs=1e-6)
    assert min(2 * (1 - float((near < far).mean())), 1) == pytest.approx(SDMETRICS["overfitting"]["score"], abs=1e-6)


def test_baseline_protection_is_a_ratio_of_our_distances() -> None:
    """Not a reading of ours: rows that are nearer than noise may be copies, and may be good."""
    medians = [float(np.median(nearest("train", asked))) for asked in ("synthetic", "noise")]
    known = SDMETRICS["baseline"]["median_DCR_to_real_data"]
    assert medians == pytest.approx([known["synthetic_data"], known["random_data_baseline"]], abs=1e-6)
    assert medians[0] / medians[1] == pytest.approx(SDMETRICS["baseline"]["score"], abs=1e-6)


def test_share_and_ratio_are_those_of_mostlyai() -> None:
    """Its distance of unit vectors is √(2 - 2 cos): the order is the cosine's."""
    sets = {name: np.array(one) for name, one in MOSTLY["vectors"].items()}
    said = {name: [f"{name} {row}" for row in range(60)] for name in sets}
    vectors = {text: sets[name][row] for name, texts in said.items() for row, text in enumerate(texts)}
    found = text_nearness(
        said["synthetic"], said["train"], said["holdout"], embed=lambda texts: [vectors[text] for text in texts]
    )
    assert found.synthetic.closer.value == pytest.approx(MOSTLY["share"], abs=1e-6)
    assert found.synthetic.identical.value == pytest.approx(MOSTLY["identical"], abs=1e-6)
    assert np.sqrt(2 * found.distances) == pytest.approx(np.array(MOSTLY["dcr"]), abs=2e-3)  # rounded below 1e-6 to 0
    apart = found.distances > 0
    ratios = np.array(MOSTLY["nndr"])
    assert ratios[~apart].max() < 1e-6
    # theirs of lengths is the root of ours of cosines; ours takes the mean over all, theirs the tenth smallest
    assert found.synthetic.ratio.value == pytest.approx(float((ratios[apart] ** 2).sum()) / 60, abs=1e-5)


def complete() -> tuple[Table, ...]:
    """Return the tables without the column with missing values, whose neighbours anonymeter does not find."""
    given = GOLDEN["tables"]
    # dates are names to anonymeter
    return aligned(
        *({k: v for k, v in given[name].items() if k != "income"} for name in ("train", "synthetic", "holdout")),
        kinds={"joined": "category", "member": "category"},
    ).tables


def agrees(hits: tuple[Successes, Successes], peer: dict[str, Any]) -> None:
    """Check counts, where draws and ties leave some freedom, and the risk within the intervals."""
    for ours, theirs in zip(hits, (peer["hits"], peer["control"]), strict=True):
        assert abs(ours.hits / ours.of - theirs / peer["attacks"]) < 0.07
    found = risk(*hits)
    assert found.low <= peer["risk"][0] <= found.high
    assert peer["risk"][1] <= found.value <= peer["risk"][2]


def test_linking_succeeds_as_often_as_in_anonymeter() -> None:
    real, made, held = complete()
    space = Space.of((real, made, held))
    peer = ANONYMETER["linkability"]
    counts = []
    for side in (0, 2):
        found = approached(space, targets=side, synthetic=1, places=np.arange(150), halves=peer["halves"], secrets=())
        counts.append(Successes(int(found.linked.sum()), 150))
    agrees((counts[0], counts[1]), peer)


@pytest.mark.parametrize("secret", sorted(ANONYMETER["inference"]))
def test_guesses_are_right_as_often_as_in_anonymeter(secret: str) -> None:
    real, made, held = complete()
    space, tables_ = Space.of((real, made, held)), (real, made, held)
    counts = []
    for side in (0, 2):
        found = approached(space, targets=side, synthetic=1, places=np.arange(150), halves=((), ()), secrets=[secret])
        counts.append(guessed(secret, tables_[side], made, np.arange(150), found.guesses[secret]))
    agrees((counts[0], counts[1]), ANONYMETER["inference"][secret])


@pytest.mark.parametrize("mode", ["univariate", "multivariate"])
def test_predicates_single_out_as_often_as_in_anonymeter(mode: str) -> None:
    peer = ANONYMETER["singling_out"][mode]
    rng = np.random.default_rng(0)
    real, made, held = complete()
    width = 1 if mode == "univariate" else 3
    found = singled_out(real, made, held, columns=width, attacks=peer["attacks"], rng=rng)
    assert found is not None
    if mode == "univariate":
        # Every predicate there is, and no draw: anonymeter found as many, but divides by the attacks asked for.
        assert (found.attack.hits, found.control.hits) == (peer["hits"], peer["control"])
        return
    agrees((found.attack, found.control), peer)
    assert chance(found.control, 400).high < risk(found.attack, found.control).low
