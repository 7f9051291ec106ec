"""`regrowth compare`, as a person meets it on the command line."""

import json
import random
import re
import shutil
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.core.dataset import Dataset
from regrowth.core.record import Record
from regrowth.run import open_run
from support.data import shared_data
from support.people import write_people

WORDS = "correct horse battery staple"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, seed in (("real", 1), ("made", 2), ("unseen", 3)):
        write_people(folder / f"{name}.csv", seed)
    shutil.copy(folder / "real.csv", folder / "copied.csv")
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGROWTH_SIGNING_KEY", raising=False)


def words(data: Path, made: str = "made", *more: str) -> list[str]:
    return [
        "compare", str(data / "real.csv"), str(data / f"{made}.csv"), "--holdout", str(data / "unseen.csv"),
        "--target", "job", *more,
    ]  # fmt: skip


def test_one_command_writes_page_card_description_and_manifest(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(data)) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "made.report"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "croissant.json", "report.html", "report.json", "report.manifest.json"
    ]  # fmt: skip
    assert [line for line in said.splitlines() if line.endswith("…")] == [
        "columns …", "privacy …", "fidelity …", "diversity …", "plots …"
    ]  # fmt: skip
    first = json.loads((folder / "report.json").read_text("utf-8"))["blocks"][0]
    assert first["kind"] == "judgement"
    assert first["text"] in said
    assert re.search(r"report: made\.report/report\.html \(\d+\.\d s, unsigned\)", said)
    card = (folder / "README.md").read_text("utf-8")
    assert "regrowth compare real.csv made.csv --holdout unseen.csv --target job --seed 0" in card
    assert str(data) not in "".join(path.read_text("utf-8") for path in folder.iterdir()), "no path of this machine"
    assert main(["compare", "--verify", str(folder)]) == 0
    assert "4 of 4 files are as they were; unsigned" in capsys.readouterr().out


def test_copies_are_a_stop_and_strict_says_so_with_its_exit_code(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(data, "copied", "--strict", "--out", "one")) == 1
    assert "Stop. Real records can be told from these data." in capsys.readouterr().out
    assert (tmp_path / "one" / "report.html").exists()


def test_a_key_signs_and_is_written_nowhere(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REGROWTH_SIGNING_KEY", WORDS)
    assert main(words(data)) == 0
    assert "signed)" in capsys.readouterr().out
    folder = tmp_path / "made.report"
    assert main(["compare", "--verify", str(folder)]) == 0
    assert "the signature is valid" in capsys.readouterr().out
    (folder / "report.html").write_text("changed")
    assert main(["compare", "--verify", str(folder)]) == 1
    assert "changed: report.html\n3 of 4 files are as they were" in capsys.readouterr().out
    monkeypatch.setenv("REGROWTH_SIGNING_KEY", WORDS + "!")
    assert main(["compare", "--verify", str(folder)]) == 1
    assert "signed with another key" in capsys.readouterr().out
    monkeypatch.delenv("REGROWTH_SIGNING_KEY")
    assert main(["compare", "--verify", str(folder)]) == 1
    assert "not checked: bring the key" in capsys.readouterr().out
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and WORDS in path.read_text("utf-8", "replace")]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--kinds", "age"], 2, "expected COLUMN=KIND"),
        (["--kinds", "age=colour"], 2, "with one of number, date, category, text, identifier"),
        (["--kinds", "nope=number"], 1, "no column 'nope'"),
        (["--target", "nope"], 1, "nope"),
        (["--groups", "nope"], 1, "nope"),
        (["--positive", "yes"], 2, "also needs --target, --groups and --holdout"),
        (["--text", "nope"], 1, "no column 'nope'"),
        (["--key", "absent"], 2, "cannot be read"),
        (["--about", "absent.toml"], 1, "absent.toml: cannot be read"),
        (["--holdout", "absent.csv"], 1, "absent.csv"),
    ],
)
def test_a_wrong_argument_is_told_and_nothing_is_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, said: str
) -> None:
    assert main([*words(data), *more]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nx\ny\n", "no column that can be compared"),
        ("age,job\n", "no rows"),
        ("age\n" + "x\n" * 50, "different types"),
        ("age,pay\n" + ",\n" * 50, "every value is missing"),
        ("age\n" + "5\n" * 10, "10 synthetic records: a comparison needs 20"),
        ("age,age\n1,2\n", "two columns are called 'age'"),
    ],
)
def test_bad_data_are_told_and_nothing_is_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    assert main(["compare", str(data / "real.csv"), "bad.csv"]) == 1
    assert said in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_missing_arguments_and_missing_files_are_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(data / "real.csv")]) == 2
    assert "Name two files" in capsys.readouterr().err
    assert main(["compare", str(data / "real.csv"), "absent.csv"]) == 1
    assert "absent.csv" in capsys.readouterr().err
    assert main(["compare", "--verify", "absent"]) == 1
    assert "Name the folder" in capsys.readouterr().err


def test_a_readme_of_somebody_else_stays(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(words(data, "made", "--out", ".")) == 2
    assert "Choose another --out" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "README.md").read_text() == "mine"


def test_licences_come_from_the_file_that_states_them(data: Path, tmp_path: Path) -> None:
    (tmp_path / "about.toml").write_text('licence = "CC-BY-4.0"\n[[teachers]]\nname = "my-model"\nlicence = "MIT"\n')
    assert main(words(data, "made", "--about", "about.toml", "--no-records")) == 0
    card = (tmp_path / "made.report" / "README.md").read_text("utf-8")
    assert 'license: "cc-by-4.0"' in card
    assert "| my-model | MIT |" in card
    assert "Real records are not shown" in (tmp_path / "made.report" / "report.html").read_text("utf-8")


def test_texts_are_compared_as_texts(tmp_path: Path) -> None:
    chance = random.Random(0)
    stock = ["river", "stone", "cloud", "forest", "lamp", "market", "winter", "garden", "letter", "bridge"]
    for name in ("real", "made"):
        rows = [{"answer": " ".join(chance.choices(stock, k=9)), "n": 1} for _ in range(60)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["compare", "real.jsonl", "made.jsonl", "--text", "answer"]) == 0
    assert "words per text" in (tmp_path / "made.report" / "report.html").read_text("utf-8")
    assert '"text"' in (tmp_path / "made.report" / "README.md").read_text("utf-8")


def test_the_report_of_a_run_has_cards_and_a_signed_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_run(tmp_path / "run") as run:
        run.remember("demo", {})
        Dataset.write(run.folder / "data" / "made-1", [Record.of("Q", response="A", origin="synthetic")])
    (tmp_path / "key").write_text(WORDS)
    assert main(["report", "run", "--key", "key"]) == 0
    assert main(["compare", "--verify", "run", "--key", "key"]) == 0
    assert "the signature is valid" in capsys.readouterr().out
    assert "# made-1" in (tmp_path / "run" / "cards" / "made-1" / "README.md").read_text("utf-8")


def test_the_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    said = capsys.readouterr().out
    assert "regrowth compare train.csv synthetic.csv --holdout unseen.csv" in said
    assert "REGROWTH_SIGNING_KEY" in said


# Real data --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_tables_are_ranked_as_they_deserve(tmp_path: Path) -> None:
    levels = {}
    for made in ("syn_mostly", "syn_flip30"):
        files = [str(shared_data(f"tabular/census2k_{name}.csv.gz")) for name in ("trn", made, "hol")]
        assert main(["compare", *files[:2], "--holdout", files[2], "--target", "income", "--out", made]) == 0
        first = json.loads((tmp_path / made / "report.json").read_text("utf-8"))["blocks"][0]
        levels[made] = (first["level"], first["reasons"][0]["section"])
    assert levels == {"syn_mostly": ("look", "fidelity"), "syn_flip30": ("stop", "privacy")}
