"""Static checks: each tool's findings, read; a tool that is not there is told."""

import asyncio

import pytest

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Execution
from regrowth.sandbox import languages
from regrowth.sandbox.checks import Finding, check
from regrowth.sandbox.languages import Missing, checked
from support.executors import Unisolated

FAULTY = {
    "javascript": ("const x = 1;\nfunction f( { return x }\n", 2, "SyntaxError"),
    "typescript": ('let y = 1;\nlet x: number = "a";\n', 2, "not assignable"),
    "bash": ('echo hi\nf() { echo "$x\n', 2, "unexpected EOF"),
    "perl": ("use strict;\nmy $x = 1;\nprint $y;\n", 3, "Global symbol"),
    "lua": ("local x = 1\nx = = 1\n", 2, "unexpected symbol"),
    "r": ("x <- 1\nf <- function(x { x }\n", 2, "unexpected"),
    "c": ("#include <stdio.h>\nint f(void) { return y; }\n", 2, "undeclared"),
    "cpp": ("#include <vector>\nint f() { std::vector<int> x; return x; }\n", 2, "cannot convert"),
    "java": ('public class A {\n  int f() { return "a"; }\n}\n', 2, "incompatible types"),
    "rust": ("// nothing\nfn f() -> i64 { x }\n", 2, "cannot find value"),
    "go": ("package main\nfunc f() int { return x }\n", 2, "x"),
    "php": ("<?php\nfunction f( { return 1; }\n", 2, "unexpected"),
    "ruby": ("x = 1\ndef f(x\n x +\nend\n", 3, "unexpected"),
    "julia": ("x = 1\nf(x) = (x\n", 2, ""),
    "racket": ("#lang racket\n(define (f x) (+ y 1))\n", 2, "unbound identifier"),
    "sql": ("SELECT name FROM people;\nSELEC 1;\n", 2, "syntax error"),
}
CLEAN = {
    "javascript": "const x = 1;",
    "typescript": "export function f(x: number): number { return x; }",
    "bash": "f() { echo hi; }",
    "perl": "use strict; sub f { return 1; }",
    "lua": "local function f() return 1 end",
    "r": "f <- function(x) x",
    "c": "int f(int a) { return a; }",
    "cpp": "#include <vector>\nint f(std::vector<int> a) { return a[0]; }",
    "java": "public class Other { static int f() { return 1; } }",
    "rust": "fn f() -> i64 { 1 }",
    "go": "package main\nfunc f() int { return 1 }",
    "php": "<?php function f() { return 1; }",
    "ruby": "def f(x)\n x\nend",
    "julia": "f(x) = x",
    "racket": "(define (f x) x)",
    "sql": "CREATE TABLE t (a);\nSELECT a FROM t WHERE a > 1;\nSELECT b FROM not_here",
}
QUICK = ("javascript", "bash", "perl", "lua", "c", "php", "sql")


def findings(code: str, language: str) -> tuple[Finding, ...]:
    return asyncio.run(check(Unisolated(), code, language))


@pytest.mark.parametrize(
    "language", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAULTY]
)
def test_a_mistake_is_found_on_its_line_and_clean_code_is_left_alone(language: str) -> None:
    if isinstance(missing := checked(language), Missing):
        pytest.skip(missing.reason)
    code, line, words = FAULTY[language]
    found = findings(code, language)
    assert found
    assert any(one.line == line and words in one.message and one.severity == "error" for one in found), found
    assert findings(CLEAN[language], language) == ()


@pytest.mark.parametrize(
    ("code", "line", "name", "severity"),
    [
        ("def f(n):\n    return m\n", 2, "F821", "error"),
        ("import os\n", 1, "F401", "warning"),
        ("def f(xs=[]):\n    return xs\n", 1, "B006", "warning"),
        ("return 1\n", 1, "python", "error"),
        ("def f(:\n", 1, "python", "error"),
        ("(" * 500, 1, "python", "error"),
        ("x = 1\0\n", 0, "python", "error"),
        ("for x in 3:\n    break\nelse:\n    print(\n", 4, "python", "error"),
    ],
)
def test_python_is_compiled_and_then_linted(code: str, line: int, name: str, severity: str) -> None:
    tools = checked("python")
    if name != "python" and (isinstance(tools, Missing) or "ruff" not in tools.commands):
        pytest.skip("ruff is not on the path")
    (found,) = findings(code, "python")
    assert (found.line, found.code, found.severity) == (line, name, severity)
    assert found.message


def test_clean_python_has_no_finding() -> None:
    assert [
        one for one in findings("def f(n: int) -> int:\n    return n + 1\n", "python") if one.severity != "skipped"
    ] == []


def test_warnings_of_perl_are_no_errors() -> None:
    (found,) = findings("my $x; my $x;\n", "perl")
    assert found.severity == "warning"
    assert "masks earlier declaration" in found.message


def test_warnings_of_a_compiler_carry_its_name_for_them() -> None:
    if isinstance(missing := checked("c"), Missing):
        pytest.skip(missing.reason)
    (found,) = findings("int f(int a) {\n  int b;\n  return a;\n}\n", "c")
    assert (found.line, found.code, found.severity) == (2, "-Wunused-variable", "warning")


def test_a_missing_tool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "_located", lambda name: Missing("lua is not on the path.", "apt install lua5.4"))
    languages.checked.cache_clear()
    try:
        (found,) = findings("x = 1", "lua")
    finally:
        languages.checked.cache_clear()
    assert found == Finding(0, "lua", "not checked: lua is not on the path. Install it: apt install lua5.4", "skipped")


def test_a_check_that_does_not_finish_is_told() -> None:
    class Stuck(Unisolated):
        async def run(self, *given: object, **how: object) -> Execution:
            return Execution(status="timeout", reason="10 s by the clock", stderr="half a\nline")

    for language in ("bash", "python", "sql"):
        (found,) = asyncio.run(check(Stuck(), "x", language))
        assert found.severity == "error"
        assert found.message == "the check ended as timeout, 10 s by the clock: half a line"


def test_no_such_language() -> None:
    with pytest.raises(SettingsError, match="No language 'cobol'"):
        findings("", "cobol")
