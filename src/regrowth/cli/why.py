"""The passport of one record: where it came from, what was asked, what judged it, what was made from it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from regrowth.core.dataset import Dataset, Entry
from regrowth.core.errors import DataError
from regrowth.run import Run

__all__ = ["passport", "print_passport"]

SHOWN = 300
"""Characters of a prompt or a raw answer that are printed."""


def passport(run: Run, wanted: str) -> dict[str, Any]:
    """Return all that is known of a record, kept or refused, as plain JSON data.

    Raises:
        DataError: no record of this run has an id that begins so, or several have.
    """
    found: dict[str, list[tuple[str, Entry]]] = {}
    for name, entry in _matching(run.datasets(), wanted):
        found.setdefault(entry.record.id, []).append((name, entry))
    if not found:
        raise DataError(f"{run.folder}: no record {wanted!r}. Ids stand in the report, in exports and in the ledger.")
    if len(found) > 1:
        raise DataError(f"{wanted!r} begins {len(found)} ids: {', '.join(sorted(found)[:5])} … Give more digits.")
    (places,) = found.values()
    # A mix holds the record as it is; the dataset that made it knows where it came from.
    entry = max((entry for _, entry in places), key=lambda entry: len(entry.passport))
    lines = {parent: _line(run, parent) for parent in entry.record.parents}
    return {
        "datasets": [name for name, _ in places],
        "outcome": entry.outcome,
        "gate": entry.gate,
        "reason": entry.reason,
        "record": entry.record.to_json(),
        "passport": dict(entry.passport),
        "effects": [effect._asdict() | {"cost": effect.cost.tokens} for effect in _effects(run, entry)],
        "parents": lines,
        "children": run.store.children(entry.record.id),
    }


def _matching(datasets: Iterable[Dataset], wanted: str) -> Iterable[tuple[str, Entry]]:
    for dataset in datasets:
        for entries in (dataset.entries(), dataset.ledger()):
            yield from ((dataset.path.name, entry) for entry in entries if entry.record.id.startswith(wanted))


def _effects(run: Run, entry: Entry) -> Any:
    return run.store.effects(entry.passport.get("effects", ()))


def _line(run: Run, parent: str) -> str:
    """Say in one line what a parent is."""
    found = next((entry.record for _, entry in _matching(run.datasets(), parent)), None)
    return "a seed of this run" if found is None else f"{found.origin}: {found.prompt[:80]}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} … ({len(text):,} characters; --json shows all)"


def _how(effect: Mapping[str, Any]) -> str:
    """Say by whom a call was answered, or under what a program ran."""
    asked, value = effect["request"], effect["value"]
    if effect["kind"] != "execute":
        return f"by model {asked.get('model', '-')}, seeds {asked.get('seeds', '-')}, {effect['cost']} tokens"
    limits = ", ".join(f"{name} {bound:g}" for name, bound in asked["limits"].items())
    return f"of {' '.join(asked['argv'])}: {value['status']}, isolated by tier {value['tier']} (limits: {limits})"


def print_passport(console: Console, facts: dict[str, Any]) -> None:
    """Print a passport for people."""
    record = facts["record"]

    def line(label: str, text: object, style: str = "") -> None:
        console.print(f"[bold]{label:<11}[/] [{style or 'default'}]{escape(str(text))}[/]", highlight=False)

    line("record", record["id"])
    verdict = "kept" if facts["outcome"] == "accepted" else f"{facts['outcome']} by {facts['gate']}: {facts['reason']}"
    line("verdict", verdict, "green" if facts["outcome"] == "accepted" else "red")
    line("in", ", ".join(facts["datasets"]))
    for turn in record["messages"]:
        line(turn["role"], turn["content"])
    line("response", record["response"])
    for label in ("target", "attributes", "scores", "origin"):
        if record[label]:
            line(label, record[label])
    passed = facts["passport"].get("gates", [])
    line("passed", ", ".join(passed) or "no gate")
    line("seed", f"{facts['passport'].get('seed', '-')}, draw {facts['passport'].get('draw', 0)}")
    for effect in facts["effects"]:
        asked = effect["request"]
        line("effect", f"{effect['kind']} {effect['key'][:12]} {_how(effect)}, {effect['seconds']:.2f} s")
        if asked.get("messages"):
            line("  asked", _cut(asked["messages"][-1]["content"]), "dim")
        for name, text in asked.get("files", {}).items():
            line(f"  {name}", _cut(text), "dim")
        line("  came back", _cut(json.dumps(effect["value"], ensure_ascii=False)), "dim")
    for parent, text in facts["parents"].items():
        line("parent", f"{parent}  {text}")
    for child in facts["children"]:
        line("child", child)
