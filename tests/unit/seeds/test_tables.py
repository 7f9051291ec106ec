"""Tables are read with their types, or it is said what does not fit."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regrowth.core.errors import DataError
from regrowth.seeds.tables import read_table

CSV = "age,job,joined,owner\n41,cook,2020-01-31,true\n,,2021-02-01,false\n"


def test_a_csv_is_read_with_numbers_dates_truth_values_and_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(CSV)
    table = read_table(path)
    assert table.schema.field("age").type == pa.int64()
    assert table.schema.field("joined").type == pa.date32()
    assert table.schema.field("owner").type == pa.bool_()
    assert table["age"].to_pylist() == [41, None]
    assert table["job"].to_pylist() == ["cook", None]


def test_all_formats_give_the_same_rows(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "t.tsv").write_text("a\tb\n1\tx\n2\ty\n")
    (tmp_path / "t.jsonl").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n2,y\n"))
    (tmp_path / "T.JSONL.GZ").write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    for path in tmp_path.iterdir():
        assert read_table(path).to_pylist() == rows, path.name


def test_a_line_break_inside_a_quoted_cell_belongs_to_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"one\ntwo",3\n')
    assert read_table(path).to_pylist() == [{"a": "one\ntwo", "b": 3}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"", "expected a table in one of .csv"),
        ("t.parquet.gz", b"", "expected a table in one of"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 columns, got 3"),
        ("t.csv", b"", "cannot be read as csv"),
        ("t.csv", b"a,b\n", "no rows, only the columns a, b"),
        ("t.csv", b"a,a\n1,2\n", "two columns are called 'a'"),
        ("t.csv.gz", b"not packed", "cannot be read as csv"),
        ("t.jsonl", b'{"a": 1}\n[2]\n', "cannot be read as jsonl"),
        ("t.jsonl", b'{"a": 1', "cannot be read as jsonl"),
        ("t.parquet", b"PAR1", "cannot be read as parquet"),
    ],
)
def test_what_is_not_a_table_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "folder.csv")


def test_texts_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="the column 'a' holds bytes that are not UTF-8"):
        read_table(path)
