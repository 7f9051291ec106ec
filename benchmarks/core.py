"""What the core costs: appends and replays per second, memory against the number of rows, import time.

    python -m benchmarks.core            # about two minutes; writes benchmarks/results/core.json

Each figure is the median of repeats in processes of their own; memory is private (resident less shared) at its peak.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "core.json"
REPEATS = 5
VALUE = "x" * 4096


def appends(count: int = 20_000) -> dict[str, float]:
    """Append and then replay effects with 4 KB values, 128 at a time."""
    from regrowth.core.protocols import Answer, Cost
    from regrowth.core.store import Store

    async def compute() -> Answer:
        return Answer(VALUE, Cost(1, 100, 100))

    async def once(folder: Path) -> tuple[float, float]:
        with Store(folder) as store:
            start, cpu = time.perf_counter(), time.process_time()
            for first in range(0, count, 128):
                some = range(first, min(count, first + 128))
                await asyncio.gather(*(store.effect("generate", {"number": number}, compute) for number in some))
            return time.perf_counter() - start, time.process_time() - cpu

    with tempfile.TemporaryDirectory() as folder:
        first, cpu = asyncio.run(once(Path(folder)))
        again, cpu_again = asyncio.run(once(Path(folder)))
    return {
        "appends_per_s": count / first,
        "append_cpu_us": cpu / count * 1e6,
        "replays_per_s": count / again,
        "replay_cpu_us": cpu_again / count * 1e6,
    }


def memory(rows: int) -> dict[str, float]:
    """Grow a dataset of some rows from a generator of seeds and return the peak of private memory, in MB."""
    import threading

    from regrowth.core.flow import grow
    from regrowth.core.protocols import Answer, Cost
    from regrowth.core.record import Record
    from regrowth.core.store import Store

    class Seeds:
        def __iter__(self):  # type: ignore[no-untyped-def]
            return (Record.of(f"question {number}") for number in range(rows))

    peak = 0

    def watch() -> None:
        nonlocal peak
        while True:
            resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
            peak = max(peak, (int(resident) - int(shared)) * 4096)
            time.sleep(0.02)

    async def go(folder: Path) -> float:
        with Store(folder) as store:

            async def work(seed: Record) -> Record:
                async def compute() -> Answer:
                    return Answer(f"{seed.prompt} {VALUE[:1000]}", Cost(1, 10, 250))

                text = await store.effect("generate", {"prompt": seed.prompt}, compute)
                return seed.derive(response=text)

            start = time.perf_counter()
            await grow(Seeds(), work, store=store, path=folder / "data" / "grown")
            return rows / (time.perf_counter() - start)

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        rate = asyncio.run(go(Path(folder)))
    return {"peak_mb": peak / 2**20, "rows_per_s": rate}


def imported() -> dict[str, float]:
    """Return the CPU seconds of `import regrowth` and of all that its front page names."""
    start = time.process_time()
    import regrowth

    bare = time.process_time() - start
    for name in regrowth.__all__:
        getattr(regrowth, name)
    return {"import_cpu_s": bare, "all_names_cpu_s": time.process_time() - start}


def median(call: str) -> dict[str, float]:
    """Run a measurement in processes of its own and return the median of each figure."""
    program = f"import json, benchmarks.core as core; print(json.dumps(core.{call}))"
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
        for _ in range(REPEATS)
    ]
    return {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]}


def main() -> None:
    """Measure everything and write it down."""
    few, many = median("memory(5_000)"), median("memory(100_000)")
    figures = {
        "effects of 4 KB": median("appends()"),
        "5,000 rows": few,
        "100,000 rows": many,
        "memory, 100,000 over 5,000 rows": round(many["peak_mb"] / few["peak_mb"], 3),
        "import": median("imported()"),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
