"""The sandbox under attack: every attack against every backend, as root and as an ordinary user, judged from outside.

    python -m benchmarks.attacks          # about ten minutes; writes benchmarks/results/attacks.json, prints the matrix
    python -m benchmarks.attacks guard    # only this backend; the other columns stay as they were measured
    python -m benchmarks.attacks landlock namespaces ordinary             # or root: only as that user

Backends: `namespaces` (tier 2), `landlock` (tier 1), and as a baseline `guard`, resource limits only, which exists for
this comparison alone. As root, every backend runs programs as a user of its own; the baseline too, because without that
an attack would end this machine's session, and for the same reason an ordinary user is not given the baseline.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "attacks.json"
SYSTEM_PYTHON = "/usr/bin/python3"
STRANGER = "64824"
BACKENDS = ("guard", "landlock", "namespaces")
KEPT = ("family", "held", "reached", "told", "seconds", "processes", "cpu", "memory")
Verdicts = dict[str, dict[str, object]]


def attacked(backend: str, folder: Path, *, ordinary: bool) -> Verdicts | str:
    """Attack a backend in a process of its own; return the verdicts by attack, or why there are none."""
    command, site = [sys.executable], ""
    if ordinary:
        command = ["setpriv", "--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", SYSTEM_PYTHON]
        site = sysconfig.get_path("purelib")
    done = subprocess.run(
        [*command, "-m", "attacks", backend],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": f"{folder}:{site}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or not found:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
    return {one["attack"]: one for one in found}


def copied(folder: Path) -> None:
    """Lay out the sources where everybody can read them."""
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    shutil.copytree(ROOT / "src" / "regrowth", folder / "regrowth", ignore=ignored)
    shutil.copytree(ROOT / "tests" / "attacks", folder / "attacks", ignore=ignored)
    (folder / "home").mkdir()
    if os.getuid() == 0:
        for path in (folder, folder / "home"):
            os.chown(path, int(STRANGER), int(STRANGER))


def matrix(found: dict[str, Verdicts]) -> str:
    """Return all verdicts as a Markdown table."""
    first = next(iter(found.values()))
    lines = ["| attack | family | " + " | ".join(found) + " |", "|---|---|" + "---|" * len(found)]
    for name, one in first.items():
        cells = ("held" if some.get(name, {}).get("held") else "**not held**" for some in found.values())
        lines.append(f"| {name} | {one['family']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(found: dict[str, Verdicts]) -> str:
    """Return the attacks that were held, by family and backend, as a Markdown table."""
    totals = Counter(str(one["family"]) for one in next(iter(found.values())).values())
    lines = ["| family | attacks | " + " | ".join(found) + " |", "|---|---|" + "---|" * len(found)]
    held = {
        column: Counter(str(one["family"]) for one in some.values() if one["held"]) for column, some in found.items()
    }
    for family, count in totals.items():
        lines.append(f"| {family} | {count} | {' | '.join(str(held[column][family]) for column in found)} |")
    sums = " | ".join(f"**{sum(counts.values())}**" for counts in held.values())
    return "\n".join([*lines, f"| **all** | **{sum(totals.values())}** | {sums} |"])


def write(found: dict[str, Verdicts], missing: dict[str, str]) -> None:
    """Write all verdicts that there are."""
    RESULTS.parent.mkdir(exist_ok=True)
    facts = {"kernel": platform.release(), "python": platform.python_version(), "cores": os.cpu_count()}
    kept = {
        column: {name: {key: one[key] for key in KEPT} for name, one in some.items()} for column, some in found.items()
    }
    RESULTS.write_text(json.dumps({**facts, "missing": missing, "verdicts": kept}, indent=1) + "\n", "utf-8")


def main() -> None:
    """Attack everything, write the verdicts and print the tables."""
    users = (False, True) if os.getuid() == 0 else (False,)
    users = users[1:] if "ordinary" in sys.argv else users[:1] if "root" in sys.argv else users
    wanted = [name for name in sys.argv[1:] if name in BACKENDS] or BACKENDS
    known = json.loads(RESULTS.read_text("utf-8")) if sys.argv[1:] and RESULTS.exists() else {}
    found: dict[str, Verdicts] = known.get("verdicts", {})
    missing: dict[str, str] = known.get("missing", {})
    for ordinary in users:
        for backend in wanted:
            if backend == "guard" and (ordinary or os.getuid() != 0):
                continue
            column = f"{backend}, {'root' if os.getuid() == 0 and not ordinary else 'ordinary user'}"
            with tempfile.TemporaryDirectory(prefix="sources-of-attacks-") as name:
                copied(Path(name))
                verdicts = attacked(backend, Path(name), ordinary=ordinary)
            if isinstance(verdicts, str):
                missing[column] = verdicts
            else:
                missing.pop(column, None)
                found[column] = verdicts
            write(found, missing)
            print(f"{column}: {missing.get(column, 'done')}", file=sys.stderr)
    print(matrix(found), summary(found), sep="\n\n")
    for column, some in found.items():
        for name, one in some.items():
            if not one["held"] and not column.startswith("guard"):
                print(f"{column}: {name}: {one['reached']}")


if __name__ == "__main__":
    main()
