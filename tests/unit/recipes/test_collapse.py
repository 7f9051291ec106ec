"""The recipe of collapse: what can be chosen, what is remembered, what the page says."""

from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.recipes._collapse import pieces
from regrowth.recipes._collapse.arms import ARMS, TITLES
from regrowth.recipes._collapse.choices import KINDS, Name, filled, world_of
from regrowth.recipes._collapse.expected import expectations
from regrowth.recipes._collapse.pieces import programs
from regrowth.recipes._collapse.published import publications
from regrowth.recipes.collapse import Outcome, Settings, collapse
from regrowth.reports.blocks import Curves, Facts, Headline, Scores, Text, load
from regrowth.run import open_run
from support.data import shared_data

HEADER = (
    "setting,dim,samples_per_iteration,initial_noise,iteration,runs,"
    "trace_ratio_mean,trace_ratio_median,squared_error_of_mean\n"
)


def played(folder: Path, preview: int = 0, **settings: Any) -> tuple[Outcome, int]:
    small = {"rounds": 3, "size": 8, "repeats": 4}
    with open_run(folder, preview=preview) as run:
        outcome = run.wait(collapse(run, Settings.model_validate({**small, **settings})))
        return outcome, run.store.new_effects


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"world": "gmm", "details": {"ddof": 1}}, "details.ddof: the world 'gmm' does not read it. It reads: none"),
        ({"world": "kde", "details": {"types": 5}}, "It reads: shape, bandwidth"),
        ({"world": "categorical", "arms": ["verified"]}, "nothing is right or wrong in 'categorical'"),
        ({"world": "vae", "text": "novel.txt"}, "text: the world 'vae' does not read it"),
        ({"world": "regression", "size": 11}, "size = 11: the world 'regression' needs at least 12 per round"),
        ({"size": 1}, "needs at least 2 per round"),
        ({"world": "vae", "published": "a.csv"}, "published: only for the world gaussian"),
    ],
)
def test_what_a_world_does_not_know_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        filled(Settings.model_validate(given))


@pytest.mark.parametrize("name", KINDS)
def test_every_world_has_what_suits_it(name: str) -> None:
    settings = filled(Settings.model_validate({"world": name}))
    assert settings.rounds is not None
    assert settings.arms == tuple(arm for arm in ARMS if arm not in KINDS[settings.world].without)
    assert filled(settings) == settings
    assert filled(Settings.model_validate({"world": name, "rounds": 2, "arms": ["replace"]})).rounds == 2


def test_every_arm_is_played_measured_and_told(tmp_path: Path) -> None:
    outcome, effects = played(tmp_path)
    assert effects == len(ARMS) == len(outcome.courses)
    blocks = load(tmp_path)
    assert {type(block) for block in blocks} == {Headline, Text, Scores, Curves, Facts}
    (scores,) = (block for block in blocks if isinstance(block, Scores))
    assert [arm.name for arm in scores.arms][:2] == ["real data, one fit", "replace"]
    titles = [block.title for block in blocks if isinstance(block, Curves)]
    assert titles[:2] == ["Variance, measured", "Variance, theory"]
    for arm, course in outcome.courses.items():
        shown_arm = next(one for one in scores.arms if one.name == TITLES[arm])
        seen, expected = shown_arm.estimates["variance"], course.estimate("variance", 3)
        assert (seen.value, seen.low, seen.high) == (expected.value, max(0, expected.low), expected.high)


def test_more_repetitions_keep_what_was_played(tmp_path: Path) -> None:
    few, _ = played(tmp_path, repeats=250, arms=["replace"])
    more, effects = played(tmp_path, repeats=500, arms=["replace", "accumulate"])
    assert effects == 3  # the second half of one arm, both halves of the other
    first = more.courses["replace"].at("variance", 3)[:250]
    assert (first == few.courses["replace"].at("variance", 3)).all()


def test_what_reaches_a_figure_reaches_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(tmp_path, arms=["replace"])[1] == 1
    assert played(tmp_path, arms=["replace"])[1] == 0
    for change in ({"seed": 1}, {"size": 9}, {"rounds": 4}, {"details": {"ddof": 1}}, {"mixing": {"real_share": 0.5}}):
        assert played(tmp_path, arms=["replace"], **change)[1] == 1
    monkeypatch.setattr(pieces, "_code", lambda world: "edited")
    assert played(tmp_path, arms=["replace"])[1] == 1


def test_the_programs_that_make_a_figure_are_those_that_its_world_is_made_of() -> None:
    def of(world: Name) -> set[str]:
        return {name.removeprefix("regrowth.") for name in programs(world)}

    shared = {f"recipes._collapse.{name}" for name in ("arms", "samples", "rounds")}
    assert of("gaussian") == shared | {"recipes._collapse.gaussian"}
    assert of("vae") == shared | {f"recipes._collapse.{name}" for name in ("images", "density", "shapes")}
    assert {"recipes._collapse.language", "recipes._collapse.texts", "metrics.collapse.ngram"} <= of("ngram")


def test_a_preview_shows_the_arms_it_played(tmp_path: Path) -> None:
    outcome, effects = played(tmp_path, preview=2)
    assert (len(outcome.courses), effects) == (2, 2)
    assert isinstance(load(tmp_path)[0], Headline)


@pytest.mark.parametrize(
    ("world", "details", "figures"),
    [
        ("gaussian", {}, {"variance", "error of the mean", "log variance"}),
        ("gaussian", {"ddof": 1, "dims": 2}, set()),
        ("gaussian", {"known": True}, set()),
        ("categorical", {}, {"simpson"}),
        ("regression", {}, {"excess risk"}),
        ("kde", {"shape": "line"}, {"variance"}),
        ("kde", {}, set()),
        ("gmm", {}, set()),
    ],
)
def test_theory_speaks_of_figures_that_are_measured(world: str, details: dict[str, Any], figures: set[str]) -> None:
    settings = filled(Settings.model_validate({"world": world, "details": details, "rounds": 4}))
    found = expectations(settings)
    assert set(found) == figures
    assert all(len(values) == 4 for arms in found.values() for values in arms.values())
    assert world_of(settings) == world_of(settings)


@pytest.mark.parametrize("world", [name for name in KINDS if name not in ("vae", "transformer", "gaussian")])
def test_worlds_play_through_the_recipe(world: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(
        "\n".join(f"a line of {k} and then {k % 7} words that {k % 5} people wrote" for k in range(99)), "utf-8"
    )
    more: dict[str, Any] = {"text": text} if world == "ngram" else {}
    outcome, _ = played(tmp_path / "run", world=world, size=30, repeats=2, arms=["replace", "fixed_real"], **more)
    assert set(outcome.courses) == {"replace", "fixed_real"}


def test_kernels_are_better_where_the_variance_stays_low(tmp_path: Path) -> None:
    played(tmp_path, world="kde", details={"shape": "line"}, size=50, arms=["replace", "accumulate"], rounds=5)
    headline, _, scores, *_ = load(tmp_path)
    assert isinstance(scores, Scores)
    assert scores.measures[0].better == "lower"
    assert isinstance(headline, Headline)
    assert headline.text.endswith("(accumulate)")


def test_published_courses_stand_beside_ours(tmp_path: Path) -> None:
    file = tmp_path / "published.csv"
    file.write_text(
        HEADER + "Replace,1,8,1,1,100,0.9,0.9,0.1\nReplace,1,8,1,3,100,0.7,0.7,0.3\nReplace,3,8,1,1,9,1,1,1\n"
    )
    played(tmp_path / "run", published=file)
    curves = {block.title: block for block in load(tmp_path / "run") if isinstance(block, Curves)}
    theirs, ours = curves["Variance, published"], curves["Variance, ours"]
    assert [line.y for line in theirs.series] == [(0.9, 0.7)]
    assert [line.name for line in ours.series] == ["replace"]
    file.write_text("setting,dim\nReplace,1\n")
    with pytest.raises(DataError, match="no column 'iteration'"):
        publications(file)


def test_the_published_runs_can_be_read() -> None:
    points = publications(shared_data("results/collapse_gaussian_replace_vs_accumulate.csv"))
    assert len(points) == 72
    assert {one.size for one in points} == {10, 32, 100, 316}
    replaced = next(one for one in points if (one.arm, one.size, one.round) == ("replace", 100, 100))
    assert (replaced.variance, replaced.median) == (0.30873, 0.14093)


@pytest.mark.slow
def test_a_transformer_learns_from_its_own_texts(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(
        "\n".join(f"there are {k} pens in box {k % 9} and {k % 5} more on the table" for k in range(150)), "utf-8"
    )
    arms = ["replace", "accumulate", "subsample", "fixed_real", "fresh_real", "verified"]
    settings: dict[str, Any] = {
        "world": "transformer",
        "text": text,
        "size": 40,
        "rounds": 2,
        "repeats": 2,
        "details": {"steps": 2},
    }
    outcome, effects = played(tmp_path / "run", **settings, arms=arms, mixing={"keep_wrong": 0.9})
    assert effects > 0
    assert played(tmp_path / "run", **settings, arms=arms, mixing={"keep_wrong": 0.9})[1] == 0
    nll = {arm: course.figures["real NLL"] for arm, course in outcome.courses.items()}
    assert len({values[:, 0].tobytes() for values in nll.values()}) == 1  # all arms begin with one fit on real texts
    assert len({values[:, 1].tobytes() for values in nll.values()}) == len(arms)
