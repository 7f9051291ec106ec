"""A file of records and the name of an objective, as a person gives them on the command line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.training.journal import read_log
from regrowth.weights.heads import RewardNetwork
from regrowth.weights.loading import lineage, load
from support.training import additions, make_base

PAIRS = [
    {"prompt": one.prompt, "chosen": one.response, "rejected": one.rejected, "reward_gap": 1.5, "help": 2}
    for one in additions(20, rejected=True)
]
JUDGED = [
    {"prompt": one["prompt"], "completion": one["chosen"], "label": place % 2 == 0} for place, one in enumerate(PAIRS)
]
REPLIES = [{"prompt": one["prompt"], "completion": one["chosen"], "help": 2, "clear": None} for one in PAIRS]
SHORT = ("training.steps=3", "training.tokens_per_batch=200", "training.threads=1")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def written(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def fine_tune(base: Path, folder: Path, rows: Sequence[Mapping[str, object]], *sets: str) -> int:
    data = written(folder / "data.jsonl", rows)
    words = (f"data={data}", f"model={base}", f"out={folder / 'out'}", *SHORT, *sets)
    return main(["run", "fine_tune", "--folder", str(folder / "run"), *(x for word in words for x in ("--set", word))])


@pytest.mark.parametrize(
    ("rows", "sets"),
    [
        (PAIRS, ("objective=dpo", "parameters.beta=0.3")),
        (PAIRS, ("objective=reward_aware",)),
        (JUDGED, ("objective=kto",)),
        (REPLIES, ()),
        (REPLIES, ("parameters.trains=everything",)),
    ],
)
def test_a_file_and_an_objective_give_a_model(
    rows: Sequence[Mapping[str, object]],
    sets: Sequence[str],
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fine_tune(base, tmp_path, rows, *sets) == 0
    assert "report.html" in capsys.readouterr().out
    log = read_log(tmp_path / "out")
    assert (log.records, len(log.losses), log.skipped) == (20, 3, ())
    assert load(tmp_path / "out").digest != load(base).digest


@pytest.mark.parametrize(("rows", "objective"), [(PAIRS, "bradley_terry"), (REPLIES, "attributes")])
def test_a_reward_model_gets_its_head(
    rows: Sequence[Mapping[str, object]], objective: str, base: Path, tmp_path: Path
) -> None:
    more = ('parameters.names=["help", "clear"]',) if objective == "attributes" else ()
    assert fine_tune(base, tmp_path, rows, f"objective={objective}", *more) == 0
    network = load(tmp_path / "out").network
    assert isinstance(network, RewardNetwork)
    assert network.names == (("help", "clear") if more else ("reward",))


def test_held_out_records_choose_the_weights_and_are_in_the_report(base: Path, tmp_path: Path) -> None:
    aside = written(tmp_path / "aside.jsonl", PAIRS[:5])
    sets = (f"held_out={aside}", "objective=dpo", "training.evaluate_every=1", "training.watch=accuracy")
    assert fine_tune(base, tmp_path, PAIRS[5:], *sets) == 0
    assert [look.step for look in read_log(tmp_path / "out").held_out] == [1, 2, 3]
    assert "Held-out accuracy" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_a_private_training_is_set_up_by_a_file_and_its_report_tells_the_promise(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("opacus")
    (tmp_path / "job.toml").write_text(
        f'data = "{written(tmp_path / "data.jsonl", REPLIES)}"\nmodel = "{base}"\nout = "{tmp_path / "out"}"\n'
        "[training]\nsteps = 3\nthreads = 1\nepsilon = 8\ndelta = 1e-3\nrecords_per_step = 4\nnoise_seed = 7\n",
        "utf-8",
    )
    assert main(["run", "fine_tune", str(tmp_path / "job.toml"), "--folder", str(tmp_path / "run")]) == 0
    assert read_log(tmp_path / "out").losses == ()
    promise = json.loads(lineage(tmp_path / "out")["privacy"])
    assert (promise["delta"], promise["steps"], promise["repeatable"]) == (1e-3, 3, True)
    assert promise["epsilon"] <= 8
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "trained with differential privacy" in page
    assert "the noise is repeatable" in page
    assert "epsilon" in (tmp_path / "run" / "run.json").read_text("utf-8"), (
        "the command that repeats it keeps it private"
    )


@pytest.mark.parametrize(
    ("rows", "sets", "told"),
    [
        (PAIRS, ("objective=dppo",), "Did you mean 'dpo'"),
        (PAIRS, ("objective=dpo", "parameters.betta=1"), "no parameter 'betta'"),
        (PAIRS, ("training.step=1",), "training.step: Extra"),
        (PAIRS, ("training.delta=0.001",), "training.epsilon: Field required"),
        (PAIRS, ("training.epsilon=-1",), "training.epsilon: Input should be greater than 0"),
        (REPLIES, ("objective=dpo",), "its rejected is empty"),
        (REPLIES, ("objective=reward_aware",), "hold 'reward_gap'"),
        (PAIRS, ("objective=distillation",), "reads the model 'teacher'"),
        ([], (), "holds no rows"),
    ],
)
def test_what_cannot_be_trained_is_told_and_nothing_is_left_half_done(
    rows: Sequence[Mapping[str, object]],
    sets: Sequence[str],
    told: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fine_tune(base, tmp_path, rows, *sets) in (1, 2)
    assert told in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_not_overwritten(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    assert fine_tune(base, tmp_path, REPLIES) == 2
    assert "is there already" in capsys.readouterr().err
