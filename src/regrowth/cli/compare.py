"""`regrowth compare REAL SYNTHETIC`: are these data good, private and varied? One page, a card, a signed manifest.

Exit code 0 if a page was written; 1 with --strict if it says stop, or if --verify finds a change.
"""

import argparse
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from regrowth.core.errors import SettingsError
from regrowth.extras import library

if TYPE_CHECKING:
    from regrowth.metrics.columns import Kind
    from regrowth.reports.blocks import Report
    from regrowth.reports.comparison import Asked
    from regrowth.reports.publishing.card import Data
    from regrowth.reports.publishing.manifest import Input, Key
    from regrowth.reports.sources import Side

__all__ = ["add_compare", "report_key"]

KINDS = ("number", "date", "category", "text", "identifier")
COLOURS = {"good": "green", "look": "yellow", "stop": "red"}
SHOWN = 6
"""Reasons that are printed."""
EXAMPLES = """examples:
  regrowth compare train.csv synthetic.csv --holdout unseen.csv
  regrowth compare train.csv synthetic.csv --holdout unseen.csv --target income --kinds zip=category
  regrowth compare train.csv synthetic.csv --holdout unseen.csv --groups sex --target income --positive '>50K'
  regrowth compare people.jsonl written.jsonl --text answer --out report
  regrowth compare train.csv synthetic.csv --strict        exit code 1 if the verdict is stop
  regrowth compare --verify synthetic.report               are the files as they were when the report was written?

A key in REGROWTH_SIGNING_KEY, or --key FILE, signs the manifest; without one it says that it is unsigned.
"""


def add_compare(commands: Any) -> None:
    """Add the command to those there are."""
    summary = "real data beside synthetic ones: fidelity, privacy, diversity, and a verdict"
    compare = commands.add_parser(
        "compare",
        help=summary,
        description=f"{summary}. Tables or texts; CSV, TSV, JSONL or Parquet.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("real", type=Path, nargs="?", help="what the synthetic data were made from")
    compare.add_argument("synthetic", type=Path, nargs="?", help="a file, or the folder of a dataset of a run")
    compare.add_argument("--holdout", type=Path, metavar="FILE", help="real data that the generator never saw")
    compare.add_argument("--kinds", action="append", default=[], metavar="COLUMN=KIND", help=", ".join(KINDS))
    compare.add_argument("--target", metavar="COLUMN", help="what a model trained on the data is to foretell")
    compare.add_argument("--groups", action="append", default=[], metavar="COLUMN", help="groups of people; repeatable")
    compare.add_argument("--positive", default="", metavar="VALUE", help="of the target: what is good for people")
    compare.add_argument("--text", metavar="COLUMN", help="compare the texts of this column")
    compare.add_argument("--out", type=Path, metavar="FOLDER", help="default: NAME.report, for SYNTHETIC's name")
    compare.add_argument("--about", type=Path, metavar="FILE", help="licences, uses and limits for the card (TOML)")
    compare.add_argument("--no-records", action="store_true", help="show no real record on the page")
    compare.add_argument("--key", type=Path, metavar="FILE", help="sign the manifest, or check it, with this key")
    compare.add_argument("--seed", type=int, default=0, help="of samples and resamples (default: 0)")
    compare.add_argument("--strict", action="store_true", help="exit code 1 if the verdict is stop")
    compare.add_argument("--verify", type=Path, metavar="FOLDER", help="check the manifest of a report instead")
    compare.set_defaults(command=_compare)


def _compare(options: argparse.Namespace, console: Console) -> int:
    if options.verify is not None:
        return _verify(options, console)
    if options.real is None or options.synthetic is None:
        raise SettingsError("Name two files: regrowth compare REAL SYNTHETIC (see regrowth compare --help).")
    library("sklearn", "regrowth compare", extra="measure")
    from regrowth.reports.publishing import folder as publishing  # numpy, on first use

    out = options.out or Path(f"{_stem(options.synthetic)}.report")
    publishing.check_free(out)
    paths = [path for path in (options.real, options.synthetic, options.holdout) if path is not None]
    key, about, inputs = report_key(options.key), _about(options.about), _inputs(paths)
    sides = _read(paths, options)
    began = time.monotonic()
    report = _composed(sides, options, inputs, console)
    data = _data(sides[1], inputs, report)
    made = publishing.publish(report, data, about, out, inputs=inputs, key=key)
    verdict = _say(report, console)
    signed = "signed" if key else "unsigned"
    console.print(
        f"report: {made} ({time.monotonic() - began:.1f} s, {signed})", highlight=False, soft_wrap=True, markup=False
    )
    return 1 if options.strict and verdict == "stop" else 0


def _composed(sides: "Sequence[Side]", options: argparse.Namespace, inputs: "Sequence[Input]", console: Console) -> Any:
    """Compare, and say on the terminal what is being measured."""
    from regrowth.reports import comparison
    from regrowth.reports.blocks import Facts

    asked = _asked(options)
    facts = Facts(
        title="To repeat this comparison",
        pairs=tuple((f"{one.role} ({one.name})", f"{one.bytes:,} bytes, SHA-256 {one.sha256}") for one in inputs),
        command=_command(options),
    )
    compare: Any = comparison.compare_texts if isinstance(sides[0], tuple) else comparison.compare_tables
    with console.status("reading …") as status:

        def tell(stage: str) -> None:
            if console.is_terminal:
                status.update(f"{stage} …")
            else:
                console.print(f"{stage} …", highlight=False)

        title = f"{options.synthetic.name} beside {options.real.name}"
        return compare(*sides, asked=asked, facts=facts, title=title, tell=tell)


def _asked(options: argparse.Namespace) -> "Asked":
    from regrowth.reports.comparison import Asked

    if options.positive and not (options.target and options.groups and options.holdout):
        raise SettingsError("--positive also needs --target, --groups and --holdout: models are compared by group.")
    return Asked(
        kinds=_kinds(options.kinds),
        target=options.target,
        groups=tuple(options.groups),
        positive=options.positive,
        pairs=not options.no_records,
        seed=options.seed,
    )


def _kinds(given: Sequence[str]) -> "dict[str, Kind]":
    kinds: dict[str, Any] = {}
    for one in given:
        name, equals, kind = one.rpartition("=")
        if not equals or kind not in KINDS:
            raise SettingsError(f"--kinds {one}: expected COLUMN=KIND, with one of {', '.join(KINDS)}.")
        kinds[name] = kind
    return kinds


def _read(paths: Sequence[Path], options: argparse.Namespace) -> "list[Side]":
    from regrowth.reports.sources import read_sides

    return read_sides(paths, text=options.text)


def _about(path: Path | None) -> Any:
    from regrowth.reports.publishing.about import About, read_about

    return About() if path is None else read_about(path)


def _inputs(paths: Sequence[Path]) -> "list[Input]":
    from regrowth.core.dataset import Dataset
    from regrowth.reports.publishing.manifest import Input, described

    found = []
    for role, path in zip(("real", "synthetic", "hold-out"), paths, strict=False):
        if path.is_dir():  # of a dataset, the manifest names the sum of every part
            facts = described(Dataset(path).path / "manifest.json", role)
            found.append(Input(role, f"{path.name}/manifest.json", facts.sha256, facts.bytes))
        else:
            found.append(described(path, role))
    return found


def _data(side: "Side", inputs: "Sequence[Input]", report: "Report") -> "Data":
    from regrowth.reports.publishing.card import Data, columns_of

    real = [one for one in inputs if one.role == "real"]
    files = [one for one in inputs if one.role == "synthetic"]
    command = next((block.command for block in report.blocks if block.kind == "facts"), "")
    if isinstance(side, tuple):
        return Data(files=files, rows=len(side), modality="text", real=real, command=command)
    return Data(files=files, rows=side.num_rows, columns=columns_of(side.schema), real=real, command=command)


def _command(options: argparse.Namespace) -> str:
    """Return the command that repeats a comparison; keys are none of its business."""
    words = ["regrowth", "compare", options.real.name, options.synthetic.name]
    words += ["--holdout", options.holdout.name] if options.holdout else []
    words += [word for one in options.kinds for word in ("--kinds", one)]
    words += ["--target", options.target] if options.target else []
    words += [word for one in options.groups for word in ("--groups", one)]
    words += ["--positive", options.positive] if options.positive else []
    words += ["--text", options.text] if options.text else []
    words += ["--no-records"] if options.no_records else []
    return " ".join(map(shlex.quote, [*words, "--seed", str(options.seed)]))


def _say(report: "Report", console: Console) -> str:
    verdict = report.blocks[0]
    assert verdict.kind == "judgement"
    console.print(f"[bold {COLOURS[verdict.level]}]{escape(verdict.text)}[/]", highlight=False, soft_wrap=True)
    for reason in verdict.reasons[:SHOWN]:
        console.print(f"  {reason.level}: {escape(reason.text)}", highlight=False, soft_wrap=True)
    if len(verdict.reasons) > SHOWN:
        console.print(f"  {len(verdict.reasons) - SHOWN} more on the page", highlight=False)
    return verdict.level


def _stem(path: Path) -> str:
    name = path.resolve().name.removesuffix(".gz")
    return Path(name).stem or "comparison"


# Manifest ---------------------------------------------------------------------------------------------------------


def report_key(path: Path | None) -> "Key | None":
    """Return the key to sign with: that of the file, else that of the environment, else none."""
    from regrowth.reports.publishing.manifest import load_key

    return load_key(path, os.environ)


def _verify(options: argparse.Namespace, console: Console) -> int:
    from regrowth.reports.publishing.manifest import check

    found = check(options.verify, report_key(options.key))
    for what, names in (("changed", found.changed), ("missing", found.missing)):
        for name in names:
            console.print(f"{what}: {name}", highlight=False, soft_wrap=True, markup=False)
    said = {
        "valid": "the signature is valid",
        "wrong": "the signature is wrong: the manifest was changed",
        "another key": "signed with another key than the one brought",
        "not checked": "signed, and not checked: bring the key (--key FILE or REGROWTH_SIGNING_KEY)",
        "unsigned": "unsigned: it shows accidents, but not forgers",
    }[found.signature]
    same = found.files - len(found.changed) - len(found.missing)
    console.print(f"{same} of {found.files} files are as they were; {said}.", highlight=False, soft_wrap=True)
    return 0 if found.passed else 1
