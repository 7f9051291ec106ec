"""Rows in files: read in every kind, written whole or not at all, and what is said when neither can be done."""

import csv
import errno
import gzip
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import DataError, SettingsError, StoreError
from regrowth.core.layouts import LAYOUTS, read, to_row, write
from regrowth.core.record import Message, Record
from support.data import shared_data

SUM = Record.of("2+2?", response="4", rejected="5", target="4", topic="sums")
CHAT = Record.of(
    [Message("system", "Be brief."), Message("user", "2+2?"), Message("assistant", "4"), Message("user", "And 3+3?")],
    response="6",
    rejected="7",
)
WRITABLE = tuple(name for name in LAYOUTS if name != "prompt-only")


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def refusal_to_read(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        list(read(path, **options))
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("layout", WRITABLE)
def test_what_was_written_is_read_back(tmp_path: Path, layout: str, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    assert write([SUM, SUM], path, layout) == (4 if "kto" in layout else 2)
    back = list(read(path))
    assert {record.messages for record in back} == {SUM.messages}
    assert "4" in {record.response for record in back}
    assert list(tmp_path.iterdir()) == [path]


def test_the_layout_record_keeps_everything(tmp_path: Path) -> None:
    child = SUM.again(3).derive(response="four", attributes={"deep": {"a": [1, None, 2.5]}}).scored(judge=0.1)
    for suffix in (".jsonl", ".parquet"):
        write([child], tmp_path / f"out{suffix}", "record")
        (back,) = read(tmp_path / f"out{suffix}")
        assert (back, back.id) == (child, child.id)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
def test_equal_records_give_equal_bytes(tmp_path: Path, suffix: str) -> None:
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    write([SUM, CHAT], one, "messages")
    os.utime(one, (0, 0))
    write([SUM, CHAT], other, "messages")
    assert one.read_bytes() == other.read_bytes()


def test_a_json_list_and_a_csv_table_are_read_packed_or_not(tmp_path: Path) -> None:
    rows = [{"prompt": "2+2?", "completion": "4"}, {"prompt": 'a,\n"b"', "completion": "é"}]
    with (tmp_path / "rows.csv").open("w", newline="") as out:
        table = csv.DictWriter(out, ["prompt", "completion"])
        table.writeheader()
        table.writerows(rows)
    file(tmp_path, "rows.csv.gz", (tmp_path / "rows.csv").read_bytes())
    file(tmp_path, "rows.json", json.dumps(rows, indent=2))
    file(tmp_path, "rows.json.gz", json.dumps(rows))
    file(tmp_path, "rows.jsonl", "\ufeff" + "\r\n\r\n".join(map(json.dumps, rows)))
    for path in sorted(tmp_path.iterdir()):
        assert [(r.prompt, r.response) for r in read(path)] == [("2+2?", "4"), ('a,\n"b"', "é")], path.name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", '{"prompt": "a"}\n' * 16 + '{"prompt": "b" "c"}\n', "line 17 is not JSON: Expecting ',' delimiter"),
        (
            "x.jsonl",
            '{"prompt": "a"}\n' * 16 + '{"prompt": "b" "c"}\n',
            'at character 16, found \'{"prompt": "b" "c"}\'',
        ),
        ("x.jsonl", "", "holds no rows. Expected at least one."),
        ("x.jsonl.gz", "\n\n", "holds no rows"),
        ("x.json", "[]", "holds no rows"),
        ("x.csv", "prompt,completion\n", "holds no rows"),
        ("x.jsonl", "[1, 2]\n", "line 1: found a list: '[1, 2]', expected an object"),
        ("x.jsonl", b'{"prompt": "\xff"}\n', "line 1 is not UTF-8 (byte 0xff at position 13)"),
        ("x.jsonl", '{"prompt": "a", "share": NaN}', "NaN is not a JSON value"),
        ("x.jsonl", "[" * 100_000, "line 1 is not JSON: "),
        ("x.jsonl", '{"prompt": "a", "completion": "b"}\n{"text": "c"}', "line 2: no column 'prompt', 'completion'"),
        ("x.jsonl", '{"prompt": "a", "completion": "b"}\n{"text": "c"}', "The first row has the layout"),
        ("x.json", '{"data": []}', "found '{\"data\": []}', expected a list of objects"),
        ("x.json", '[{"prompt": "a"} {"prompt": "b"}]', "row 1 is followed by"),
        ("x.json", '[{"prompt": "a"}, {"prompt": ', "row 2 is not JSON"),
        ("x.json", '[{"prompt": "a"}, 3]', "row 2: found a number: '3', expected an object"),
        ("x.json", "[" * 100_000, "cannot be read"),
        ("x.csv", "prompt,completion\na,b\nc\n", "line 3 has 1 cells, the heading has 2"),
        ("x.csv", "prompt,prompt\na,b\n", "names a column twice"),
        ("x.csv", 'prompt\n"a', "cannot be read"),
        ("x.parquet", "PAR1 or so", "cannot be read"),
    ],
)
def test_a_broken_file_says_where_and_what(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    path = file(tmp_path, name, content)
    message = refusal_to_read(path)
    assert message.startswith(f"{path}: ")
    assert said in message


def test_a_file_that_is_not_packed_as_its_name_says_or_was_cut_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b'{"prompt": "a"}\n' * 1000)[:-20])
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_bytes(b'{"prompt": "a"}\n')
    assert "cannot be read after line " in refusal_to_read(cut)
    assert "Not a gzipped file" in refusal_to_read(plain)


def test_a_missing_file_is_told_before_the_first_record(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read(tmp_path / "seeds.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path / "folder.jsonl")


def test_an_unknown_kind_of_file_is_refused_both_ways(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"must end with one of: \.jsonl, \.jsonl\.gz, \.json"):
        read(tmp_path / "seeds.txt")
    with pytest.raises(SettingsError, match=r"must end with one of: \.jsonl, \.jsonl\.gz, \.parquet"):
        write([SUM], tmp_path / "out.csv", "messages")


def test_an_unknown_layout_is_told_before_the_file_is_opened(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No layout 'chatml'"):
        read(tmp_path / "absent.jsonl", layout="chatml")


def test_real_problems_are_read_with_two_columns_renamed() -> None:
    path = shared_data("reasoning/gsm8k_test.jsonl.gz")
    problems = list(read(path, columns={"prompt": "question", "target": "answer"}))
    assert len(problems) == 369
    assert all(problem.prompt and "####" in problem.target for problem in problems)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_memory_stays_bounded_however_long_the_file_is(tmp_path: Path, name: str) -> None:
    row = json.dumps({"prompt": "p" * 2000, "completion": "c" * 2000})
    many = [row] * 1000
    path = file(tmp_path, name, "[" + ",".join(many) + "]" if name.endswith(".json") else "\n".join(many))
    tracemalloc.start()
    count = sum(1 for _ in read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1000
    assert peak < 1_000_000 < path.stat().st_size / 4


def test_a_row_longer_than_any_window_is_read(tmp_path: Path) -> None:
    long = "long é " * 100_000
    path = file(tmp_path, "x.json", json.dumps([{"prompt": "a"}, {"prompt": long}, {"prompt": "b"}]))
    assert [record.prompt for record in read(path)] == ["a", long, "b"]


# Writing whole or not at all.


def broken_after(records: list[Record], error: Exception) -> Iterator[Record]:
    yield from records
    raise error


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write([SUM], path, "messages")
    before = path.read_bytes()
    with pytest.raises(KeyError):
        write(broken_after([SUM] * 2000, KeyError("work")), path, "messages")
    with pytest.raises(DataError, match="no response"):
        write([SUM, Record.of("2+2?")], path, "messages")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "cannot be written"), (errno.EIO, "error")]
)
def test_what_the_disk_refuses_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, number: int, said: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=said):
        write([SUM], tmp_path / f"out{suffix}", "messages")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file(tmp_path, "taken", "")
    with pytest.raises(StoreError, match="taken"):
        write([SUM], tmp_path / "taken" / "out.jsonl", "messages")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_leave_to_write_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            write([SUM], tmp_path / "out.jsonl", "messages")
    finally:
        tmp_path.chmod(0o700)


def test_no_records_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no records to write"):
        write([], tmp_path / "out.jsonl", "messages")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
def test_half_a_surrogate_pair_is_read_but_never_written(tmp_path: Path, suffix: str) -> None:
    (record,) = read(file(tmp_path, "in.jsonl", '{"prompt": "a", "completion": "smile \\ud83d"}'))
    assert record.response == "smile \ud83d"
    assert record.id
    with pytest.raises(DataError, match=r"holds '\\ud83d' after .*smile .*half of a surrogate pair"):
        write([record], tmp_path / f"out{suffix}", "prompt-completion")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


# The same files, read by Hugging Face `datasets`.


@pytest.mark.slow
@pytest.mark.parametrize("layout", WRITABLE)
def test_datasets_loads_the_same_rows_with_the_same_schema(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset  # takes seconds

    plain = [SUM.derive(response=f"4 – {number}\u2028\r\n\x00é", rejected="5") for number in range(1200)]
    records = [SUM, *plain, Record.of("?", response="!", rejected=".")]
    expected = [row for record in records for row in _listed(to_row(record, layout))]
    features = []
    for suffix, kind in ((".jsonl", "json"), (".jsonl.gz", "json"), (".parquet", "parquet")):
        path = tmp_path / f"out{suffix}"
        write(records, path, layout)
        loaded = load_dataset(kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == expected
        features.append(loaded.features)
    assert features[0] == features[1] == features[2]


def _listed(row: Any) -> list[Any]:
    return row if isinstance(row, list) else [row]


@pytest.mark.slow
def test_texts_that_look_like_dates_stay_texts_in_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    from datasets import load_dataset  # takes seconds

    write([Record.of("When?", response="2020-01-01")] * 3, tmp_path / "out.parquet", "prompt-completion")
    loaded = load_dataset(
        "parquet", data_files=str(tmp_path / "out.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded[0] == {"prompt": "When?", "completion": "2020-01-01"}
