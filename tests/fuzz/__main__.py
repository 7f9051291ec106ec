"""Fuzz on the command line: see `fuzz.fuzz`."""

import argparse
import json
import logging
import sys
import time
import warnings
from pathlib import Path

from fuzz.fuzz import fuzz, growths, long_lines, peak, texts_of


def main() -> int:
    """Run what was asked for, print what was found, return 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz parsers, readers and gates.")
    parser.add_argument("count", nargs="?", type=int, default=0, help="inputs")
    parser.add_argument("--seed", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    parser.add_argument("--folder", type=Path, help="where files are written; a temporary folder if none is given")
    parser.add_argument("--growth", action="store_true", help="see whether time grows faster than the text")
    parser.add_argument("--long", action="store_true", help="lines of 10 MB")
    parser.add_argument("--out", type=Path, help="write the outcome there as JSON")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    targets = {name: target for name, target in texts_of().items() if asked.only in name}
    told: dict[str, object] = {}
    wrong = 0
    if asked.count:
        started = time.process_time()
        found = fuzz(asked.count, seed=asked.seed, only=asked.only, folder=asked.folder, tell=_say)
        wrong += len(found.failures)
        slowest = sorted(found.slowest.items(), key=lambda one: -one[1])[:5]
        seconds = time.process_time() - started
        _say(f"{found.inputs:,} inputs, {len(found.failures)} failures, {seconds:.0f} s of CPU, {peak():.0f} MiB")
        _say(f"slowest: {', '.join(f'{name} {taken:.2f} s' for name, taken in slowest)}")
        kinds = {(one.target, one.place, one.error[:60]): one for one in found.failures}
        for one in kinds.values():
            _say(f"{one.target} seed {one.seed} {one.place} {one.error!r} {one.text!r}")
        told["fuzz"] = {
            "inputs": found.inputs,
            "failures": [one._asdict() for one in kinds.values()],
            "failed inputs": len(found.failures),
            "refused in words": sum(found.refused.values()),
            "cpu seconds": round(seconds),
            "peak MiB": round(peak()),
            "targets": len(found.slowest),
            "slowest seconds": dict(slowest),
        }
    if asked.growth:
        steep = []
        for name, target in targets.items():
            for growth in growths({name: target}):
                _say(f"{growth.target} {growth.unit!r}: {' '.join(f'{one:.3f}' for one in growth.seconds)}")
                steep.append({"target": growth.target, "unit": growth.unit, "seconds": growth.seconds})
            _say(f"{name}: looked at, {time.process_time():.0f} s of CPU so far")
        wrong += len(steep)
        told["growth"] = {"targets": len(targets), "steep": steep}
    if asked.long:
        longest, bad = 0.0, []
        for name, unit, seconds, error in long_lines(targets):
            longest = max(longest, seconds)
            if error or seconds > 30:
                _say(f"{name} {unit!r}: {seconds:.1f} s {error}")
                bad.append({"target": name, "unit": unit, "seconds": round(seconds, 1), "error": error})
        wrong += len(bad)
        told["long"] = {"targets": len(targets), "longest seconds": round(longest, 1), "over 30 s or wrong": bad}
    if asked.out:
        asked.out.write_text(json.dumps(told, indent=1, ensure_ascii=True) + "\n", "utf-8")
    return int(wrong > 0)


def _say(words: str) -> None:
    print(words.encode("utf-8", "backslashreplace").decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
