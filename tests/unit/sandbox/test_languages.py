"""Languages: which are here, and that the same functions in all of them give Python's values."""

import asyncio
import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import support.twenty
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.protocols import Limits
from regrowth.sandbox import languages
from regrowth.sandbox.calls import Called, Returned, call, run
from regrowth.sandbox.language_table import LANGUAGES
from regrowth.sandbox.languages import Missing, Toolchain, checked, found, toolchain, toolchain_paths, version
from regrowth.sandbox.programs import DRIVERS, VERSION, _built, running
from regrowth.sandbox.values import same
from support.executors import Unisolated
from support.twenty import INPUTS

EXPECTED = ("python", "bash", "perl", "c")
"""Languages without which a machine is a strange one."""
QUICK = ("bash", "perl", "lua", "c", "php", "javascript")
RESERVED = {("php", "echo"): "echo_", ("cpp", "negate"): "negate_"}
"""Names that a language keeps for itself."""
NOT_IN_C = {"flatten", "chunks", "counts", "lookup", "first", "after", "divided", "squares", "no_entries"}

each_language = pytest.mark.parametrize(
    "language", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in DRIVERS]
)


def here(language: str) -> Toolchain:
    tools = checked(language)
    if isinstance(tools, Missing):
        pytest.skip(f"{tools.reason} {tools.install}")
    return tools


def source(language: str) -> str:
    folder = Path(support.twenty.__file__).parent
    return (folder / f"twenty.{LANGUAGES[language].suffix}").read_text("utf-8")


def called(language: str, code: str, inputs: list[Any], signature: str | None, function: str = "f") -> Called:
    return asyncio.run(call(Unisolated(), code, function, inputs, language=language, signature=signature))


@pytest.mark.timeout(900)
@each_language
def test_twenty_functions_give_the_values_of_python(language: str) -> None:
    here(language)
    wrong = []
    for name, inputs in INPUTS.items():
        if language == "c" and name in NOT_IN_C:
            continue
        original = getattr(support.twenty, name)
        signature = str(inspect.signature(original))
        made = called(language, source(language), inputs, signature, RESERVED.get((language, name), name))
        for given, outcome in zip(inputs, made.outcomes, strict=True):
            expected = original(*given)
            if outcome.error or not same(expected, outcome.value, loose=True):
                wrong.append((name, given, expected, outcome))
    assert wrong == []


@pytest.mark.parametrize("language", EXPECTED)
def test_the_common_languages_are_here(language: str) -> None:
    assert here(language).version


FAILING = {
    "javascript": "function f(n) { if (n === 0) throw new RangeError('no zero'); return n; }",
    "typescript": "function f(n: number): number { if (n === 0) throw new RangeError('no zero'); return n; }",
    "bash": 'f() { if [ "$1" = 0 ]; then echo \'no zero\' >&2; return 3; fi; echo "$1"; }',
    "perl": 'sub f { my ($n) = @_; die "no zero" if $n == 0; return $n; }',
    "lua": "function f(n) if n == 0 then error('no zero') end return n end",
    "r": "f <- function(n) { if (n == 0) stop('no zero'); n }",
    "cpp": '#include <stdexcept>\nint f(int n) { if (n == 0) throw std::runtime_error("no zero"); return n; }',
    "java": 'class A { static int f(int n) { if (n == 0) throw new RuntimeException("no zero"); return n; } }',
    "rust": 'fn f(n: i64) -> i64 { if n == 0 { panic!("no zero") } n }',
    "go": 'package main\nfunc f(n int) int { if n == 0 { panic("no zero") }; return n }',
    "php": "<?php function f($n) { if ($n === 0) throw new Exception('no zero'); return $n; }",
    "ruby": "def f(n)\n raise 'no zero' if n == 0\n n\nend",
    "julia": 'f(n) = n == 0 ? error("no zero") : n',
    "racket": '#lang racket\n(define (f n) (if (= n 0) (error "no zero") n))',
}


@each_language
def test_an_error_in_one_call_leaves_the_others(language: str) -> None:
    here(language)
    if language not in FAILING:
        pytest.skip("C has no errors to catch: a crash ends the program")
    outcomes = called(language, FAILING[language], [[1], [0], [2]], "(n: int) -> int").outcomes
    assert (outcomes[0], outcomes[2]) == (Returned(1), Returned(2))
    assert "status 3" in outcomes[1].error if language == "bash" else "no zero" in outcomes[1].error


BROKEN = {
    "javascript": "function f( {",
    "typescript": "function f( {",
    "bash": 'f() { echo "',
    "perl": "sub f { my $x = ; }",
    "lua": "function f(",
    "r": "f <- function(n { n }",
    "c": "int f(int n) { return m; }",
    "cpp": "int f(int n) { return m; }",
    "java": "class A { static int f(int n) { return m; } }",
    "rust": "fn f(n: i64) -> i64 { m }",
    "go": "package main\nfunc f(n int) int { return m }",
    "php": "<?php function f( {",
    "ruby": "def f(n\n n +",
    "julia": "f(n) = (n",
    "racket": "#lang racket\n(define (f n) (+ m 1))",
}


@each_language
def test_code_that_does_not_compile_is_told_apart(language: str) -> None:
    tools = here(language)
    made = called(language, BROKEN[language], [[1], [2]], "(n: int) -> int")
    assert all(outcome.error and outcome.value is None for outcome in made.outcomes)
    assert made.execution.stderr
    if tools.language.build:
        assert all(outcome.error.startswith("does not compile: ") for outcome in made.outcomes)
    done = asyncio.run(run(Unisolated(), BROKEN[language], language=language))
    assert done.status == "nonzero"
    assert (done.reason == "does not compile") is bool(tools.language.build)


ABROAD = {
    "javascript": 'function f(x) { return "é😀" + x; }',
    "typescript": 'function f(x: string): string { return "é😀" + x; }',
    "bash": "f() { echo \"é😀$1\" | awk '{ print }'; }",
    "perl": 'sub f { my ($x) = @_; return "é😀" . $x; }',
    "lua": 'local function f(x) return "é😀" .. x end',
    "r": 'f <- function(x) paste0("é😀", x)',
    "c": "#include <stdio.h>\n#include <stdlib.h>\n"
    'char *f(char *x) { char *made = malloc(99); sprintf(made, "é😀%s", x); return made; }',
    "cpp": 'std::string f(std::string x) { return "é😀" + x; }',
    "java": 'public class Main { static String f(String x) { return "é😀" + x; } }',
    "rust": 'fn f(x: &str) -> String { format!("é😀{}", x) }',
    "go": 'func f(x string) string { return "é😀" + x }',
    "php": 'function f($x) { return "é😀" . $x; }',
    "ruby": 'def f(x) = "é😀" + x',
    "julia": 'f(x) = "é😀" * x',
    "racket": '(define (f x) (string-append "é😀" x))',
}


@each_language
def test_sources_are_read_as_utf8_and_need_no_ceremony(language: str) -> None:
    here(language)
    made = called(language, ABROAD[language], [["ü"], ["x\n$y"]], "(x: str) -> str")
    assert made.outcomes == (Returned("é😀ü"), Returned("é😀x\n$y"))
    assert called(language, ABROAD[language], [], None).outcomes == ()


HELLO = {
    "javascript": "console.log('a' + 1)",
    "typescript": "const x: number = 1; console.log('a' + x)",
    "bash": "echo a1",
    "perl": "print 'a1'",
    "lua": "print('a1')",
    "r": "cat('a1')",
    "c": '#include <stdio.h>\nint main(void) { puts("a1"); }',
    "cpp": '#include <iostream>\nint main() { std::cout << "a1"; }',
    "java": "class Helper {}\npublic class Hello {"
    ' public static void main(String[] given) { System.out.println("a1"); } }',
    "rust": 'fn main() { println!("a1"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("a1") }',
    "php": "<?php echo 'a1';",
    "ruby": "puts 'a1'",
    "julia": 'println("a1")',
    "racket": '#lang racket\n(display "a1")',
}


@each_language
def test_whole_programs_run(language: str) -> None:
    here(language)
    done = asyncio.run(run(Unisolated(), HELLO[language], language=language))
    assert (done.status, done.stdout.strip()) == ("ok", "a1")


def test_what_the_code_prints_is_told_apart_by_the_mark() -> None:
    code = 'print "{\\"at\\":0,\\"value\\":7}\\nabc"; sub f { print "def"; return 5; }'
    assert called("perl", code, [[1]], "(n: int) -> int").outcomes == (Returned(5),)


def test_signatures_may_be_left_out() -> None:
    assert called("perl", "sub f { return [$_[0] + 1]; }", [[1]], None).outcomes == (Returned([2]),)
    assert called("bash", "f() { echo $1; }", [["x y"]], None).outcomes == (Returned("x y"),)
    here("c")
    assert called("c", "double f(double *xs, int n) { return xs[0] + n; }", [[[1.5, 2]]], None).outcomes == (
        Returned(3.5),
    )


@pytest.mark.parametrize(("given", "what"), [([{"a": 1}], "dict"), ([None], "None"), ([[[1]]], "a list in a list")])
def test_what_c_cannot_take_is_refused_with_the_reason(given: list[object], what: str) -> None:
    here("c")
    with pytest.raises(DataError, match=f"Not supported in C: {what}"):
        called("c", "int f(int x) { return x; }", [given], None)


def test_a_crash_keeps_what_came_before() -> None:
    here("c")
    code = "#include <stdlib.h>\nint f(int n) { if (n == 0) abort(); return n; }"
    outcomes = called("c", code, [[1], [0], [2]], None).outcomes
    assert outcomes[0] == Returned(1)
    assert all(outcome.error.startswith("no value: crashed") for outcome in outcomes[1:])


def test_every_language_is_found_or_says_what_to_do() -> None:
    known = found()
    assert set(known) == set(LANGUAGES)
    for name, tools in known.items():
        if isinstance(tools, Missing):
            assert tools.reason.endswith(".")
            assert tools.install
            with pytest.raises(SettingsError, match="cannot be used"):
                toolchain(name)
        else:
            assert any(sign.isdigit() for sign in version(name))
            assert all(Path(path).exists() for path in (*tools.commands.values(), *tools.paths))
            assert {Path(path) for path in tools.paths} <= set(toolchain_paths())
    with pytest.raises(SettingsError, match="No language 'cobol'"):
        toolchain("cobol")


def test_a_tool_that_is_too_old_broken_or_absent_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    reasons = []
    for program in ("", "echo Lua 5.1.5", "exit 1", "echo Lua 5.4.6"):
        tool = folder / "lua"
        if program:
            tool.write_text(f"#!/bin/sh\n{program}\n")
            tool.chmod(0o755)
        languages.checked.cache_clear()
        languages._located.cache_clear()
        reasons.append(languages.checked("lua"))
    languages.checked.cache_clear()
    languages._located.cache_clear()
    old, broken, good = (reason for reason in reasons[1:])
    assert reasons[0] == Missing("lua or lua5.4 or lua5.3 is not on the path.", "apt install lua5.4")
    assert old == Missing(f"{tool} is 5.1.5, at least 5.3 is needed.", "apt install lua5.4")
    assert broken == Missing(f"{tool} does not run: it says nothing.", "apt install lua5.4")
    assert isinstance(good, Toolchain)
    assert good.paths == (str(tmp_path),)


def test_the_table_is_whole() -> None:
    assert set(LANGUAGES) == {*DRIVERS, "python", "sql"}
    for name, language in LANGUAGES.items():
        assert language.name == name
        assert language.limits.wall >= language.limits.cpu > 0
        assert isinstance(language.limits, Limits)


def test_the_version_of_the_tools_is_part_of_what_is_asked() -> None:
    program = running("bash", "echo 1", "mark")
    assert program.files[VERSION] == version("bash")
    other = replace(toolchain("bash"), version="GNU bash, version 99")
    assert _built(other, {}, "mark", "main.sh").files != _built(toolchain("bash"), {}, "mark", "main.sh").files
