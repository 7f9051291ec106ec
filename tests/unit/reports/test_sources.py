"""What is read as a table and what as texts, and what cannot be compared with the first."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.reports.sources import read_sides


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_file_of_several_columns_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("age,job\n1,x\n2,y\n")
    assert read_sides([path])[0].column_names == ["age", "job"]  # type: ignore[union-attr]


def test_one_column_of_texts_is_texts_and_one_of_numbers_a_table(tmp_path: Path) -> None:
    texts = lines(tmp_path / "t.jsonl", {"text": "a b c"}, {"text": "d"}, {"text": " "}, {"text": None})
    assert read_sides([texts]) == [("a b c", "d")]
    names = lines(tmp_path / "j.jsonl", {"job": "farmer"}, {"job": "teacher"})
    assert isinstance(read_sides([names])[0], pa.Table)
    numbers = lines(tmp_path / "n.jsonl", {"n": 1}, {"n": 2})
    assert isinstance(read_sides([numbers])[0], pa.Table)


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
        {"prompt": "Q", "completion": "A"},
        {"instruction": "Q", "output": "A"},
    ],
)
def test_rows_of_a_layout_are_their_responses(tmp_path: Path, row: object) -> None:
    assert read_sides([lines(tmp_path / "r.jsonl", row, row)]) == [("A", "A")]


def test_a_dataset_of_a_run_is_its_responses(tmp_path: Path) -> None:
    Dataset.write(tmp_path / "made", [Record.of("Q", response="A"), Record.of("Q", response="B")])
    assert read_sides([tmp_path / "made"]) == [("A", "B")]


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": pa.array(["a", "b"]).dictionary_encode(), "n": [1, 2]})
    pyarrow.parquet.write_table(table, path)
    assert read_sides([path], text="text") == [("a", "b")]
    with pytest.raises(DataError, match="holds int64; expected texts"):
        read_sides([path], text="n")
    with pytest.raises(DataError, match=r"no column 'x'\. Columns: text, n"):
        read_sides([path], text="x")


def test_texts_and_tables_are_not_compared(tmp_path: Path) -> None:
    table, texts = tmp_path / "a.csv", lines(tmp_path / "t.jsonl", {"text": "one two"})
    table.write_text("age,job\n1,x\n")
    with pytest.raises(DataError, match="a table of the columns age, job, but texts were expected"):
        read_sides([texts, table])
    assert isinstance(read_sides([table, texts])[1], pa.Table), "the first decides"
    Dataset.write(tmp_path / "made", [Record.of("Q", response="A")])
    with pytest.raises(DataError, match="texts, but a table was expected"):
        read_sides([table, tmp_path / "made"])


def test_empty_sides_are_named(tmp_path: Path) -> None:
    empty = lines(tmp_path / "e.jsonl", {"text": "", "n": 1})
    with pytest.raises(DataError, match="every text of the column 'text' is missing or empty"):
        read_sides([empty], text="text")
    Dataset.write(tmp_path / "made", [Record.of("Q")])
    with pytest.raises(DataError, match="no record there has a response"):
        read_sides([tmp_path / "made"])
