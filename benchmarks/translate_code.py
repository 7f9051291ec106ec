"""Translations that a real model wrote, accepted by differential testing, beside the verdicts of MultiPL-E's own tests.

    REGROWTH_DATA=/path/to/data python -m benchmarks.translate_code    # writes benchmarks/results/translate_code.json
    REGROWTH_DATA=… python -m benchmarks.translate_code 120 lua r      # 120 replies each, of these languages only
    python -m benchmarks.translate_code table                          # prints what was measured

Recorded: the replies in `code/multipl_e_LANGUAGE.jsonl.gz` go through the recipe as the translations of the functions
of MBPP and HumanEval with the same number. (They were written from a task in words, not from the Python; nothing else
is known of them.) Every reply is also judged as MultiPL-E does: code and its tests run as one program, exit code 0.

Mutants: of accepted translations, each with one operator changed. How many does differential testing refuse, how many
the tests? A mutant that no input tells from the translation, among the recipe's and a thousand further ones, is counted
as equivalent.
"""

import ast
import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

from regrowth.core.dataset import Entry
from regrowth.core.record import Record
from regrowth.domains.code.benchmarks import read_benchmark
from regrowth.domains.code.extract import extracted
from regrowth.domains.code.inputs import Program, agree, draw_inputs
from regrowth.domains.code.programs import judge
from regrowth.domains.code.signatures import examples, signature
from regrowth.metrics.intervals import proportion
from regrowth.recipes._code.asserts import writable
from regrowth.recipes._code.originals import agreement, observed
from regrowth.recipes.translate_code import Settings, request, translate_code
from regrowth.run import Run, open_run
from regrowth.sandbox.calls import call
from regrowth.sandbox.languages import Missing, checked, toolchain
from regrowth.sandbox.values import same

WORK = Path(__file__).parent / ".work" / "translate_code"
RESULTS = Path(__file__).parent / "results" / "translate_code.json"
FILES = {"javascript": "js", "lua": "lua", "perl": "pl", "r": "r", "bash": "sh"}
ASSERT = re.compile(r"assert\.deepEqual\(candidate(\(.*\),.*)\);")
INPUTS = Settings.model_fields["inputs"].default
EACH = 241
"""Replies per language, at most, drawn from all that there are."""
REASONS = 200
"""Characters of a reason that are written down."""


def data() -> Path:
    """Return where the real files are."""
    return Path(os.environ["REGROWTH_DATA"]) / "code"


def originals() -> dict[str, dict[str, Any]]:
    """Return the rows of MBPP and HumanEval by number, as MultiPL-E counts them."""
    found = {}
    for name in ("mbpp", "humaneval"):
        for line in gzip.decompress((data() / f"{name}.jsonl.gz").read_bytes()).decode().splitlines():
            row = json.loads(line)
            number = str(row["task_id"]).rpartition("/")[2]
            found[f"{'mbpp' if name == 'mbpp' else 'HumanEval'}_{number}"] = row
    return found


def renamed(rows: Sequence[dict[str, Any]], names: Sequence[str], path: Path) -> list[str]:
    """Return rows as lines, with their functions called as MultiPL-E calls them: some differ."""
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    pairs = zip(rows, names, read_benchmark(path), strict=True)
    return [re.sub(rf"\b{one['function']}\b", name, json.dumps(row)) for row, name, one in pairs]


def recorded(language: str, folder: Path, each: int) -> tuple[Path, Path, dict[str, Record]]:
    """Write the functions of one language and the replies to their requests; return both, and the problems by name."""
    rows = originals()
    problems = list(read_benchmark(data() / f"multipl_e_{FILES[language]}.jsonl.gz"))
    numbers = {"_".join(one["name"].split("_")[:2]): one for one in problems}
    functions, replies = folder / "functions.jsonl", folder / "replies.jsonl"
    kept = [number for number in numbers if number in rows]
    kept = sorted(Random(0).sample(kept, min(each, len(kept))))
    lines = renamed([rows[one] for one in kept], [numbers[one]["function"] for one in kept], functions)
    functions.write_text("\n".join(lines), "utf-8")
    # Some functions stand twice in MBPP; a request finds one reply, so the second is left out.
    different = dict[str, int]()
    for place, one in enumerate(read_benchmark(functions)):
        different.setdefault(" ".join(one.target.split()), place)
    kept, lines = [kept[place] for place in different.values()], [lines[place] for place in different.values()]
    functions.write_text("\n".join(lines), "utf-8")
    read = list(read_benchmark(functions))
    pairs = [
        (request(one.target, one["function"], language), numbers[number])
        for number, one in zip(kept, read, strict=True)
    ]
    replies.write_text(
        "\n".join(json.dumps({"prompt": text, "responses": [problem.response]}) for text, problem in pairs), "utf-8"
    )
    return functions, replies, {one["name"]: numbers[number] for number, one in zip(kept, read, strict=True)}


def measured(language: str, each: int = EACH) -> dict[str, Any]:
    """Return both verdicts on every reply of one language."""
    folder = WORK / language
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    functions, replies, problems = recorded(language, folder, each)
    with open_run(folder / "run") as run:
        settings = Settings(functions=functions, model=f"recorded:{replies}", language=language, repairs=0)
        made = run.wait(translate_code(run, settings))
        theirs = verdicts(run, problems)
        alike = same_tasks(run, {one["name"]: one for one in read_benchmark(functions)})
        entries = {entry.record["name"]: entry for entry in (*made.entries(), *made.ledger())}
        return {
            "isolation": run.sandbox.tier,
            "version": toolchain(language).version,
            "seconds": round(time.monotonic() - start),
            "tests written out": [sum(bool(record["tests"]) for record in made), len(made)],
            "rows": {
                name: {**verdict(entry), "theirs": theirs[name], "same task": alike[name]}
                for name, entry in sorted(entries.items())
            },
            "mutants": hunted(run, language, list(made), problems, each),
        }


def verdict(entry: Entry) -> dict[str, str]:
    """Return what the recipe made of a reply: what it failed at, and whether on an input of the tests or another."""
    if not entry.gate:
        return {"ours": "accepted"}
    record = entry.record
    shown = [
        f"{record['function']}({', '.join(map(repr, given))})"
        for given in examples(record.target, record["function"], record["checks"])
    ]
    at = entry.gate
    if at == "agrees":
        at = "agrees, test" if entry.reason.startswith(tuple(f"{one} " for one in shown)) else "agrees, other"
    return {"ours": at, "reason": entry.reason[:REASONS]}


def same_tasks(run: Run, functions: Mapping[str, Record]) -> dict[str, bool]:
    """Return which Python functions pass MultiPL-E's tests, as they stand in its JavaScript file.

    MultiPL-E took MBPP's edited problems: some ask for another value than the function of the same number gives.
    """
    told = {one["name"]: one["program_tests"] for one in read_benchmark(data() / "multipl_e_js.jsonl.gz")}

    async def one(name: str) -> bool:
        return await passes(run, functions[name], told.get(multipl_e(name, told), ""))

    return dict(zip(functions, run.wait(run.aeach(list(functions), one, name="same task?")), strict=True))


def multipl_e(name: str, told: Mapping[str, str]) -> str:
    """Return what MultiPL-E calls a problem of MBPP or HumanEval."""
    start = name.replace("/", "_") + "_"
    return next((one for one in told if one.startswith(start)), "")


async def passes(run: Run, function: Record, tests: str) -> bool:
    """Return whether a Python function passes tests that are written in JavaScript."""
    cases = [case for line in ASSERT.findall(tests) if (case := _case(line))]
    called = await call(run.sandbox, function.target, function["function"], [given for given, _ in cases])
    return all(
        not found.error and same(expected, found.value, loose=True, tolerance=1e-6)
        for (_, expected), found in zip(cases, called.outcomes, strict=True)
    )


def _case(line: str) -> tuple[list[object], object] | None:
    words = {"true": "True", "false": "False", "undefined": "None", "null": "None"}
    text = re.sub(r"(?<![\w\"'])(true|false|undefined|null)(?![\w\"'])", lambda word: words[word[1]], line)
    try:
        called, expected = ast.parse(f"f{text}", mode="eval").body.elts  # type: ignore[attr-defined]
        return [ast.literal_eval(one) for one in called.args], ast.literal_eval(expected)
    except (SyntaxError, ValueError, AttributeError):
        return None


def verdicts(run: Run, problems: dict[str, Record]) -> dict[str, bool]:
    """Judge every reply by MultiPL-E's own tests."""

    async def one(name: str) -> bool:
        return (await judge(run.sandbox, problems[name], problems[name].response)).right

    return dict(zip(problems, run.wait(run.aeach(list(problems), one, name="MultiPL-E's tests")), strict=True))


def crossed(rows: Mapping[str, Any]) -> Counter[tuple[str, bool]]:
    """Return how often which pair of verdicts was given, where both judged the same task."""
    kinds = {"accepted": "accepted", "inputs": "no behaviour"}
    return Counter((kinds.get(row["ours"], "refused"), row["theirs"]) for row in rows.values() if row["same task"])


# Mutants of right translations --------------------------------------------------------------------------------------

SWAPS = {
    "<=": "<", "<": "<=", ">=": ">", ">": ">=", "===": "!==", "!==": "===", "==": "!=", "!=": "==", "~=": "==",
    "+": "-", "-": "+", "*": "+", "/": "*", "%": "*", "%%": "*", "//": "*", "&&": "||",
    "||": "&&", "and": "or", "or": "and",
    "+=": "-=", "-=": "+=", "*=": "+=", "eq": "ne", "ne": "eq", "-eq": "-ne", "-lt": "-le", "-le": "-lt", "-gt": "-ge",
    "-ge": "-gt", "true": "false", "false": "true", "TRUE": "FALSE", "FALSE": "TRUE",
}  # fmt: skip
OPERATOR = re.compile(
    r"(?<=[\s(])(?:" + "|".join(map(re.escape, sorted(SWAPS, key=len, reverse=True))) + r")(?=[\s);,])"
)
QUOTED = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|/\*.*?\*/|(?://|#|--)[^\n]*", re.DOTALL)
PER_TRANSLATION = 2
MUTANTS = 3
"""Replies for which one mutant is tried."""
FURTHER = 1000
"""Inputs on which a mutant that was not refused is compared with the translation before it counts as equivalent."""


def mutants(code: str) -> list[str]:
    """Return copies of some code with one operator changed, outside texts and comments."""
    hidden = [range(*match.span()) for match in QUOTED.finditer(code)]
    return [
        code[: match.start()] + SWAPS[match[0]] + code[match.end() :]
        for match in OPERATOR.finditer(code)
        if not any(match.start() in span for span in hidden)
    ]


def hunted(
    run: Run, language: str, made: Sequence[Record], problems: Mapping[str, Record], each: int
) -> dict[str, Any]:
    """Try mutants of accepted translations: which are refused by what?"""
    rng = Random(f"mutants {language}")
    drawn = []
    for record in made:
        code = extracted(record.response, language=language).code
        wrong = mutants(code)
        drawn += [(record, code, one) for one in rng.sample(wrong, min(PER_TRANSLATION, len(wrong)))]
    drawn = rng.sample(drawn, min(each // MUTANTS, len(drawn)))

    async def one(case: tuple[Record, str, str]) -> str:
        return await fate(run, language, *case, problems[case[0]["name"]])

    fates = Counter(run.wait(run.aeach(drawn, one, name="mutants")))
    return {"mutants": len(drawn), **fates}


async def fate(run: Run, language: str, record: Record, code: str, mutant: str, problem: Record) -> str:
    """Return what becomes of a mutant: whether both kinds of test refuse it, one does, or none."""
    fits = partial(writable, language=language)
    original = await observed(run.sandbox, record, INPUTS, representable=fits)
    compared = await agreement(run.sandbox, original, mutant, language=language)
    tested = (await judge(run.sandbox, problem, f"```{language}\n{mutant}\n```")).right
    if not compared.complete:
        return "refused by both" if not tested else "refused by differences only"
    told = signature(original.code, original.function, record["checks"])
    known = examples(original.code, original.function, record["checks"])
    further = [given for given in draw_inputs(told, known, FURTHER, 1) if all(map(fits, given))]
    right, wrong = (Program(one, original.function, language, original.signature) for one in (code, mutant))
    more = await agree(run.sandbox, right, wrong, further)
    if more.complete:
        return "equivalent" if tested else "refused by its tests only"
    return "missed by both" if tested else "refused by its tests only"


# What was measured --------------------------------------------------------------------------------------------------


def table(measured: Mapping[str, Any]) -> None:
    """Print both verdicts per language, what the refusals say, and what became of the mutants."""
    print(
        "| language | replies | another task | no behaviour | accepted | tests pass "
        "| both | only accepted | only tests pass | neither |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for language, one in measured.items():
        if "skipped" in one:
            print(f"| {language} | skipped: {one['skipped']} |")
            continue
        pairs = crossed(one["rows"])
        accepted = pairs["accepted", True] + pairs["accepted", False]
        passing = pairs["accepted", True] + pairs["refused", True]
        silent = pairs["no behaviour", True] + pairs["no behaviour", False]
        cells = [len(one["rows"]), sum(not row["same task"] for row in one["rows"].values()), silent, accepted, passing]
        cells += [pairs[ours, theirs] for ours, theirs in (("accepted", True), ("accepted", False), ("refused", True))]
        cells.append(pairs["refused", False])
        print(f"| {language} | {' | '.join(map(str, cells))} |")
    print(
        "\n| language | mutants | equivalent | refused by differences | refused by the tests |\n|---|---|---|---|---|"
    )
    for language, one in measured.items():
        if fates := one.get("mutants"):
            count = fates["mutants"] - fates.get("equivalent", 0)
            both = fates.get("refused by both", 0)
            shares = [
                proportion(both + fates.get(f"refused by {what} only", 0), count)
                for what in ("differences", "its tests")
            ]
            told = " | ".join(f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]" for share in shares)
            print(f"| {language} | {fates['mutants']} | {fates.get('equivalent', 0)} | {told} |")


def main() -> None:
    """Measure every language that is installed, write the figures down and print them."""
    if sys.argv[1:] == ["table"]:
        table(json.loads(RESULTS.read_text("utf-8")))
        return
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    each = next((int(word) for word in sys.argv[1:] if word.isdecimal()), EACH)
    for language in [word for word in sys.argv[1:] if word in FILES] or FILES:
        tools = checked(language)
        results[language] = {"skipped": tools.reason} if isinstance(tools, Missing) else measured(language, each)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    table(results)


if __name__ == "__main__":
    main()
