"""The command line as a person meets it: what works, and every way it is told that something does not."""

import contextlib
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.core.dataset import Dataset
from support.server import Behaviour

PROBLEMS = [
    {"question": "What is 2 + 3?", "answer": "2 + 3 = 5\n#### 5"},
    {"question": "What is 4 × 6?", "answer": "4 × 6 = 24\n#### 24"},
]
RECORDED = [
    {"prompt": "What is 2 + 3?", "responses": ["A: 5", "A: 6", "The answer is 5."]},
    {"prompt": "What is 4 × 6?", "responses": ["A: 23", "24", "A: 22"]},
]
KEY = "sk-planted-0123456789abcdef"


def lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "problems": lines(tmp_path / "problems.jsonl", PROBLEMS),
        "solutions": lines(tmp_path / "solutions.jsonl", RECORDED),
        "run": tmp_path / "run",
    }


def verify(files: dict[str, Path], *sets: str) -> list[str]:
    words = [f"problems={files['problems']}", f"model=recorded:{files['solutions']}", "samples=3", *sets]
    return ["run", "verify_solutions", "--folder", str(files["run"]), *(x for word in words for x in ("--set", word))]


def test_solutions_are_verified_reported_explained_and_exported(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(verify(files)) == 0
    verified = Dataset(files["run"] / "data" / "verified")
    assert sorted(record.response for record in verified) == ["24", "A: 5", "The answer is 5."]
    assert "report.html" in capsys.readouterr().out
    assert (files["run"] / "report.html").exists()
    refused = next(iter(verified.ledger()))

    assert main(["why", str(files["run"]), refused.record.id[:12]]) == 0
    told = capsys.readouterr().out
    assert "rejected by exact_answer" in told
    assert refused.reason in told.replace("\n", "")

    assert main(["why", str(files["run"]), refused.record.id, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["record"]["id"] == refused.record.id
    assert facts["effects"][0]["kind"] == "generate"

    out = tmp_path / "train.jsonl"
    assert main(["export", str(files["run"]), "verified", str(out), "--layout", "prompt-completion"]) == 0
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {row["completion"] for row in rows} == {"24", "A: 5", "The answer is 5."}


def test_the_same_command_again_does_nothing_twice(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    main(verify(files))
    before = Dataset(files["run"] / "data" / "verified").manifest
    capsys.readouterr()
    assert main(verify(files)) == 0
    assert "2 effects are remembered" in capsys.readouterr().out.replace("\n", " ")
    assert Dataset(files["run"] / "data" / "verified").manifest == before


def test_a_preview_shows_records_and_a_forecast(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = verify(files)
    assert main(["preview", *arguments[1:], "--rows", "1"]) == 0
    told = capsys.readouterr().out
    assert "Forecast of the whole run" in told
    assert "exact_answer" in told
    assert not (files["run"] / "data").exists()


def test_forgetting_a_seed_removes_what_was_made_from_it(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main(verify(files))
    seed = next(iter(Dataset(files["run"] / "data" / "verified").entries())).passport["seed"]
    assert main(["forget", str(files["run"]), seed, "--yes"]) == 0
    assert "Forgotten:" in capsys.readouterr().out
    left = Dataset(files["run"] / "data" / "verified")
    assert [record.response for record in left] == ["24"]
    assert not any(b"What is 2 + 3?" in path.read_bytes() for path in (files["run"]).glob("store*"))
    assert main(verify(files)) == 0
    assert [record.response for record in Dataset(files["run"] / "data" / "verified")] == ["24"]


def test_a_forgotten_answer_does_not_come_back(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    main(verify(files))
    answer = next(record for record in Dataset(files["run"] / "data" / "verified") if record.response == "24")
    assert main(["forget", str(files["run"]), answer.id, "--yes"]) == 0
    assert main(verify(files)) == 0
    again = Dataset(files["run"] / "data" / "verified")
    assert [record.response for record in again] == ["A: 5", "The answer is 5."]
    (lost,) = (entry for entry in again.ledger() if entry.outcome == "failed")
    assert "was forgotten" in lost.reason
    assert lost.record.response == ""


WRONG = [
    (["run", "verify_solution"], 2, "No recipe 'verify_solution'. Did you mean 'verify_solutions'?"),
    (["run", "verify_solutions", "--set", "samples=3"], 2, "problems: Field required"),
    (["run", "verify_solutions", "--set", "sample=3"], 2, "sample: Extra inputs are not permitted (found: 3)"),
    (["run", "verify_solutions", "--set", "samples=0"], 2, "samples: Input should be greater than 0 (found: 0)"),
    (["run", "verify_solutions", "--set", "samples"], 2, "--set samples: expected KEY=VALUE"),
    (["run", "verify_solutions", "absent.toml"], 1, "absent.toml: no such file"),
    (["report", "absent"], 1, "absent: no run there"),
    (["export", "absent", "data", "x.jsonl"], 1, "absent: no run there"),
]


@pytest.mark.parametrize(("arguments", "code", "told"), WRONG)
def test_a_wrong_command_is_told_in_one_clear_line(
    arguments: list[str], code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def wrong_input(files: dict[str, Path], capsys: pytest.CaptureFixture[str], *sets: str) -> tuple[int, str]:
    code = main(verify(files, *sets))
    return code, capsys.readouterr().err


def test_a_missing_file_is_named(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files["problems"] = Path("nowhere.jsonl")
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "nowhere.jsonl: there is no such file" in error


def test_a_broken_line_is_named_with_its_number(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.dumps(PROBLEMS[0])] * 16 + ['{"question": "cut', json.dumps(PROBLEMS[0])]
    files["problems"].write_text("\n".join(rows), "utf-8")
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "line 17 is not JSON" in error
    assert '\'{"question": "cut\'' in error


def test_a_wrong_column_is_told_with_those_there_are(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = wrong_input(files, capsys, "prompt=problem")
    assert code in (1, 2)
    assert "'problem'" in error
    assert "'question', 'answer'" in error.replace("\n", " ")


def test_an_empty_dataset_is_told(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files["problems"].write_text("", "utf-8")
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "holds no rows" in error


def test_a_truncated_archive_is_told(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    whole = gzip.compress(files["problems"].read_bytes())
    files["problems"] = files["problems"].with_suffix(".jsonl.gz")
    files["problems"].write_bytes(whole[:-12])
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "cannot be read" in error


def test_an_unreachable_server_is_told_with_what_to_do(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = wrong_input(files, capsys, "model=openai:m@http://127.0.0.1:9/v1")
    assert code == 1
    assert "http://127.0.0.1:9" in error
    assert "Traceback" not in error


def test_a_folder_that_is_no_run_is_left_alone(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files["run"].mkdir()
    (files["run"] / "thesis.txt").write_text("mine")
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "not empty and not a run folder" in error
    assert [path.name for path in files["run"].iterdir()] == ["thesis.txt"]


def test_a_run_of_another_version_is_left_alone(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    main(verify(files))
    (files["run"] / "run.json").write_text('{"format": 99, "regrowth": "9.0"}')
    code, error = wrong_input(files, capsys)
    assert code == 1
    assert "run format 99, made by regrowth 9.0" in error


def test_a_count_out_of_reach_has_its_own_exit_code_and_keeps_the_records(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = wrong_input(files, capsys, "count=100")
    assert code == 3
    assert "3 of 100 records after 32 attempts" in error
    assert "Most were refused by exact_answer" in error
    assert len(Dataset(files["run"] / "data" / "verified")) == 3


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a small disk in memory, for the while."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")


@needs_root
def test_a_folder_that_cannot_be_written_is_told(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["run"] = tmp_path / "fixed" / "run"
    with mounted(tmp_path / "fixed", "ro,size=64k"):
        code, error = wrong_input(files, capsys)
    assert code == 1
    assert "cannot be written" in error
    assert "Choose a folder you may write to" in error


@needs_root
def test_a_full_disk_is_told_and_what_was_done_is_kept(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["run"] = tmp_path / "small" / "run"
    lines(files["solutions"], [{**row, "responses": ["x" * 90_000 + " A: 5"] * 3} for row in RECORDED])
    with mounted(tmp_path / "small", "size=256k"):
        code, error = wrong_input(files, capsys)
    assert code == 1
    assert "the disk is full" in error
    assert "is kept" in error


SERVERS = {
    "refuses the key and echoes it": Behaviour(status=401, text="you sent {headers}"),
    "fails and echoes it": Behaviour(status=500, text="you sent {headers}"),
    "wants another key": Behaviour(key="sk-another"),
    "takes it": Behaviour(models=("m",), key=KEY),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_planted_key_is_in_no_artefact_log_or_error(
    name: str, files: dict[str, Path], tmp_path: Path, serve: Callable[[Behaviour], str]
) -> None:
    program = (
        "import logging, sys; logging.basicConfig(level=logging.DEBUG);"
        "from regrowth.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    address = serve(SERVERS[name])
    arguments = verify(files, f"model=openai:m@{address}?key_env=PLANTED&attempts=2&backoff=0.01")
    done = subprocess.run(
        [sys.executable, "-c", program, "--debug", *arguments],
        env={**os.environ, "PLANTED": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (name == "takes it"), done.stderr
    if "key" in name:
        assert "PLANTED" in done.stderr, "the message names the variable"
    assert KEY not in done.stdout + done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("command", ["demo", "run", "preview", "report", "why", "forget", "export", "doctor"])
def test_every_command_helps_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"regrowth {command}" in capsys.readouterr().out.split("example:")[1]


def test_the_doctor_tells_what_is_there_and_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for what in ("regrowth", "sqlite", "torch", "tiny model", "disk"):
        assert what in told
