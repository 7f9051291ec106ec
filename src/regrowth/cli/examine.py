"""`regrowth examine DATA`: what is in a dataset that should not be trained on, and what a policy says to it.

Exit code 0 if it may be trained on; 1 if a mandatory examination failed or could not be made. With `--admit FOLDER` the
data become a dataset there, with their verdicts in its manifest: what training in several processes asks for.
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import MissingExtra, RegrowthError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.layouts import LAYOUTS
from regrowth.core.layouts.rows import read_rows, write_rows
from regrowth.core.record import Record
from regrowth.curation.examiners import EXAMINERS, NEED_FILES
from regrowth.curation.findings import Examination, Finding
from regrowth.curation.lock import Override, Policy, Rule, admitted, examined, signed, verdict
from regrowth.training.job import read_job, records_of

__all__ = ["add_examine"]

SHOWN = 2
"""Findings of each examination that are printed."""


def add_examine(commands: Any) -> None:
    """Add the command to those there are."""
    summary = "look through data for what should not be trained on"
    examine = commands.add_parser(
        "examine",
        help=summary,
        description=summary,
        epilog="examples:\n"
        "  regrowth examine train.jsonl\n"
        "  regrowth examine train.parquet --against humaneval.jsonl.gz --out clean.jsonl --evidence found.json\n"
        "  regrowth examine written.jsonl --grown-from seeds.jsonl --grown-from book.md\n"
        "  regrowth examine runs/demo/data/verified-1 --policy mine.toml\n"
        "  regrowth examine job.toml --admit examined       the job's data, for training in several processes\n\n"
        f"examinations: {', '.join(EXAMINERS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = ".jsonl, .jsonl.gz, .parquet, the folder of a dataset, or the .toml of a training job"
    examine.add_argument("data", type=Path, help=kinds)
    examine.add_argument("--only", action="append", choices=list(EXAMINERS), help="make this one; repeatable")
    examine.add_argument("--policy", default="", metavar="FILE", help="what may be found (default: docs/lock.md)")
    examine.add_argument("--against", action="append", type=Path, default=[], metavar="FILE", help="a benchmark")
    examine.add_argument(
        "--grown-from", action="append", type=Path, default=[], metavar="FILE", help="texts that the data grew from"
    )
    examine.add_argument("--out", type=Path, metavar="FILE", help="write the records that nothing was found in")
    examine.add_argument("--evidence", type=Path, metavar="FILE", help="write every finding, as JSON")
    examine.add_argument("--layout", choices=LAYOUTS, help="of --out (default: JSONL as it is, else messages)")
    examine.add_argument("--admit", type=Path, metavar="FOLDER", help="write a dataset with its verdicts, if it passes")
    examine.add_argument(
        "--override",
        default="",
        metavar="'NAME: REASON'",
        help="sign for what --admit would refuse; kept with the data",
    )
    examine.set_defaults(command=_examine)


def _examine(options: argparse.Namespace, console: Console) -> int:
    policy = _policy(options)
    for path in (options.out, options.evidence):
        if path is not None and path.resolve() == options.data.resolve():
            raise SettingsError(f"{path}: is what is read. Name another file.")
    rows = _rows(options.data)
    records = [row.record for row in rows]
    places = {row.record.id: row.place for row in reversed(rows)}
    made: dict[str, Examination] = {}
    for name in _chosen(options, policy):
        try:
            with console.status(f"{name} …"):
                made[name] = EXAMINERS[name](records, policy.rules.get(name, Rule()))
        except MissingExtra as missing:
            if options.only or name in policy.rules:
                raise
            console.print(f"{name}: left out. {missing}", highlight=False, soft_wrap=True, markup=False)
    for one in made.values():
        for finding in one.findings[:SHOWN]:
            line = f"{one.gate}, {places[finding.record]}: {_twinned(finding, places).reason}"
            console.print(escape(line), highlight=False, soft_wrap=True)
    console.print(_table(policy, made))
    if options.evidence:
        told = [_told(one, places) for one in made.values()]
        write_text(options.evidence, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if options.out:
        found = {finding.record for one in made.values() for finding in one.findings}
        kept = [row for row in rows if row.record.id not in found]
        _write(kept, options)
        console.print(f"{len(kept):,} records → {options.out}, {len(rows) - len(kept):,} left out", highlight=False)
    if options.admit:
        dataset = _admit(options, policy, rows)
        console.print(f"{len(dataset):,} records → {options.admit}, to be trained on", highlight=False)
        return 0
    passed = all(name in made and verdict(name, made[name], rule).passed for name, rule in policy.rules.items())
    return 0 if passed else 1


def _policy(options: argparse.Namespace) -> Policy:
    """Return the policy, with the files of the command line besides those that it names."""
    policy = Policy.read(options.policy)
    rules = dict(policy.rules)
    for name, files in (("contamination", options.against), ("verbatim", options.grown_from)):
        if files:
            rule = rules.get(name, Rule())
            rules[name] = rule.model_copy(update={"against": (*rule.against, *files)})
    return Policy(rules, policy.source)


def _chosen(options: argparse.Namespace, policy: Policy) -> list[str]:
    """Return what is to be examined: what was named, else all that can be."""
    names = options.only or [name for name in EXAMINERS if name not in NEED_FILES or name in policy.rules]
    for name, option in NEED_FILES.items():
        if name in names and not policy.rules.get(name, Rule()).against:
            raise SettingsError(f"{name}: no file to compare with. Add {option}, or `against` in the policy.")
    return list(names)


class _Row(NamedTuple):
    place: str
    """Line of the file, or the record's id in a dataset."""
    record: Record
    """As it is examined. One of a file knows its place, so that two equal lines are two."""
    row: Any = None
    """As it stands in the file."""
    plain: Record | None = None
    """The record of the row, without its place."""


def _rows(path: Path) -> list[_Row]:
    if path.is_dir():
        return [_Row(f"record {record.id[:12]}", record, plain=record) for record in Dataset(path)]
    if path.suffix == ".toml":
        job = read_job(path)
        records = enumerate(records_of(job.data, job)[0], 1)
        return [_Row(f"record {place}", _placed(one, f"record {place}"), plain=one) for place, one in records]
    pairs = zip(read_rows(path), layouts.read(path), strict=True)
    return [_Row(place, _placed(record, place), row, record) for (place, row), record in pairs]


def _placed(record: Record, place: str) -> Record:
    return replace(record, attributes={**record.attributes, "place": place}, _id="")


def _write(kept: Sequence[_Row], options: argparse.Namespace) -> None:
    """Write rows of JSONL into JSONL as they are, all else in a layout."""
    as_it_is = all(row.row is not None for row in kept)
    if (
        options.layout
        or not as_it_is
        or not all(path.name.endswith((".jsonl", ".jsonl.gz")) for path in (options.data, options.out))
    ):
        layouts.write((row.plain for row in kept if row.plain), options.out, options.layout or "messages")
    else:
        write_rows((row.row for row in kept), options.out, {})


def _admit(options: argparse.Namespace, policy: Policy, rows: Sequence[_Row]) -> Dataset:
    """Return a dataset whose manifest says that it may be trained on; one that does not pass is not left there."""
    place = options.admit
    here = place.resolve() == options.data.resolve() and place.is_dir()
    if place.exists() and not here:
        raise SettingsError(f"--admit {place}: is there already. Name a new folder, or the dataset that is examined.")
    override = Override.read(options.override) if options.override else None
    dataset = Dataset(place) if here else Dataset.write(place, (row.plain for row in rows if row.plain))
    try:
        dataset = examined(dataset, policy, EXAMINERS)
        return signed(dataset, admitted(dataset, policy, override))
    except RegrowthError:
        if not here:
            shutil.rmtree(place)
        raise


def _table(policy: Policy, made: Mapping[str, Examination]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("examination", "found", "of", "allowed", ""):
        table.add_column(name, justify="left" if name in ("examination", "") else "right")
    for name in dict.fromkeys((*made, *policy.rules)):
        rule = policy.rules.get(name)
        if name not in made:
            table.add_row(name, "–", "–", "–", "[red]not examined[/]")
            continue
        found = verdict(name, made[name], rule or Rule())
        allowed, said = (f"{found.allowed:,}", "[green]passed[/]" if found.passed else "[red]failed[/]")
        if rule is None:
            allowed, said = "–", "for your information"
        table.add_row(name, f"{found.found:,}", f"{found.examined:,}", allowed, said)
    return table


def _twinned(finding: Finding, places: Mapping[str, str]) -> Finding:
    """Name a twin by its place, which a person can find."""
    twin = str(finding.evidence.get("twin", ""))
    if twin not in places:
        return finding
    evidence = {**finding.evidence, "twin": places[twin]}
    return replace(finding, reason=finding.reason.replace(twin, places[twin]), evidence=evidence)


def _told(one: Examination, places: Mapping[str, str]) -> dict[str, Any]:
    findings = [
        {"place": places[each.record], "reason": each.reason, "evidence": each.evidence}
        for each in (_twinned(finding, places) for finding in one.findings)
    ]
    return {"gate": one.gate, "settings": one.settings, "examined": one.examined, "findings": findings}
