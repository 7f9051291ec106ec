"""Command line of the orchestration benchmark.

python -m benchmarks.orchestration setup                   # the environments, once
python -m benchmarks.orchestration speed --prompts 1000 5000 --steps 1 2 --repeats 3
python -m benchmarks.orchestration kill --repeats 3
python -m benchmarks.orchestration failforever
python -m benchmarks.orchestration faults
python -m benchmarks.orchestration table
"""

import argparse
import itertools
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.orchestration.lanes import Plan, mock_server, run
from benchmarks.orchestration.peers import PEERS, ROOT, build, python_of
from benchmarks.orchestration.table import tables

RESULTS = ROOT / "benchmarks" / "results" / "orchestration.jsonl"
WARM_UP = 20
"""Prompts of an unrecorded first run, after which every tool's bytecode and files are cached."""
SPEED_PEERS = [name for name in PEERS if not name.endswith("-checkpoint")]
FAULT_PEERS = [name for name in SPEED_PEERS if name not in ("floor", "httpx", "openai-aiohttp")]
DURABLE_PEERS = [name for name in PEERS if name not in ("floor", "httpx", "openai-aiohttp")]


def main() -> None:
    """Do what the command line says."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.orchestration", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    lanes = arguments.add_subparsers(dest="lane", required=True)
    environments = sorted({peer.environment for peer in PEERS.values()})
    setup = lanes.add_parser("setup", help="make the virtual environments")
    setup.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(environments)}; none: all")
    add_lane(lanes, "speed", SPEED_PEERS, [1000, 5000], repeats=3)
    add_lane(lanes, "kill", DURABLE_PEERS, [600], repeats=3)
    add_lane(lanes, "failforever", FAULT_PEERS, [600], repeats=1)
    add_lane(lanes, "faults", FAULT_PEERS, [600], repeats=1)
    table = lanes.add_parser("table", help="print results as Markdown")
    table.add_argument("results", nargs="*", type=Path, default=[RESULTS])
    given = arguments.parse_args()
    if given.lane == "setup":
        for name in given.names or environments:
            build(name)
    elif given.lane == "table":
        print(tables(json.loads(line) for path in given.results for line in path.read_text().splitlines()))
    else:
        run_lane(given)


def add_lane(lanes: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, peers: list[str],
             prompts: list[int], *, repeats: int) -> None:  # fmt: skip
    """Describe the options of one lane."""
    lane = lanes.add_parser(name, help="see benchmarks/README.md")
    lane.add_argument(
        "--peers", nargs="+", choices=PEERS, default=peers, metavar="PEER", help=f"of: {', '.join(PEERS)}"
    )
    lane.add_argument("--prompts", nargs="+", type=int, default=prompts)
    lane.add_argument("--steps", nargs="+", type=int, choices=(1, 2), default=[1, 2] if name == "speed" else [1])
    lane.add_argument("--repeats", type=int, default=repeats)
    lane.add_argument("--concurrency", type=int, default=128)
    lane.add_argument("--limit", type=float, default=300, help="seconds until a driver counts as hung")
    lane.add_argument("--results", type=Path, default=RESULTS)


def run_lane(given: argparse.Namespace) -> None:
    """Run all peers in turn, then all again; append each result as it comes."""
    for peer in given.peers:
        python_of(PEERS[peer])
    session = datetime.now(UTC).isoformat(timespec="seconds")
    given.results.parent.mkdir(parents=True, exist_ok=True)
    turns = itertools.product(given.prompts, given.steps, range(given.repeats), given.peers)
    with mock_server() as mock, given.results.open("a") as results:
        for peer in given.peers:
            run(Plan("speed", peer, WARM_UP, limit=given.limit), mock)
        for prompts, steps, repeat, peer in turns:
            plan = Plan(given.lane, peer, prompts, steps, given.concurrency, given.limit, repeat)
            row = {"session": session, **run(plan, mock)}
            results.write(json.dumps(row) + "\n")
            results.flush()
            print(f"{peer} {prompts}×{steps} #{repeat}: {row['wall_s']:.2f} s, {row['cpu_s']:.2f} CPU s, "
                  f"exit {row['returncode']}, {row['outcome']}", file=sys.stderr)  # fmt: skip


if __name__ == "__main__":
    main()
