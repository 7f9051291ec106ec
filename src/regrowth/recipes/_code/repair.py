"""A failing program goes back to its writer with what was found, for a bounded number of rounds.

One dialogue on its way, in the words of the brief prompts:
    user        "Write f(x). x is a list of numbers. Take the sum of those above 5."
    assistant   "def f(x):\\n    return sum(n for n in x if n > 6)"        # the wrong attempt, kept as context
    user        "Fix it.\\nf([6, 9]) gave 9, expected 15"
    response    "def f(x):\\n    return sum(n for n in x if n > 5)"        # what is trained on
"""

import ast
import re
from collections.abc import Sequence

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Executor, Model
from regrowth.core.record import Message, Record
from regrowth.domains.code._syntax import parsed
from regrowth.domains.code.extract import extracted
from regrowth.domains.code.suites import Judged, Suite, judged
from regrowth.recipes._code.prompts import SAMPLING, Style, asked
from regrowth.sandbox.checks import Finding, check

__all__ = ["code_of", "corrected", "feedback", "mended", "passing", "suite_of"]

HELD_OUT = 3
"""One frozen test in this many is never shown, where there are twice as many: a program that only returns what it was
told to return for the inputs it was shown does not pass."""
SHOWN = {"full": 5, "brief": 2}
"""Failed tests that the feedback shows; more would only be the same mistake again."""
LONGEST = {"full": 2000, "brief": 80}
"""Characters of one part of the feedback."""


def code_of(reply: str, function: str = "") -> str:
    """Return the program in a reply; a reply without one stands for itself, and will say what is wrong with it."""
    return extracted(reply, function=function).code or reply


def suite_of(record: Record) -> Suite:
    """Return the frozen tests that a record carries."""
    return Suite(record["function"], tuple(record["checks"]), record["setup"])


async def corrected(
    draft: Record, suite: Suite, writer: Model, executor: Executor, *, style: Style, rounds: int
) -> Record:
    """Judge a draft and have it mended until it passes, for so many rounds at most; return the whole dialogue.

    Its score `passed` says how it ended; `feedback` keeps what was found last.
    """
    turns, reply, told = draft.messages, draft.response, ""
    for attempt in range(1, rounds + 2):
        fault = await found_wrong(executor, reply, suite, style)
        if not fault or attempt > rounds:
            break
        told = fault
        turns, reply = await mended(draft, turns, reply, told, writer, style=style, number=attempt)
    return draft.derive(
        prompt=turns,
        response=reply,
        attributes={"attempts": attempt, "repaired": attempt > 1 and not fault, "feedback": fault or told},
    ).scored(passed=float(not fault), isolation=float(executor.tier))


async def mended(
    draft: Record, turns: Sequence[Message], reply: str, told: str, writer: Model, *, style: Style, number: int
) -> tuple[tuple[Message, ...], str]:
    """Ask for a better program; return the conversation up to it, and the new reply.

    A small model's context holds one wrong attempt, so it is shown the last one only.
    """
    before = draft.messages if style == "brief" else turns
    request = Message("user", asked(style, "repair", feedback=told))
    turns = (*before, Message("assistant", reply), request)
    return turns, await writer.ask(turns, SAMPLING[style], seed=draft.seed("repair", number))


async def found_wrong(executor: Executor, reply: str, suite: Suite, style: Style) -> str:
    """Return what is wrong with a reply, as its writer is told; nothing if it passes.

    Warnings of the static analysis are told beside a failure; errors are one.
    """
    code = code_of(reply, suite.function)
    try:
        parsed(code, "the program")
    except DataError as error:
        cause = error.__cause__
        return f"line {cause.lineno}: {cause.msg}" if isinstance(cause, SyntaxError) else str(error)
    lint = await check(executor, code, "python") if style == "full" else ()
    found = await judged(executor, code, suite)
    wrong = not found.right or any(finding.severity == "error" for finding in lint)
    return feedback(found, lint, suite, style) if wrong else ""


def passing(record: Record) -> Record:
    """Refuse a dialogue that did not end in a program that passes: the gate of the frozen tests.

    Raises:
        Rejected: says what was found last.
    """
    if not record.scores["passed"]:
        raise Rejected("frozen_tests", f"after {record['attempts']} attempts: {record['feedback']}")
    return record


# Feedback -----------------------------------------------------------------------------------------------------------


def feedback(found: Judged, lint: Sequence[Finding], suite: Suite, style: Style) -> str:
    """Say what is wrong: how the program ended, what it printed, the failed checks, what static analysis found."""
    if style == "brief":
        return _brief(found, suite)
    failed = [message for place, message in enumerate(found.messages) if message and not _held_out(place, suite)]
    hidden = sum(not one for one in found.passed) - len(failed)
    ended, printed = found.execution, _printed(found.execution.stdout)
    linted = [f"line {one.line}: {one.code} {one.message}" for one in lint if one.severity != "skipped"]
    code = "" if ended.exit is None else f", exit code {ended.exit}"
    parts = [
        f"Failed {len(failed)} of {len(found.messages)} tests:\n" + "\n".join(failed[: SHOWN[style]]) if failed else "",
        f"Failed {hidden} tests that are not shown." if hidden else "",
        f"The program ended with: {ended.status}{code}. {ended.reason}".strip() if ended.status != "ok" else "",
        f"It printed:\n{printed}" if printed else "",
        f"It wrote to stderr:\n{ended.stderr.strip()}" if ended.stderr.strip() else "",
        "Static analysis:\n" + "\n".join(linted) if linted else "",
    ]
    return "\n\n".join(_clipped(part, LONGEST[style]) for part in parts if part)


def _printed(stdout: str) -> str:
    """Return what a program printed by itself: the answers to calls, some of them never to be shown, are left out."""
    return "\n".join(line for line in stdout.splitlines() if not re.match(r'\{"(at|load)":', line)).strip()


def _brief(found: Judged, suite: Suite) -> str:
    failed = [
        _in_a_line(check, message, suite.function)
        for place, (check, message) in enumerate(zip(suite.checks, found.messages, strict=True))
        if message and not _held_out(place, suite)
    ]
    lines = dict.fromkeys(_clipped(line, LONGEST["brief"]) for line in failed[: SHOWN["brief"]])
    return "\n".join(lines) or f"{suite.function} is wrong for another input"


def _held_out(place: int, suite: Suite) -> bool:
    return len(suite.checks) >= 2 * HELD_OUT and place % HELD_OUT == HELD_OUT - 1


_FOUND = re.compile(r"\n  expected (?P<expected>.*), found (?P<found>.*)")
_RAISED = re.compile(r"\n  (?P<call>.*\)) raised (?P<error>.*)")


def _in_a_line(check: str, message: str, function: str) -> str:
    """Return `f([1, 2]) gave 3, expected 4` or `f([]) raised IndexError: …` for a failed check."""
    if raised := _RAISED.search(message):
        return f"{raised['call']} raised {raised['error']}"
    if found := _FOUND.search(message):
        return f"{_call(check, function)} gave {found['found']}, expected {found['expected']}"
    return " ".join(message.splitlines()[-1:]).strip()


def _call(check: str, function: str) -> str:
    """Return the first call of the function in a check, as source."""
    for node in ast.walk(ast.parse(check)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            return ast.unparse(node)
    return check


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
