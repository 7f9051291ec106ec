"""`regrowth decontaminate` and the library call on real benchmarks, and all that can go wrong with files."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regrowth.cli.main import main
from regrowth.core.errors import DataError, SettingsError
from regrowth.curation.contamination.items import read_items
from regrowth.curation.contamination.screen import Screen
from regrowth.curation.contamination.tables import decontaminate_file, decontaminated
from support.data import shared_data
from support.server import Behaviour


def rows(name: str, count: int) -> list[dict[str, Any]]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


@pytest.fixture
def benchmark() -> str:
    return str(shared_data("reasoning/gsm8k_test.jsonl.gz"))


def mixed() -> Iterator[dict[str, Any]]:
    """Forty clean rows, and after each tenth one an item of the benchmark."""
    items = rows("reasoning/gsm8k_test.jsonl.gz", 4)
    for place, row in enumerate(rows("reasoning/gsm8k_train.jsonl.gz", 40)):
        yield {"messages": [{"role": "user", "content": row["question"]}], "n": place, "note": None}
        if place % 10 == 9:
            item = items[place // 10]
            yield {"messages": [{"role": "user", "content": item["question"].upper()}], "n": -1, "note": "planted"}


def write(path: Path, some: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(some), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in some).encode()))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in some))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz", "train.parquet"])
def test_hits_are_taken_out_and_the_rest_stays_as_it_was(
    tmp_path: Path, benchmark: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / name, list(mixed()))
    assert main(["decontaminate", str(data), "--against", benchmark]) == 0
    said = capsys.readouterr().out
    clean = tmp_path / name.replace("train", "train.clean")
    assert read(clean) == [row for row in read(data) if row["n"] >= 0]
    if name == "train.parquet":
        assert pq.read_schema(clean) == pq.read_schema(data)
    assert "4 of 44 documents hold items" in said
    report = json.loads((tmp_path / "train.contamination.json").read_text())
    assert report["benchmarks"]["gsm8k_test"]["items found"] == 4
    assert [hit["where"].split()[1] for hit in report["hits"]] == ["11", "22", "33", "44"]
    assert [hit["item"] for hit in report["hits"]] == [0, 1, 2, 3]
    assert not list(tmp_path.glob(".*"))


def test_lines_that_stay_keep_their_bytes(tmp_path: Path, benchmark: str) -> None:
    odd = b'{"text" :  "caf\\u00e9", "n":1.50, "n":2e400, "s":"\\udc80"}\n\n  {"text":"second, without an end"}'
    (tmp_path / "odd.jsonl").write_bytes(odd)
    assert main(["decontaminate", str(tmp_path / "odd.jsonl"), "--against", benchmark]) == 0
    assert (tmp_path / "odd.clean.jsonl").read_bytes() == odd.replace(b"\n\n", b"\n") + b"\n"


def test_no_word_of_the_benchmark_is_in_the_outputs_unless_asked_for(tmp_path: Path, benchmark: str) -> None:
    item = rows("reasoning/gsm8k_test.jsonl.gz", 1)[0]["question"]
    edited = item.replace("morning", "dawn").replace("liters", "gallons")
    data = write(tmp_path / "t.jsonl", [{"text": edited}])
    asked = ["decontaminate", str(data), "--against", benchmark]
    assert main(asked) == 0
    outputs = [(tmp_path / name).read_text() for name in ("t.contamination.json", "t.contamination.txt")]
    assert all(edited[:60] in text for text in outputs)
    assert not any("every morning" in text for text in outputs)
    assert main([*asked, "--side-by-side"]) == 0
    assert "every morning" in (tmp_path / "t.contamination.txt").read_text()
    assert "every morning" not in (tmp_path / "t.contamination.json").read_text()


def test_check_writes_no_data_and_tells_by_its_exit_code(tmp_path: Path, benchmark: str) -> None:
    data = write(tmp_path / "train.jsonl", list(mixed()))
    asked = ["decontaminate", str(data), "--against", benchmark, "--check", "--report", str(tmp_path / "r")]
    assert main(asked) == 5
    clean = write(tmp_path / "clean.jsonl", [row for row in mixed() if row["n"] >= 0])
    assert main(["decontaminate", str(clean), *asked[2:]]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.jsonl", "r.json", "r.txt", "train.jsonl"]


def test_a_stored_index_serves_as_well_as_the_benchmark(tmp_path: Path, benchmark: str) -> None:
    data, index = write(tmp_path / "train.jsonl", list(mixed())), str(tmp_path / "b.index")
    assert main(["decontaminate", str(data), "--against", benchmark, "--save-index", index]) == 0
    first = (tmp_path / "train.clean.jsonl").read_bytes()
    assert main(["decontaminate", str(data), "--against", index]) == 0
    assert (tmp_path / "train.clean.jsonl").read_bytes() == first
    for more in (["--deep"], ["--side-by-side"], ["--save-index", "x"]):
        assert main(["decontaminate", str(data), "--against", index, *more]) == 2


def test_control_allow_list_and_columns(tmp_path: Path, benchmark: str) -> None:
    data = write(tmp_path / "train.jsonl", list(mixed()))
    control = write(
        tmp_path / "control.jsonl", [{"text": row["question"]} for row in rows("reasoning/gsm8k_train.jsonl.gz", 300)]
    )
    (tmp_path / "allow.toml").write_text('[[allow]]\nbenchmark = "gsm8k_test"\nitem = 1\nreason = "in our own book"\n')
    asked = ["decontaminate", str(data), "--against", benchmark, "--control", str(control)]
    assert main([*asked, "--allow", str(tmp_path / "allow.toml")]) == 0
    report = json.loads((tmp_path / "train.contamination.json").read_text())
    assert (report["removed"], report["benchmarks"]["gsm8k_test"]["allowed"]) == (3, 1)
    assert report["hits"][1]["allowed"] == "in our own book"
    assert report["control"]["n"] == 300
    assert len(read(tmp_path / "train.clean.jsonl")) == 41
    assert main([*asked, "--columns", "note"]) == 0
    assert len(read(tmp_path / "train.clean.jsonl")) == 44


def harmed(tmp_path: Path, how: str) -> Path:
    if how == "absent":
        return tmp_path / "absent.jsonl"
    if how == "kind":
        return write(tmp_path / "train.json", [{"text": "x"}])
    content = {
        "broken line": b'{"text": "fine"}\n{"text": \n',
        "not UTF-8": b'{"text": "fine"}\n{"text": "\xff"}\n',
        "deep": b'{"text": "fine"}\n' + b"[" * 200_000 + b"]" * 200_000 + b"\n",
        "empty": b"",
    }
    path = tmp_path / ("cut.jsonl.gz" if how == "cut" else "cut.parquet" if how == "cut table" else "train.jsonl")
    if how == "cut":
        path.write_bytes(gzip.compress(b'{"text": "fine"}\n' * 5000)[:-20])
    elif how == "cut table":
        path.write_bytes(write(tmp_path / "whole.parquet", [{"text": "fine"}]).read_bytes()[:-9])
    else:
        path.write_bytes(content[how])
    return path


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("absent", 1, "no such file"),
        ("kind", 2, "expected a file"),
        ("broken line", 1, "line 2"),
        ("not UTF-8", 1, "line 2"),
        ("deep", 1, "line 2"),
        ("empty", 1, "no rows"),
        ("cut", 1, "whole"),
        ("cut table", 1, "whole"),
    ],
)
def test_harmed_data_end_in_one_clear_line_and_nothing_written(
    tmp_path: Path, benchmark: str, capsys: pytest.CaptureFixture[str], how: str, code: int, said: str
) -> None:
    path = harmed(tmp_path, how)
    before = sorted(tmp_path.iterdir())
    assert main(["decontaminate", str(path), "--against", benchmark]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert sorted(tmp_path.iterdir()) == before


def test_source_and_target_must_differ_and_be_of_one_kind(tmp_path: Path) -> None:
    data = write(tmp_path / "train.jsonl", [{"text": "x"}])
    screen = Screen.of([read_items(shared_data("code/humaneval.jsonl.gz"))])
    for target in (data, tmp_path / "out.parquet", tmp_path / "out.csv"):
        with pytest.raises(SettingsError):
            decontaminate_file(data, target, screen)
    with pytest.raises(DataError, match="no column answer"):
        decontaminate_file(data, None, screen, columns=["answer"])
    assert read(data) == [{"text": "x"}]


def test_a_datasets_object_comes_back_as_its_own_type(benchmark: str) -> None:
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list(list(mixed()))
    screen = Screen.of([read_items(Path(benchmark))])
    clean, report = decontaminated(whole, screen)
    assert type(clean) is type(whole)
    assert clean.features == whole.features
    assert clean["n"][:] == list(range(40))
    assert report.removed == 4
    both, report = decontaminated(datasets.DatasetDict({"train": whole, "dev": clean}), screen)
    assert {name: len(part) for name, part in both.items()} == {"train": 40, "dev": 40}
    assert [place for place, _ in report.hits] == ["train, row 11", "train, row 22", "train, row 33", "train, row 44"]
    with pytest.raises(SettingsError, match="found list"):
        decontaminated([{"text": "x"}], screen)


@pytest.mark.slow
def test_rephrased_code_and_calculations_are_found_deep(tmp_path: Path, benchmark: str) -> None:
    rephrased = [
        {"text": row["text"]}
        for name in ("humaneval_python", "humaneval_js", "rephrase_gsm8k")
        for row in rows(f"decontamination/{name}.jsonl.gz", 10)
    ]
    data = write(tmp_path / "train.jsonl", rephrased)
    code = str(shared_data("code/humaneval.jsonl.gz"))
    assert main(["decontaminate", str(data), "--against", code, benchmark]) == 0
    assert len(read(tmp_path / "train.clean.jsonl")) >= 28
    assert main(["decontaminate", str(data), "--against", code, benchmark, "--deep"]) == 0
    report = json.loads((tmp_path / "train.contamination.json").read_text())
    assert report["benchmarks"]["humaneval"]["rephrased"] >= 14
    assert report["benchmarks"]["gsm8k_test"]["rephrased"] >= 9


class Judge(Mapping[str, str]):
    """Say yes of what tells of whales."""

    def get(self, prompt: str, default: object = None) -> str:
        return "Yes" if "whale" in prompt.split("Text:")[-1] else "No."

    def __getitem__(self, prompt: str) -> str:
        return self.get(prompt)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def test_a_served_judge_has_the_last_word(tmp_path: Path, serve: Callable[[Behaviour], str]) -> None:
    item = {"question": "Which captain hunted the white whale that had taken his leg at sea?", "answer": "Ahab"}
    benchmark = write(tmp_path / "quiz.jsonl", [item])
    texts = ["The captain who lost his leg to a whale, who is he?", "The captain of the white ship at sea hunted fish."]
    data = write(tmp_path / "train.jsonl", [{"text": text} for text in texts])
    judge = f"openai:mock@{serve(Behaviour(said=Judge()))}"
    assert main(["decontaminate", str(data), "--against", str(benchmark), "--judge", judge]) == 0
    assert read(tmp_path / "train.clean.jsonl") == [{"text": texts[1]}]
    report = json.loads((tmp_path / "train.contamination.json").read_text())
    assert [(hit["kind"], hit["why"]) for hit in report["hits"]] == [("rephrased", "the judge says yes")]
    assert report["benchmarks"]["quiz"]["candidates verified"] == 2


def test_help_shows_examples() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "regrowth.cli", "decontaminate", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert len(re.findall(r"^  regrowth decontaminate ", said, re.MULTILINE)) >= 4
    assert "exit codes" in said
