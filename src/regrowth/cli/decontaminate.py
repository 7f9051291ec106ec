"""`regrowth decontaminate DATA --against BENCHMARK …`: a dataset without the items it will be measured on.

Exit code 0 when it is done; with `--check`, which writes no data, 5 if anything was found.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from regrowth.core.errors import SettingsError
from regrowth.core.files import write_text
from regrowth.extras import library

if TYPE_CHECKING:  # numpy comes with an extra, so it is imported by the command, not by the command line
    from regrowth.curation.contamination.items import Benchmark
    from regrowth.curation.contamination.report import Report
    from regrowth.curation.contamination.screen import Deep, Screen

__all__ = ["add_decontaminate"]

FOUND = 5
"""Exit code of `--check` where something was found."""
PLAIN_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""
EXAMPLES = """what is found:
  verbatim    13 words in a row, or all of a short text
  near        most runs of three words: survives light edits, and one word of ten replaced
  rephrased   with --deep: code that behaves like the solution, the same quantities and answer, or what a judge says

examples:
  regrowth decontaminate train.jsonl --against gsm8k_test.jsonl.gz humaneval.jsonl.gz
  regrowth decontaminate train.parquet --against mmlu.jsonl --check --control books.jsonl
  regrowth decontaminate train.jsonl --against humaneval.jsonl.gz --deep --side-by-side
  regrowth decontaminate train.jsonl --against mt_bench.jsonl --judge openai:my-model@http://localhost:8000/v1
  regrowth decontaminate train.jsonl --against *.jsonl.gz --save-index benchmarks.index
  regrowth decontaminate other.jsonl --against benchmarks.index

exit codes: 0 done; 1 a file cannot be read or written; 2 an argument is wrong; 4 code would have to run and nothing
here can isolate it; 5 with --check, something was found."""


def add_decontaminate(commands: Any) -> None:
    """Add the command to those there are."""
    summary = "take out of a dataset what it will be measured on"
    parser = commands.add_parser(
        "decontaminate",
        help=summary,
        description=f"{summary.capitalize()}: .jsonl, .jsonl.gz or .parquet in, the same without the hits out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="the dataset: .jsonl, .jsonl.gz or .parquet, any columns")
    parser.add_argument(
        "--against", type=Path, nargs="+", required=True, metavar="BENCHMARK", help="files, or folders of --save-index"
    )
    parser.add_argument("--output", type=Path, help="where the rest goes (default: DATA.clean.*)")
    parser.add_argument(
        "--report", type=Path, help="where the report goes, .json and .txt (default: DATA.contamination)"
    )
    parser.add_argument("--check", action="store_true", help="write the report only; exit code 5 if anything is found")
    parser.add_argument("--columns", default="", metavar="A,B", help="look at these columns (default: all texts)")
    parser.add_argument("--allow", type=Path, metavar="FILE", help="TOML file of what may stay, with reasons")
    parser.add_argument("--control", type=Path, metavar="FILE", help="clean texts: the share found there is false")
    parser.add_argument("--deep", action="store_true", help="look for rephrased items, too; runs code in the sandbox")
    parser.add_argument("--judge", metavar="MODEL", help="with a model as the last verifier; implies --deep")
    parser.add_argument("--side-by-side", action="store_true", help="show the items' words in the readable report")
    parser.add_argument("--save-index", type=Path, metavar="FOLDER", help="keep the hashes for the next time")
    parser.add_argument("--isolation", default="auto", metavar="KIND", help="what runs code, as in `regrowth run`")
    parser.set_defaults(command=_decontaminate)


def _decontaminate(options: argparse.Namespace, console: Console) -> int:
    library("numpy", "Decontamination", extra="curate")
    from regrowth.curation.contamination.tables import control, decontaminate_file

    output = None if options.check else options.output or _beside(options.data, "clean")
    place = options.report or _beside(options.data, "contamination", ending="")
    columns = [name.strip() for name in options.columns.split(",") if name.strip()]
    with _screened(options, console) as (benchmarks, screen):
        with _progress(options.data) as tell:
            report = decontaminate_file(options.data, output, screen, columns=columns, tell=tell)
        if options.control:
            control(options.control, report)
    _write(report, place, benchmarks if options.side_by_side else [])
    for line in report.lines(most=5):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if output:
        console.print(f"{report.documents - report.removed:,} documents → {output}", highlight=False, soft_wrap=True)
    console.print(f"report: {place}.txt and .json", highlight=False, soft_wrap=True)
    return FOUND if options.check and report.removed else 0


def _beside(data: Path, word: str, *, ending: str | None = None) -> Path:
    known = (one for one in (".jsonl.gz", ".jsonl", ".parquet") if data.name.lower().endswith(one))
    suffix = next(known, data.suffix)
    stem = data.name[: len(data.name) - len(suffix)]
    return data.with_name(f"{stem}.{word}{suffix if ending is None else ending}")


def _write(report: "Report", place: Path, benchmarks: "Sequence[Benchmark]") -> None:
    write_text(Path(f"{place}.json"), json.dumps(report.to_json(), indent=1, ensure_ascii=True) + "\n")
    lines = "\n".join(report.lines(benchmarks, most=1000))
    write_text(Path(f"{place}.txt"), lines.encode("utf-8", "replace").decode() + "\n")


@contextmanager
def _screened(options: argparse.Namespace, console: Console) -> "Iterator[tuple[list[Benchmark], Screen]]":
    """Give the benchmarks that are at hand and what looks for them."""
    from regrowth.curation.contamination.allowed import Allowed
    from regrowth.curation.contamination.index import Index
    from regrowth.curation.contamination.items import read_items
    from regrowth.curation.contamination.screen import Screen

    folders = [path for path in options.against if path.is_dir()]
    files = [path for path in options.against if not path.is_dir()]
    deep = options.deep or bool(options.judge)
    if folders and (files or len(folders) > 1 or deep or options.side_by_side or options.save_index):
        raise SettingsError(
            f"{folders[0]}: an index holds hashes only. It is used alone, and without --deep, --judge, --side-by-side "
            "and --save-index; name the files of the benchmarks for these."
        )
    allowed = Allowed.read(options.allow) if options.allow else None
    if folders:
        yield [], Screen(Index.load(folders[0]), allowed=allowed)
        return
    benchmarks = [read_items(path) for path in files]
    index = Index.of(benchmarks)
    if options.save_index:
        index.save(options.save_index)
        console.print(f"index of {len(benchmarks)} benchmarks → {options.save_index}", highlight=False, soft_wrap=True)
    with asyncio.Runner() as runner, _deep(options, files, benchmarks, runner, wanted=deep) as looking:
        yield benchmarks, Screen(index, allowed=allowed, deep=looking, wait=runner.run)


@contextmanager
def _deep(
    options: argparse.Namespace,
    files: Sequence[Path],
    benchmarks: "Sequence[Benchmark]",
    runner: asyncio.Runner,
    *,
    wanted: bool,
) -> "Iterator[Deep | None]":
    if not wanted:
        yield None
        return
    from regrowth.recipes._contamination import deep_look

    made = deep_look(files, benchmarks, judge_by=options.judge or "", isolation=options.isolation)
    looking = runner.run(made.__aenter__())
    try:
        yield looking
    finally:
        runner.run(made.__aexit__(None, None, None))


@contextmanager
def _progress(data: Path) -> "Iterator[Callable[[int, int], None]]":
    errors = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), console=errors, disable=not errors.is_terminal
    )
    task = bars.add_task(data.name, total=None)
    last = time.monotonic()

    def tell(rows: int, found: int) -> None:
        nonlocal last
        text = f"{data.name}: {rows:,} rows read, {found:,} found"
        bars.update(task, description=text)
        if not errors.is_terminal and time.monotonic() - last > PLAIN_EVERY:
            last = time.monotonic()
            errors.print(text, highlight=False)

    with bars:
        yield tell
