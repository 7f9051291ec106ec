"""Read the command line, call what it names, turn errors into one clear line and an exit code.

Exit codes: 0 done; 1 an error; 2 a setting or an argument is wrong; 3 fewer records than asked for; 4 code would have
to run and nothing here can isolate it; 130 Ctrl-C.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from regrowth import __version__
from regrowth.cli import doctor, forecast
from regrowth.cli.compare import add_compare, report_key
from regrowth.cli.decontaminate import add_decontaminate
from regrowth.cli.examine import add_examine
from regrowth.cli.live import LiveWatcher
from regrowth.cli.settings import read_settings, takes_settings
from regrowth.cli.taxonomy import add_taxonomy
from regrowth.cli.why import passport, print_passport
from regrowth.core.errors import NoIsolation, RegrowthError, SettingsError, Shortfall, StoreError
from regrowth.core.layouts import LAYOUTS
from regrowth.recipes import RECIPES, recipe
from regrowth.reports import report
from regrowth.run import Run, open_run

__all__ = ["main"]

EXAMPLES = """examples:
  regrowth demo                                            a model improves on its own verified answers
  regrowth run verify_solutions --set problems=gsm8k.jsonl.gz --set model=openai:my-model@http://localhost:8000/v1
  regrowth run fine_tune --set data=pairs.jsonl --set objective=dpo --set training.steps=200
  regrowth preview verify_solutions my.toml --rows 5       five records end to end, and what the whole will take
  regrowth why runs/demo 5f0c                              where a record came from, or why it was refused
  regrowth examine train.jsonl --against humaneval.jsonl.gz   what in there should not be trained on
  regrowth export runs/demo verified-1 train.jsonl --layout messages
"""


EXIT_CODES = {SettingsError: 2, Shortfall: 3, NoIsolation: 4}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    console, errors = Console(), Console(stderr=True)
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(given).parse_args(given)
    try:
        return int(options.command(options, console) or 0)
    except KeyboardInterrupt:
        errors.print("Stopped. All that was done is kept: the same command goes on from here.", highlight=False)
        return 130
    except Exception as error:
        if options.debug or not isinstance(error, RegrowthError):
            raise
        errors.print(f"[red bold]error:[/] {_plain(error)}", highlight=False, soft_wrap=True)
        return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def _plain(error: Exception) -> str:
    notes = getattr(error, "__notes__", [])
    return "\n".join([str(error), *notes]).replace("[", r"\[")


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="regrowth",
        description="Grow verified training data, and the models trained on it, from a few real seeds.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"regrowth {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_running(commands, given)
    _add_reading(commands)
    add_examine(commands)
    add_compare(commands)
    add_decontaminate(commands)
    add_taxonomy(commands)
    look = _command(commands, "doctor", _doctor, "what this machine can do, and how to get what is missing")
    look.add_argument("--folder", type=Path, default=Path("runs"), help="where runs would be written")
    look.add_argument("--model", help="also ask this model one question")
    return parser


def _add_running(commands: Any, given: Sequence[str]) -> None:
    """Add the commands that make something; where a recipe is named, its settings are options too."""
    demo = _command(commands, "demo", _demo, "a small model improves on its own verified answers; no key, no network")
    takes_settings(demo, folder=Path("runs/demo"))
    _takes_isolation(demo)
    _takes_tracker(demo)
    _takes_policy(demo)

    known = "\n".join(f"  {name:<20} {text}" for name, text in RECIPES.items())
    example = (
        "regrowth run verify_solutions --set problems=my.jsonl --set model=openai:my-model@http://localhost:8000/v1"
    )
    run = _command(commands, "run", _run, "run a recipe", example, before=f"recipes:\n{known}\n\n")
    run.add_argument("recipe", help="its name")
    takes_settings(run, given)
    _takes_isolation(run)
    _takes_tracker(run)
    _takes_policy(run)

    summary = "a few records end to end, and a forecast of the whole run"
    preview = _command(commands, "preview", _preview, summary, "regrowth preview rejection_sampling --rows 8")
    preview.add_argument("recipe", help="its name")
    preview.add_argument("--rows", type=int, default=5, help="records per dataset (default: 5)")
    takes_settings(preview, given)
    _takes_isolation(preview)
    _takes_policy(preview)


def _add_reading(commands: Any) -> None:
    """Add the commands that look at a run, or change what it holds."""

    def command(name: str, function: Any, summary: str, example: str) -> argparse.ArgumentParser:
        parser = _command(commands, name, function, summary, f"regrowth {name} runs/demo{example}")
        parser.add_argument("run", type=Path, help="folder of the run")
        return parser

    again = command("report", _report, "write report.html and report.json of a run again, with its cards", "")
    again.add_argument("--key", type=Path, metavar="FILE", help="sign the manifest with this key (docs/report.md)")

    why = command("why", _why, "the passport of one record, kept or refused", " 5f0c1a")
    why.add_argument("record", help="id of the record, or how it begins")
    why.add_argument("--json", action="store_true", help="print plain JSON data")

    forget = command("forget", _forget, "delete records and all that was made from them", " 5f0c1a9e… --yes")
    forget.add_argument("records", nargs="+", help="whole ids")
    forget.add_argument("--yes", action="store_true", help="do not ask")

    example = " verified-1 train.parquet --layout prompt-completion"
    export = command("export", _export, "write a dataset in a layout that trainers read", example)
    export.add_argument("dataset", help="its name, as the report shows it")
    export.add_argument("file", type=Path, help=".jsonl, .jsonl.gz or .parquet")
    export.add_argument("--layout", default="messages", choices=LAYOUTS, help="default: messages")
    _takes_policy(export)


def _command(
    commands: Any, name: str, function: Any, summary: str, example: str = "", *, before: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"{before}example:\n  {example or f'regrowth {name}'}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser


def _takes_isolation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--isolation",
        default="auto",
        metavar="KIND",
        help="what runs code that models write: auto (tier 2 or 1), namespaces, landlock, gvisor or remote:http://host:port",
    )


def _takes_tracker(parser: argparse.ArgumentParser) -> None:
    kinds = "tensorboard:FOLDER, trackio:PROJECT or wandb:PROJECT"
    parser.add_argument("--track", default="", metavar="KIND:TARGET", help=f"tell each training step to {kinds}")


def _takes_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", default="", metavar="FILE", help="what data must pass (docs/lock.md)")
    parser.add_argument(
        "--override", default="", metavar="'NAME: REASON'", help="sign for data that do not pass; kept with the weights"
    )


# Commands ---------------------------------------------------------------------------------------------------------


def _demo(options: argparse.Namespace, console: Console) -> int:
    options.recipe = "rejection_sampling"
    return _run(options, console)


def _run(options: argparse.Namespace, console: Console) -> int:
    chosen = recipe(options.recipe)
    settings = read_settings(chosen, options.settings, options.set)
    folder = options.folder or Path("runs") / chosen.name
    how = {"track": options.track, "isolation": options.isolation, **_lock(options)}
    with LiveWatcher(console) as watcher, open_run(folder, watcher=watcher, **how) as run:
        if run.store.new_effects == 0 and (done := sum(kind["count"] for kind in run.store.totals().values())):
            console.print(
                f"{folder}: {done:,.0f} effects are remembered and will not be repeated.",
                highlight=False,
                soft_wrap=True,
            )
        run.remember(chosen.name, settings.model_dump(mode="json"))
        run.wait(chosen.function(run, settings))
    return _report(argparse.Namespace(run=folder, key=None), console)


def _preview(options: argparse.Namespace, console: Console) -> int:
    chosen = recipe(options.recipe)
    settings = read_settings(chosen, options.settings, options.set)
    folder = options.folder or Path("runs") / chosen.name
    if options.rows < 1:
        raise SettingsError(f"--rows {options.rows}: ask for at least one record.")
    how = {"preview": options.rows, "isolation": options.isolation, **_lock(options)}
    with LiveWatcher(console) as watcher, open_run(folder, watcher=watcher, **how) as run:
        run.wait(chosen.function(run, settings))
        forecast.show(console, run)
    return 0


def _report(options: argparse.Namespace, console: Console) -> int:
    with _existing(options.run) as run:
        made = report.write(run.folder, run.store, report_key(options.key))
    for line in made.lines:
        console.print(line, highlight=False)
    console.print(f"report: {made.page}", highlight=False, soft_wrap=True)
    return 0


def _why(options: argparse.Namespace, console: Console) -> int:
    with _existing(options.run) as run:
        facts = passport(run, options.record)
    if options.json:
        console.print_json(data=facts)
    else:
        print_passport(console, facts)
    return 0


def _forget(options: argparse.Namespace, console: Console) -> int:
    with _existing(options.run) as run:
        records = run.store.descendants(options.records)
        question = (
            f"Delete {len(records):,} records (these and all made from them) and the models trained on them? \\[y/N] "
        )
        if not options.yes and console.input(question).strip().lower() not in ("y", "yes"):
            console.print("Nothing was deleted.")
            return 1
        gone = run.forget(options.records)
    console.print(
        f"Forgotten: {gone.records:,} records in {len(gone.datasets)} datasets ({', '.join(gone.datasets) or 'none'}), "
        f"{gone.effects:,} effects, {len(gone.models)} trained models. Run the recipe again to train without them.",
        highlight=False,
    )
    return 0


def _export(options: argparse.Namespace, console: Console) -> int:
    with _existing(options.run, **_lock(options)) as run:
        dataset, _ = run.admitted(run.dataset(options.dataset))
        path = dataset.export(options.file, options.layout)
    console.print(f"{len(dataset):,} records → {path} ({options.layout})", highlight=False)
    return 0


def _doctor(options: argparse.Namespace, console: Console) -> int:
    findings = doctor.examine(options.folder)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in findings:
        sign = "[green]✓[/]" if finding.good else "[yellow]–[/]"
        table.add_row(sign, finding.what, finding.state, "" if finding.good else finding.remedy)
    console.print(table)
    if options.model:
        asyncio.run(_asked(options.model, console))
    return 0


async def _asked(name: str, console: Console) -> None:
    from regrowth.core.protocols import Sampling
    from regrowth.core.record import Message
    from regrowth.models.spec import backend

    one = backend(name)
    try:
        answer = await one.answer([Message("user", "What is 2 + 2?")], Sampling(temperature=0, max_tokens=32), [0])
        console.print(f"{name}: {one.read(answer.raw)[0].text!r} ({answer.cost.tokens} tokens)", highlight=False)
    finally:
        await one.close()


# Settings ---------------------------------------------------------------------------------------------------------


def _lock(options: argparse.Namespace) -> dict[str, str]:
    return {"policy": options.policy, "override": options.override}


def _existing(folder: Path, **how: str) -> Run:
    if not (folder / "run.json").exists():
        raise StoreError(f"{folder}: no run there (no run.json). Name the folder that `regrowth run` wrote.")
    return open_run(folder, **how)
