"""What existing tools have against a piece of code, before it runs: syntax, names, types, suspicious constructs.

    await check(executor, "def f(n):\\n    return m", "python")
        (Finding(line=2, code="F821", message="Undefined name `m`", severity="error"),)

Findings are feedback for a repair, never a judgement of safety. The tools run inside the sandbox, for a compiler reads
files and Perl runs what stands in BEGIN. A tool that is not installed is a finding too, of severity `skipped`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from typing import Any, Literal, TypeAlias

from regrowth.core.errors import DataError
from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.sandbox.language_table import GO
from regrowth.sandbox.languages import Toolchain, checked
from regrowth.sandbox.programs import VERSION
from regrowth.sandbox.values import decode, read

__all__ = ["Finding", "check"]

Severity: TypeAlias = Literal["error", "warning", "skipped"]

LONGEST = 300
"""Characters of a message that are kept."""
READ = 65_536
"""Characters of each stream that are read."""
MOST = 50
"""Findings that are kept of one piece of code."""

RUFF_LIMITS = Limits(cpu=6, wall=20, memory=512, processes=64)

RULES = "E9,F,PLE,B006,B015,B018,B020,B023,B025,B032,E711,W605"
"""Rules of ruff that find mistakes, not matters of taste."""
_SOFT = re.compile(r"F401|F841|F811|F541|B\d+|E711|W605|TS(?:7\d+|2580|2591|2307|2792)")
"""Codes that tools call errors and that do not stop a program; the last four miss the types of node."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold one thing that a tool has against a piece of code."""

    line: int
    """Counted from 1; 0 if the tool names none."""
    code: str
    """What the tool calls it: `F821`, `E0425`, `-Wunused-variable`; the tool's name if it has no name for it."""
    message: str
    severity: Severity


async def check(executor: Executor, code: str, language: str) -> tuple[Finding, ...]:
    """Return what the tools of a language find in a piece of code, at most 50 findings, as they come.

    Raises:
        SettingsError: no such language.
        NoIsolation: nothing here can isolate the tools.
        CallFailed: the sandbox itself broke down.
    """
    tools = checked(language)
    safe = code.encode("utf-8", "replace").decode()
    if not isinstance(tools, Toolchain):
        return (Finding(0, language, f"not checked: {tools.reason} Install it: {tools.install}", "skipped"),)
    if language == "python":
        return await _python(executor, safe, tools)
    if language == "sql":
        return await _sql(executor, safe)
    way = _WAYS[language]
    name = tools.language.source
    command = way.command.format(file=name, **tools.commands)
    files = {name: way.prepared(safe), VERSION: tools.version}
    files |= {} if way.script is None else {"check": way.script}
    done = await executor.run(files, ["sh", "-c", command], "", tools.language.limits)
    tool = tools.language.tools[0].names[0]
    return tuple(_unique(_read(done, way, tool)))[:MOST] or _unfinished(done, tool)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Say how a tool is asked and how its answer reads."""

    command: str
    pattern: str
    """Groups: line, message; code and severity where the tool tells."""
    severity: Severity = "error"
    """Where the tool tells no severity."""
    clean: Severity | None = None
    """What findings are if the tool leaves with 0, where that differs."""
    prepared: Callable[[str], str] = str
    script: str | None = None


def _read(done: Execution, way: _Way, tool: str) -> Iterator[Finding]:
    said = f"{done.stdout[:READ]}\n{done.stderr[:READ]}"
    for found in re.finditer(way.pattern, said, re.M):
        held = found.groupdict()
        severity = way.severity if done.status != "ok" or way.clean is None else way.clean
        if "severity" in held:
            severity = "warning" if held["severity"] and "warning" in held["severity"].lower() else "error"
        code = held.get("code") or ""
        if code and _SOFT.fullmatch(code):
            severity = "warning"
        yield Finding(int(held["line"][:9]), code or tool, held["message"].strip()[:LONGEST], severity)


def _unique(findings: Iterator[Finding]) -> Iterator[Finding]:
    yield from dict.fromkeys(findings)


def _unfinished(done: Execution, tool: str) -> tuple[Finding, ...]:
    """Return a finding if a tool that found nothing did not leave in peace."""
    if done.status == "ok":
        return ()
    said = " ".join((done.stderr or done.stdout).split())
    what = f"{done.status}, {done.reason}" if done.reason else done.status
    return (Finding(0, tool, f"the check ended as {what}: {said}"[:LONGEST], "error"),)


async def _python(executor: Executor, code: str, tools: Toolchain) -> tuple[Finding, ...]:
    done = await executor.run({"check.py": _SYNTAX, "candidate.py": code}, ["python", "check.py"])
    way = _Way(command="", pattern=r"^candidate\.py:(?P<line>\d+): (?P<message>.*)$")
    if findings := tuple(_read(done, way, "python")) or _unfinished(done, "python"):
        return findings
    if (ruff := tools.commands.get("ruff")) is None:
        return (
            Finding(0, "ruff", "names not checked: ruff is not on the path. Install it: pip install ruff", "skipped"),
        )
    asked = ["check", "--isolated", "--no-cache", "--exit-zero", "--output-format=json", f"--select={RULES}"]
    done = await executor.run({"candidate.py": code}, [ruff, *asked, "candidate.py"], "", RUFF_LIMITS)
    try:
        told = read(done.stdout)
    except DataError:
        return _unfinished(done, "ruff") or (Finding(0, "ruff", "its answer cannot be read", "error"),)
    return tuple(_unique(map(_from_ruff, told)))[:MOST]


def _from_ruff(told: Mapping[str, Any]) -> Finding:
    code = str(told["code"] or "syntax")
    severity: Severity = "warning" if _SOFT.fullmatch(code) else "error"
    return Finding(int(told["location"]["row"]), code, str(told["message"])[:LONGEST], severity)


async def _sql(executor: Executor, code: str) -> tuple[Finding, ...]:
    files = {"driver.py": _DRIVER, "candidate.py": _SQL, "query.sql": code}
    request = json.dumps({"function": "faults", "inputs": [[]]})
    done = await executor.run(files, ["python", "driver.py"], request)
    try:
        found: Any = decode(read(done.stdout)["value"])
        return tuple(Finding(line, "sqlite", str(message)[:LONGEST], "error") for line, message in found)[:MOST]
    except (DataError, LookupError, TypeError, ValueError):
        return _unfinished(done, "sqlite") or (Finding(0, "sqlite", "its answer cannot be read", "error"),)


def _texts(names: Sequence[str]) -> tuple[str, ...]:
    folder = package_files("regrowth.sandbox").joinpath("drivers")
    return tuple(folder.joinpath(name).read_text("utf-8") for name in names)


_SYNTAX, _DRIVER, _SQL = _texts(("syntax.py", "python.py", "sql.py"))

_JULIA = """
function shown(node, line)
    node isa LineNumberNode && return node.line
    if node isa Expr
        node.head == :error && println("main.jl:", line, ": ", node.args[1])
        node.head == :incomplete && println("main.jl:", countlines("main.jl"), ": ", node.args[1])
        for one in node.args
            line = shown(one, line)
        end
    end
    line
end
shown(Base.parse_input_line(read("main.jl", String); filename = "main.jl"), 1)
"""
_RACKET = """
(parameterize ([read-accept-reader #t] [read-accept-lang #t] [current-namespace (make-base-namespace)])
  (call-with-input-file "main.rkt"
    (lambda (in) (port-count-lines! in) (void (compile (read-syntax (string->path "main.rkt") in))))))
"""
_GCC = (
    r"^[^:\n]+:(?P<line>\d+):\d+: (?P<severity>fatal error|error|warning): "
    r"(?P<message>.*?)(?: \[(?P<code>-W[^\]]+)\])?$"
)


def _go_package(code: str) -> str:
    """Return the code with a package that need not have a main function, on the line where it was."""
    if not re.search(r"^[^\S\n]*package\s", code, re.M):
        return f"package candidate; {code}"
    return (
        code
        if re.search(r"\bfunc main\b", code)
        else re.sub(r"^[^\S\n]*package main\b", "package candidate", code, flags=re.M)
    )


_WAYS: Mapping[str, _Way] = {
    "javascript": _Way(
        command="{node} --check {file}", pattern=r"^[^\n]*main\.js:(?P<line>\d+)\n[\s\S]*?^(?P<message>\w*Error: .*)$"
    ),
    "typescript": _Way(
        command="{tsc} --noEmit --strict --pretty false --target es2020 --skipLibCheck {file}",
        pattern=r"^[^(\n]+\((?P<line>\d+),\d+\): (?P<severity>error|warning) (?P<code>TS\d+): (?P<message>.*)$",
    ),
    "bash": _Way(command="{bash} -n {file}", pattern=r"^main\.sh: line (?P<line>\d+): (?P<message>.*)$"),
    "perl": _Way(
        command="{perl} -wc {file}", pattern=r"^(?P<message>.*) at main\.pl line (?P<line>\d+)[.,].*$", clean="warning"
    ),
    "lua": _Way(
        command="""{lua} -e 'assert(loadfile("{file}"))'""", pattern=r"^[^\n]*main\.lua:(?P<line>\d+): (?P<message>.*)$"
    ),
    "r": _Way(
        command="""{Rscript} --vanilla -e 'invisible(parse("{file}"))'""",
        pattern=r"main\.R:(?P<line>\d+):\d+: (?P<message>.*)$",
    ),
    "c": _Way(command="{gcc} -std=gnu11 -fsyntax-only -Wall -Wextra {file}", pattern=_GCC),
    "cpp": _Way(command="{g++} -std=gnu++17 -fsyntax-only -Wall -Wextra {file}", pattern=_GCC),
    "java": _Way(
        command="{javac} -encoding UTF-8 -proc:none -Xlint:all,-options,-serial -J-XX:TieredStopAtLevel=1 "
        "-d out {file}",
        pattern=r"^[^:\n]+\.java:(?P<line>\d+): (?P<severity>error|warning): "
        r"(?:\[(?P<code>[\w-]+)\] )?(?P<message>.*)$",
        prepared=lambda code: re.sub(
            r"\bpublic\s+((?:final\s+|abstract\s+)*(?:class|interface|record|enum)\b)", r"\1", code
        ),
    ),
    "rust": _Way(
        command="{rustc} --edition 2021 --crate-type=lib --emit=metadata --error-format=short -A dead_code "
        "-o out {file}",
        pattern=r"^[^:\n]+:(?P<line>\d+):\d+: (?P<severity>error|warning)(?:\[(?P<code>\w+)\])?: (?P<message>.*)$",
    ),
    "go": _Way(
        command=f"{GO} vet {{file}}",
        pattern=r"^(?:vet: )?(?:\./)?main\.go:(?P<line>\d+):\d+: (?P<message>.*)$",
        prepared=_go_package,
    ),
    "php": _Way(
        command="{php} -d display_errors=stderr -l {file}",
        pattern=r"^(?:PHP )?(?:Parse|Fatal) error:\s+(?P<message>.*) in \S*main\.php on line (?P<line>\d+)",
    ),
    "ruby": _Way(
        command="{ruby} -wc {file}", pattern=r"^main\.rb:(?P<line>\d+): (?P<severity>warning: )?(?P<message>.*)$"
    ),
    "julia": _Way(
        command="{julia} --startup-file=no check", pattern=r"^main\.jl:(?P<line>\d+): (?P<message>.*)$", script=_JULIA
    ),
    "racket": _Way(
        command="{racket} -l racket/base -f check",
        pattern=r"^[^:\n]*main\.rkt:(?P<line>\d+):\d+: (?P<message>.*)$",
        prepared=lambda code: code if "#lang" in code else f"#lang racket {code}",
        script=_RACKET,
    ),
}
