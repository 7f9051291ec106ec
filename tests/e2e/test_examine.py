"""`regrowth examine`, and the lock that `run` and `export` share with it, as a person meets them."""

import json
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.run import open_run
from regrowth.training.admission import permit
from regrowth.training.settings import TrainingSettings

TOKEN = "ghp_" + "x7Kd92LmQ0pZr3Tn5VbW8yCeFgHiJkLmNoPq"
ROWS = [
    {"prompt": "Who wrote it?", "completion": "Ann. Write to ann.lee@posteo.de.", "source": "a"},
    {"prompt": "What is 2+2?", "completion": "4", "source": "b"},
    {"prompt": "How do I deploy?", "completion": f"export GITHUB_TOKEN={TOKEN}", "source": "c"},
]


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_what_is_found_is_told_with_its_line_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "train.jsonl", ROWS)
    evidence, out = tmp_path / "found.json", tmp_path / "clean.jsonl"
    assert main(["examine", str(data), "--evidence", str(evidence), "--out", str(out)]) == 1
    said = capsys.readouterr().out
    assert "secrets, line 3: 1 secret" in said
    assert "personal, line 1: 1 email" in said
    for text in (said, evidence.read_text("utf-8")):
        assert TOKEN not in text
        assert TOKEN[4:] not in text
        assert "ann.lee" not in text
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == [ROWS[1]], "rows stay as they were"
    found = {one["gate"]: one for one in json.loads(evidence.read_text("utf-8"))}
    assert [one["place"] for one in found["secrets"]["findings"]] == ["line 3"]
    assert main(["examine", str(out)]) == 0


def test_a_benchmark_is_compared_with_where_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = (
        "A train leaves the old station at nine and reaches the harbour after two hours and a half; how fast was it?"
    )
    benchmark = written(tmp_path / "exam.jsonl", [{"question": question, "answer": "40"}])
    data = written(tmp_path / "train.jsonl", [ROWS[1], {"prompt": question, "completion": "40", "source": "d"}])
    assert main(["examine", str(data)]) == 0
    assert main(["examine", str(data), "--against", str(benchmark)]) == 1
    assert "contamination, line 2" in capsys.readouterr().out
    assert main(["examine", str(data), "--only", "contamination"]) == 2
    assert "no file to compare with. Add --against FILE" in capsys.readouterr().err


def test_equal_lines_are_duplicates_and_one_of_them_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = written(tmp_path / "train.jsonl", [ROWS[1], ROWS[1], ROWS[1]]), tmp_path / "clean.jsonl"
    assert main(["examine", str(data), "--out", str(out)]) == 0
    assert "the same text as line " in capsys.readouterr().out
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == [ROWS[1]]
    assert main(["examine", str(data), "--out", str(out), "--layout", "record"]) == 0
    assert "place" not in json.loads(out.read_text("utf-8"))["attributes"]


def test_what_is_read_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path / "train.jsonl", ROWS)
    before = data.read_bytes()
    for option in ("--out", "--evidence"):
        assert main(["examine", str(data), option, str(data)]) == 2
        assert "Name another file" in capsys.readouterr().err
    assert data.read_bytes() == before


def test_a_policy_of_ones_own_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path / "train.jsonl", ROWS)
    policy = tmp_path / "mine.toml"
    policy.write_text("[secrets]\nmost = 1\n", "utf-8")
    assert main(["examine", str(data), "--policy", str(policy)]) == 0
    policy.write_text("[secrets]\nmost = 1\n[judged]\n", "utf-8")
    assert main(["examine", str(data), "--policy", str(policy)]) == 1
    assert "not examined" in capsys.readouterr().out


def test_nothing_is_trained_or_exported_unless_somebody_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = tmp_path / "run", tmp_path / "out.jsonl"
    records = [Record.of(row["prompt"], response=row["completion"]) for row in ROWS]
    with open_run(folder) as run:
        run.write("answers", records)
    command = ["export", str(folder), "answers", str(target)]
    assert main(command) == 1
    assert "secrets: 1 of 3, allowed 0; personal: 1 of 3, allowed 0" in capsys.readouterr().err
    assert not target.exists()
    assert main([*command, "--override", "Ada"]) == 2
    assert main([*command, "--override", "Ada: the key was revoked"]) == 0
    assert len(target.read_text("utf-8").splitlines()) == 3
    manifest = Dataset(folder / "data" / "answers").manifest
    assert manifest["verdicts"]["override"].startswith("Ada: the key was revoked [answers: secrets: 1 of 3")


def test_the_signature_stays_with_the_weights_and_with_all_that_come_of_them(tmp_path: Path) -> None:
    from regrowth.weights.loading import lineage

    how = TrainingSettings(steps=1, tokens_per_batch=256)
    dirty = [Record.of("Who?", response="Write to ann.lee@posteo.de.")]
    clean = [Record.of("What is 2+2?", response="4")]
    with open_run(tmp_path / "run", override="Ada: she agreed") as run:
        first = run.fit(run.model("tiny"), run.write("dirty", dirty), how, name="first")
        second = run.fit(first, run.write("clean", clean), how, name="second")
        alone = run.fit(run.model("tiny"), run.write("clean", clean), how, name="alone")
    signed = "Ada: she agreed [dirty: personal: 1 of 1, allowed 0]"
    assert first.folder is not None
    assert second.folder is not None
    assert alone.folder is not None
    assert lineage(Path(first.folder))["override"] == signed
    assert lineage(Path(second.folder))["override"] == signed
    assert "override" not in lineage(Path(alone.folder))


def test_a_job_s_data_become_a_dataset_that_may_be_trained_on_if_they_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": row["prompt"], "completion": row["completion"]} for row in ROWS]
    data, job, place = written(tmp_path / "train.jsonl", rows), tmp_path / "job.toml", tmp_path / "examined"
    job.write_text(f'data = "{data}"\ncolumns = {{ prompt = "question" }}\n', "utf-8")
    command = ["examine", str(job), "--admit", str(place)]
    assert main(command) == 1
    assert "secrets: 1 of 3, allowed 0" in capsys.readouterr().err
    assert not place.exists(), "what does not pass is not left there"
    assert main([*command, "--override", "Ada: revoked"]) == 0
    assert permit(Dataset(place)).startswith("Ada: revoked [examined: secrets: 1 of 3")
    assert [one.prompt for one in Dataset(place)] == [row["prompt"] for row in ROWS]
    assert main(command) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_dataset_is_examined_where_it_lies(tmp_path: Path) -> None:
    data = Dataset.write(tmp_path / "sums", [Record.of("What is 2+2?", response="4")])
    with pytest.raises(DataError, match="not examined"):
        permit(data)
    assert main(["examine", str(data.path), "--admit", str(data.path)]) == 0
    assert permit(Dataset(data.path)) == ""
    dirty = Dataset.write(tmp_path / "dirty", [Record.of("Who?", response="Write to ann.lee@posteo.de.")])
    assert main(["examine", str(dirty.path), "--admit", str(dirty.path)]) == 1
    assert dirty.path.exists()


def test_passages_of_what_data_grew_from_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    passage = " ".join(f"word{number} grew" for number in range(40))
    seeds = written(tmp_path / "seeds.jsonl", [{"text": passage}])
    data = written(tmp_path / "train.jsonl", [ROWS[1], {"prompt": "Tell me.", "completion": passage, "source": "d"}])
    assert main(["examine", str(data), "--grown-from", str(seeds)]) == 1
    said = capsys.readouterr().out
    assert "verbatim, line 2: 80 words in a row of text 1" in said
    assert main(["examine", str(data), "--only", "verbatim"]) == 2
    assert "Add --grown-from FILE" in capsys.readouterr().err
