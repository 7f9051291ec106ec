"""Translate code: a translation is kept if it gives the values of the Python original, on the same sampled inputs.

Source: the programming language translation of Llama 3.1 (2024, arXiv:2407.21783, section 4.3.1). Departs from it in
three points: that a translation parses and runs is not enough, it has to behave like the original; the tests of the
original are translated by a program, never by a model; and a translation that fails is mended, so that hard functions
are not lost, with the whole dialogue as the record.

One function on its way:
    original       "def half(n):\\n    return n // 2", with the test "assert half(7) == 3"
    request        "Translate this Python function to JavaScript. …"
    translation    "function half(n) { return Math.trunc(n / 2); }"
    feedback       "half(-3) gives -1, the original -2"        # found on one of 32 inputs; no test would have
    translation    "function half(n) { return Math.floor(n / 2); }"
    kept with      "const assert = require('node:assert');\\nassert.deepStrictEqual(half(7), 3);"
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import NonNegativeInt, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.flow import Budget
from regrowth.core.protocols import Executor, Model
from regrowth.core.record import Message, Record
from regrowth.core.settings import Frozen
from regrowth.domains.code.benchmarks import read_benchmark
from regrowth.domains.code.extract import extracted
from regrowth.domains.code.inputs import Difference
from regrowth.domains.code.programs import exit_judged
from regrowth.recipes._code.asserts import Tests, translated, writable
from regrowth.recipes._code.originals import Original, agreement, difference, failed, noted, observed, proven
from regrowth.recipes._code.prompts import SAMPLING, asked
from regrowth.recipes._code.yields import Yield, by_difficulty, yields
from regrowth.reports.blocks import save
from regrowth.run import Run
from regrowth.sandbox.checks import check
from regrowth.sandbox.languages import toolchain

__all__ = ["Settings", "back", "request", "translate", "translate_code"]

TITLES = {"javascript": "JavaScript", "typescript": "TypeScript", "php": "PHP", "cpp": "C++", "sql": "SQL"}
NOTES: Mapping[str, str] = {
    "javascript": "Lists and tuples are arrays, dicts are plain objects, None is null.",
    "typescript": "Lists and tuples are arrays, dicts are plain objects, None is null.",
    "lua": "Lists and dicts are tables, None is nil.",
    "perl": "Lists and dicts are references, true is 1 and false an empty string, None is undef.",
    "r": "Lists of one kind are vectors, others are lists; dicts are named lists, None is NULL.",
    "bash": "Every argument is a word: true or false, a list with spaces between its members, a list of lists with "
    "a line for each, a dict with a line `key,value` for each entry. The result is printed in the same form.",
}
"""How values are passed, where a language leaves it open."""

FAULTS = 5
"""Complaints of a parser or compiler that are told."""


class Settings(Frozen):
    """Say which functions, into which language, and what counts as the same."""

    functions: Path
    """File of Python functions: HumanEval or MBPP as published, or rows with `code`, perhaps `function` and `tests`."""
    model: str
    """Who translates."""
    language: str
    """Into what: one of `regrowth.sandbox.languages`, as `javascript`."""
    samples: PositiveInt = 1
    """Translations per function; the share of them that is right at once tells how hard it is."""
    repairs: NonNegativeInt = 2
    """How often a translation may be mended."""
    inputs: PositiveInt = 32
    """Inputs on which both are compared. Every other one is kept secret: no feedback shows it."""
    errors: bool = False
    """Whether a translation has to fail where the original raises an error; else such inputs are left out."""
    both_ways: bool = False
    """Whether each kept pair is also asked for the other way round: what it proves holds in both directions."""
    count: PositiveInt | None = None
    """Translations wanted; nothing tries every function once."""
    tokens: PositiveInt | None = None
    """Budget of tokens."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold what was found about one translation."""

    by: str = ""
    """What it failed at: `whole`, `parses`, `agrees` or `tests`; nothing if it is accepted."""
    reason: str = ""
    feedback: str = ""
    """What its writer may know of the reason."""
    share: float = 0.0
    """Of the inputs with the value of the original."""


async def translate_code(run: Run, settings: Settings) -> Dataset:
    """Return the translations that behave like their originals.

    Raises:
        SettingsError: no such language, or its tools are not installed.
        NoIsolation: nothing here can isolate code.
    """
    toolchain(settings.language)
    data = await run.agrow(
        list(read_benchmark(settings.functions)),
        partial(translate, settings=settings),
        run.model(settings.model),
        run.sandbox,
        name=f"translated-{settings.language}",
        gates=[proven],
        count=settings.count,
        budget=Budget(tokens=settings.tokens),
    )
    save(run.folder, [by_difficulty(yielded(data))])
    return data


def yielded(data: Dataset) -> list[Yield]:
    """Return what became of the translations of easy and of hard functions."""
    kept = [record for record in data if record["source"] == "python"]
    lost = [entry.record for entry in data.ledger() if "pass_rate" in entry.record.attributes]
    return yields([*kept, *lost], kept)


async def translate(function: Record, model: Model, executor: Executor, *, settings: Settings) -> list[Record]:
    """Have a function translated several times, each mended until it is right or the repairs are used up.

    Raises:
        Rejected: the function's behaviour cannot be told from sampled inputs.
    """
    fits = partial(writable, language=settings.language)
    original = await observed(executor, function, settings.inputs, representable=fits, errors=settings.errors)
    tests = translated(function["checks"], original.function, settings.language, original.signature)
    one = partial(_one, function, original, tests, model, executor, settings)
    made = await asyncio.gather(*map(one, range(settings.samples)))
    rate = sum(record["attempts"] == 1 and "failed" not in record.attributes for record in made) / len(made)
    made = [noted(record, pass_rate=rate) for record in made]
    if not settings.both_ways:
        return made
    return [*made, *(back(record, original) for record in made if "failed" not in record.attributes)]


async def _one(
    function: Record,
    original: Original,
    tests: Tests,
    model: Model,
    executor: Executor,
    settings: Settings,
    sample: int,
) -> Record:
    """Return one dialogue with its last translation, which says what it failed at, if it did."""
    turns = [Message("user", request(original.code, original.function, settings.language))]
    for attempt in range(settings.repairs + 1):
        reply = await model.generate(turns, SAMPLING["full"], seed=function.seed("translate", sample, attempt))
        code = extracted(reply.text, language=settings.language, function=original.function)
        if reply.finish == "length" or not code.code:
            reason = code.reason or "the reply was cut"
            verdict = Verdict("whole", reason, reason)
        else:
            verdict = await judge(executor, code.code, settings.language, original, tests)
        if not verdict.by or attempt == settings.repairs:
            break
        feedback = asked("full", "repair_translation", language=title(settings.language), feedback=verdict.feedback)
        turns += [Message("assistant", reply.text), Message("user", feedback)]
    record = function.derive(
        prompt=turns,
        response=fenced(code.code, settings.language) if code.code else reply.text,
        attributes={
            "source": "python",
            "language": settings.language,
            "sample": sample,
            "attempts": attempt + 1,
            "repaired": attempt > 0,
            "refused": "",
            "tests": tests.text,
            "tests_left_out": tests.left_out,
            "inputs": list(map(original.call, original.inputs)),
        },
        scores={
            "agreement": verdict.share,
            "inputs": float(len(original.inputs)),
            "isolation": float(executor.tier),
        },
    )
    return failed(record, verdict.by, verdict.reason) if verdict.by else record


async def judge(executor: Executor, code: str, language: str, original: Original, tests: Tests) -> Verdict:
    """Try a translation: it parses, it does what the original does, it passes the translated tests."""
    faults = [one for one in await check(executor, code, language) if one.severity == "error"]
    if faults:
        said = "\n".join(f"line {one.line}: {one.message}" for one in faults[:FAULTS])
        return Verdict("parses", said, said)
    compared = await agreement(executor, original, code, language=language)
    if (first := compared.first_difference) is not None:
        hint = await _hint(executor, code, language, original, first)
        return Verdict("agrees", difference(original, first), hint, compared.share)
    if tests.text:
        ran = await exit_judged(executor, f"{code.rstrip()}\n\n{tests.text}", language)
        if not ran.right:
            return Verdict("tests", ran.messages[0], f"The tests fail: {ran.messages[0]}", compared.share)
    return Verdict(share=compared.share)


async def _hint(executor: Executor, code: str, language: str, original: Original, first: Difference) -> str:
    """Say a difference that may be told: every other input stays secret, so that none can be learnt by heart."""
    if original.inputs.index(first.arguments) % 2:
        compared = await agreement(executor, original, code, language=language, inputs=original.inputs[::2])
        if compared.first_difference is None:
            return "On an input that is not shown here it does something else than the original."
        first = compared.first_difference
    return f"{difference(original, first)}."


def request(code: str, function: str, language: str) -> str:
    """Ask for the translation of a function."""
    return _asked(code, function, "python", language)


def _asked(code: str, function: str, source: str, language: str) -> str:
    values = {"code": code.strip(), "function": function, "note": f" {note}" if (note := NOTES.get(language)) else ""}
    return asked("full", "translate", source=title(source), language=title(language), **values)


def back(record: Record, original: Original) -> Record:
    """Return the same pair the other way round: the translation is asked for in Python, the original answers."""
    code = extracted(record.response, language=record["language"]).code
    wanted = _asked(code, original.function, record["language"], "python")
    turned = {"source": record["language"], "language": "python", "tests": "\n".join(record["checks"])}
    return record.derive(prompt=wanted, response=fenced(original.code, "python"), attributes=turned)


def fenced(code: str, language: str) -> str:
    """Return code as a reply."""
    return f"```{language}\n{code.strip()}\n```"


def title(language: str) -> str:
    """Return what people call a language."""
    return TITLES.get(language, language.capitalize())
