"""Print results as Markdown: medians over the repeats, and ratios to the floor of the same repeat."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

__all__ = ["tables"]

Row = dict[str, Any]
Key = tuple[Any, ...]


def tables(rows: Iterable[Row]) -> str:
    """Return all tables there are results for."""
    grouped: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["lane"], row["prompts"], row["steps"]].append(row)
    return "\n\n".join(TABLES[key[0]](key, group) for key, group in sorted(grouped.items()))


def speed_table(key: Key, rows: Sequence[Row]) -> str:
    """Return the table of one size and number of steps."""
    floors = {repeat_of(row): row for row in rows if row["peer"] == "floor"}
    lines = []
    for peer, group in by_peer(rows):
        cells = [
            len(group),
            middle(group, rate, ".0f"),
            middle(group, cpu_per_thousand, ".2f"),
            against(group, floors, lambda row: row["wall_s"]),
            against(group, floors, lambda row: row["cpu_s"]),
            middle(group, lambda row: row["wall_s"], ".2f"),
            middle(group, lambda row: row["driver"].get("import_s"), ".2f"),
            middle(group, lambda row: row["first_request_s"], ".2f"),
            middle(group, lambda row: row["peak_mb"], ".0f"),
            middle(group, lambda row: row["server"]["peak"], ".0f"),
            worst(group, lambda row: row["outcome"]["lost"] + row["outcome"]["wrong"] + row["outcome"]["duplicated"]),
            middle(group, lambda row: row["others_cores"], ".2f"),
        ]
        lines.append([named(peer, group), *cells])
    head = [
        "", "runs", "calls/s after import", "CPU s per 1,000 calls", "wall × floor", "CPU × floor", "wall s",
        "start and import s", "first request s", "peak MB", "most in flight", "lost, wrong or double",
        "cores used by others",
    ]  # fmt: skip
    return f"### {key[1]:,} prompts, {key[2]} step(s)\n\n" + markdown(head, lines)


def kill_table(key: Key, rows: Sequence[Row]) -> str:
    """Return the table of calls paid again."""
    lines = [
        [
            named(peer, group),
            len(group),
            spread(group, lambda row: row["killed"]["answered"] - row["killed"]["unheard"]),
            spread(group, lambda row: row["killed"]["unheard"]),
            spread(group, lambda row: row["server"]["paid_again"]),
            spread(group, lambda row: max(0, row["server"]["paid_again"] - row["killed"]["unheard"])),
            spread(group, outcome("lost")),
            spread(group, outcome("duplicated")),
            ", ".join(sorted({ending(row) for row in group})),
        ]
        for peer, group in by_peer(rows)
    ]
    head = [
        "", "runs", "answered before the kill", "in flight at the kill", "paid again", "of these answered before",
        "lost", "duplicated", "second start",
    ]  # fmt: skip
    title = f"### SIGKILL half-way through {key[1]:,} prompts, {key[2]} step(s), same command again"
    return f"{title}\n\n{markdown(head, lines)}"


def fault_table(key: Key, rows: Sequence[Row]) -> str:
    """Return the table of what becomes of prompts when the server fails."""
    names = ("wanted", "delivered", "explained", "listed", "vanished", "wrong", "duplicated")
    lines = [
        [
            named(peer, group),
            len(group),
            *(spread(group, outcome(name)) for name in names),
            spread(group, lambda row: sum(row["server"]["failed"].values())),
            middle(group, lambda row: row["wall_s"], ".1f"),
            ", ".join(sorted({ending(row) for row in group})),
        ]
        for peer, group in by_peer(rows)
    ]
    head = [
        "", "runs", "answerable", "delivered", "failed, told with the reason", "failed, told without",
        "missing, not told", "wrong", "duplicated", "failed attempts", "wall s", "ended",
    ]  # fmt: skip
    what = "5 % fail for ever" if key[0] == "failforever" else "every fifth attempt is spoilt"
    return f"### {key[1]:,} prompts, {what}\n\n" + markdown(head, lines)


TABLES: dict[str, Callable[[Key, Sequence[Row]], str]] = {
    "speed": speed_table,
    "kill": kill_table,
    "failforever": fault_table,
    "faults": fault_table,
}


def by_peer(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    """Return the rows of each peer, in the order of first appearance."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["peer"]].append(row)
    return groups.items()


def repeat_of(row: Row) -> Key:
    """Return what names the repeat a row belongs to."""
    return row["session"], row["repeat"]


def outcome(name: str) -> Callable[[Row], int]:
    """Return the function that reads one count of the outcome."""
    return lambda row: int(row["outcome"][name])


def rate(row: Row) -> float | None:
    """Return calls per second, from the end of the import to the written file."""
    seconds = row["driver"].get("work_s")
    return row["server"]["ok"] / seconds if seconds else None


def cpu_per_thousand(row: Row) -> float | None:
    """Return CPU seconds of all the client's processes, import included, per thousand calls answered."""
    calls = row["server"]["ok"]
    return 1000 * row["cpu_s"] / calls if calls else None


def ending(row: Row) -> str:
    """Say how a driver ended."""
    if row["ended"] == "too late":
        return f"hung (ended after {row['limit']:.0f} s)"
    return "well" if row["returncode"] == 0 else f"exit code {row['returncode']}"


def named(peer: str, group: Sequence[Row]) -> str:
    """Return a peer's name with the version that ran."""
    versions = sorted({row["driver"]["version"] for row in group if row["driver"]})
    return f"{peer} {'/'.join(versions)}".strip()


def middle(group: Sequence[Row], value: Callable[[Row], float | None], form: str) -> str:
    """Return the median of what is known."""
    known = [found for row in group if (found := value(row)) is not None]
    return format(median(known), form) if known else "–"


def worst(group: Sequence[Row], value: Callable[[Row], float]) -> str:
    """Return the largest value."""
    return str(max(map(value, group)))


def spread(group: Sequence[Row], value: Callable[[Row], float]) -> str:
    """Return the range of values, or the one value."""
    values = sorted(map(value, group))
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]}–{values[-1]}"


def against(group: Sequence[Row], floors: dict[Key, Row], value: Callable[[Row], float]) -> str:
    """Return the median ratio to the floor of the same repeat."""
    ratios = [value(row) / value(floors[repeat_of(row)]) for row in group if repeat_of(row) in floors]
    return f"{median(ratios):.1f}" if ratios else "–"


def markdown(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    table = [head, ["---"] + ["---:"] * (len(head) - 1), *lines]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in table)
