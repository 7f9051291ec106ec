"""Programs in other languages: a candidate, the driver of its language, and calls with their arguments as literals.

    main.lua    local function half(n) return n / 2 end       -- the candidate, its lines as they were
                do … call(0, function() return half(3) end) … end

An answer is a line that begins with a mark, `3f9c… {"at": 0, "value": 1.5}`, so that what the candidate prints is told
apart. The mark is a digest of the program, not a secret: it decides nothing, and the same request stays the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files

from regrowth.core.errors import DataError, SettingsError
from regrowth.sandbox import c_calls
from regrowth.sandbox.declared import parameters
from regrowth.sandbox.language_table import LANGUAGES
from regrowth.sandbox.languages import Toolchain, toolchain
from regrowth.sandbox.literals import argument
from regrowth.sandbox.signatures import ANY, Signature, Type

__all__ = ["BUILD_FAILED", "VERSION", "Program", "calling", "running"]

BUILD_FAILED = '{"build": "failed"}'
"""What the answer's line says if the code does not compile; the messages are on stderr."""

VERSION = "toolchain.txt"
"""A file that no program needs: what is remembered of a run under one compiler is not told of another."""
DRIVERS = {
    "javascript": "javascript.js", "typescript": "javascript.js", "bash": "bash.sh", "perl": "perl.pl",
    "lua": "lua.lua", "r": "r.R", "c": "c.c", "cpp": "cpp.cpp", "java": "RegrowthDriver.java", "rust": "rust.rs",
    "go": "go.go", "php": "php.php", "ruby": "ruby.rb", "julia": "julia.jl", "racket": "racket.rkt",
}  # fmt: skip

_JAVA_START = "RegrowthMain"
_NAME = re.compile(r"[A-Za-z_.][\w.\-?!*>]*")


@dataclass(frozen=True, slots=True)
class Program:
    """Hold what an executor is given."""

    files: Mapping[str, str]
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Request:
    code: str
    function: str
    inputs: Sequence[Sequence[object]]
    kinds: tuple[Type, ...]
    mark: str

    def arguments(self, language: str) -> Iterator[tuple[int, list[str]]]:
        for at, given in enumerate(self.inputs):
            yield at, [argument(one, language, kind) for one, kind in zip(given, self.kinds, strict=False)]


def calling(
    language: str, code: str, function: str, inputs: Sequence[Sequence[object]], signature: Signature, mark: str
) -> Program:
    """Return the program that calls a candidate's function once per input, in a language that is not Python.

    Raises:
        DataError: an argument that the language cannot hold, or a name that is none.
        SettingsError: no such language, or its tools are not installed.
    """
    if not _NAME.fullmatch(function):
        raise DataError(f"Not the name of a function: {function[:80]!r}.")
    if language not in DRIVERS:
        raise SettingsError(f"No calls in {language!r}. Choose one of python, sql, {', '.join(DRIVERS)}.")
    width = max(map(len, inputs), default=0)
    kinds = (*signature.parameters, *(ANY,) * width)[:width]
    request = _Request(code, function, inputs, kinds, mark)
    return _built(toolchain(language), _FRAMES[language](request), mark, _JAVA_START)


def running(language: str, source: str, mark: str) -> Program:
    """Return the program that is a source and nothing else.

    Raises:
        SettingsError: no such language, or its tools are not installed.
    """
    tools = toolchain(language)
    name = _java_main(source) if language == "java" else tools.language.source
    return _built(tools, {name: source}, mark, name.removesuffix(".java"))


def _built(tools: Toolchain, files: Mapping[str, str], mark: str, start: str) -> Program:
    language = tools.language
    files = {**files, VERSION: tools.version}
    argv = [start if part == "Main" else part for part in tools.argv()]
    if not language.build:
        return Program(files, tuple(argv))
    build = language.build.format(file=language.source, **tools.commands)
    script = f"{{ {build}; }} 1>&2 || {{ printf '%s\\n' '{mark} {BUILD_FAILED}'; exit 1; }}\nexec {' '.join(argv)}\n"
    return Program({**files, "build.sh": script}, ("sh", "build.sh"))


@cache
def _driver(language: str) -> str:
    return package_files("regrowth.sandbox").joinpath("drivers", DRIVERS[language]).read_text("utf-8")


def _filled(language: str, request: _Request, calls: str) -> str:
    return _driver(language).replace("@@MARK@@", request.mark).replace("@@CALLS@@", calls)


def _appended(
    language: str, call: str, *, between: str = ", ", empty: str = ""
) -> Callable[[_Request], dict[str, str]]:
    """Return what puts driver and calls behind a candidate in one file, for languages without a build."""

    def frame(request: _Request) -> dict[str, str]:
        code = _CLEANED.get(language, str)(request.code)
        lines = (
            call.format(at=at, f=request.function, x=between.join(given) if given else empty)
            for at, given in request.arguments(language)
        )
        return {LANGUAGES[language].source: f"{code}\n{_filled(language, request, chr(10).join(lines))}"}

    return frame


def _php(code: str) -> str:
    code = code.rstrip().removesuffix("?>")
    return code if "<?php" in code else f"<?php {code}"


def _racket(code: str) -> str:
    return re.sub(r"#lang racket/base\b", "#lang racket", code) if "#lang" in code else f"#lang racket\n{code}"


_CLEANED: Mapping[str, Callable[[str], str]] = {
    "javascript": lambda code: re.sub(r"^export (?:default )?(?=async|function|const|let|class)", "", code, flags=re.M),
    "perl": lambda code: f'use utf8;\n#line 1 "candidate.pl"\n{code}\n;',
    "php": _php,
    "racket": _racket,
    "rust": lambda code: re.sub(r"\bfn main\s*\(", "fn regrowth_candidate_main(", code),
}


def _rust(request: _Request) -> dict[str, str]:
    declared = parameters(request.code, rf"\bfn\s+{re.escape(request.function)}\s*(?:<[^(]*>)?\s*\(") or []
    kinds = tuple(
        _as_floats(kind)
        if re.search(r"\bf(?:32|64)\b", text) and not re.search(r"\b[iu](?:\d+|size)\b", text)
        else kind
        for kind, text in zip(request.kinds, (*declared, *[""] * len(request.kinds)), strict=False)
    )
    typed = _Request(request.code, request.function, request.inputs, kinds, request.mark)
    prefixes = [_borrowed(text.partition(":")[2].strip()) for text in declared]
    lines = []
    for at, given in typed.arguments("rust"):
        borrowed = (f"{sign}{one}" for sign, one in zip((*prefixes, *[""] * len(given)), given, strict=False))
        lines.append(f"    regrowth_driver::call({at}, || {request.function}({', '.join(borrowed)}));")
    code = _CLEANED["rust"](request.code)
    return {"main.rs": f"{code}\n{_filled('rust', request, chr(10).join(lines))}"}


def _as_floats(kind: Type) -> Type:
    return Type("float") if kind.kind == "int" else Type(kind.kind, tuple(map(_as_floats, kind.of)))


def _borrowed(text: str) -> str:
    """Return what stands before an argument of a declared type; a text is what `into` makes of it, borrowed or not."""
    text = re.sub(r"&\s*'\w+\s*", "&", text)
    if not text.startswith("&") or text in ("&str", "& str"):
        return ""
    return "&mut " if text.startswith("&mut ") else "&"


def _cpp(request: _Request) -> dict[str, str]:
    calls, made = [], []
    for at, given in request.arguments("cpp"):
        taken = "".join(f" std::tuple_element_t<{place}, Taken> x{place} = {one};" for place, one in enumerate(given))
        names = ", ".join(f"x{place}" for place in range(len(given)))
        made.append(
            f"static std::string regrowth_call_{at}() {{ using Taken = decltype(regrowth_driver::taken"
            f"(&{request.function}));{taken} return regrowth_driver::tree({request.function}({names})); }}"
        )
        calls.append(f"    regrowth_driver::call({at}, regrowth_call_{at});")
    body = "\n".join([*made, "int main() {", *calls])
    return {"main.cpp": _filled("cpp", request, body), "candidate.cpp": request.code}


def _c(request: _Request) -> dict[str, str]:
    calls = c_calls.calls(request.code, request.function, request.inputs)
    return {"main.c": _filled("c", request, calls.replace("@@MARK@@", request.mark)), "candidate.c": request.code}


def _java(request: _Request) -> dict[str, str]:
    code = re.sub(r"^\s*package\s+[\w.]+\s*;", "", request.code)
    classes = re.findall(r"\b(?:class|interface|record|enum)\s+(\w+)", code)
    if not classes:
        code, classes = f"import java.util.*; public class Candidate {{ {code}\n}}", ["Candidate"]
    if "import java.util" not in code:
        code = f"import java.util.*; {code}"
    public = re.search(r"\bpublic\s+(?:final\s+|abstract\s+)*(?:class|interface|record|enum)\s+(\w+)", code)
    named = ", ".join(f'"{name}"' for name in dict.fromkeys(classes))
    calls = "\n".join(
        f'    static void call{at}() {{ RegrowthDriver.call({at}, "{request.function}", CLASSES, '
        f"new Object[] {{{', '.join(given)}}}); }}"
        for at, given in request.arguments("java")
    )
    made = " ".join(f"call{at}();" for at in range(len(request.inputs)))
    main = (
        f"public final class {_JAVA_START} {{\n    static final String[] CLASSES = {{{named}}};\n{calls}\n"
        f"    public static void main(String[] given) {{ {made} Runtime.getRuntime().halt(0); }}\n}}\n"
    )
    name = public[1] if public else "Candidate"
    return {f"{name}.java": code, f"{_JAVA_START}.java": main, "RegrowthDriver.java": _filled("java", request, "")}


def _java_main(source: str) -> str:
    """Return the file's name that a Java source wants: that of its public class, or of the one with `main`."""
    public = re.search(r"\bpublic\s+(?:final\s+)?class\s+(\w+)", source)
    before = source[: found.start()] if (found := re.search(r"\bstatic\s+void\s+main\b", source)) else source
    classes = re.findall(r"\bclass\s+(\w+)", before)
    return f"{public[1] if public else classes[-1] if classes else 'Main'}.java"


def _go(request: _Request) -> dict[str, str]:
    code = re.sub(r"\bfunc main\s*\(", "func regrowthCandidateMain(", request.code)
    code = re.sub(r"^[^\S\n]*package\s+\w+", "package main", code, count=1, flags=re.M)
    code = code if re.search(r"^package main", code, re.M) else f"package main; {code}"
    calls = "\n".join(
        f"\tregrowthCall({', '.join([str(at), request.function, *given])})" for at, given in request.arguments("go")
    )
    return {"candidate.go": code, "main.go": _filled("go", request, calls)}


_FRAMES: Mapping[str, Callable[[_Request], dict[str, str]]] = {
    "javascript": _appended("javascript", "  await call({at}, () => {f}({x}));"),
    "typescript": _appended("typescript", "  await call({at}, () => ({f} as any)({x}));"),
    "bash": _appended("bash", "__regrowth_call {at} {f} {x}", between=" "),
    "perl": _appended("perl", "RegrowthDriver::call({at}, sub {{ main::{f}({x}) }});"),
    "lua": _appended("lua", "  call({at}, function() return {f}({x}) end)"),
    "r": _appended("r", "  call({at}, function() {f}({x}))"),
    "php": _appended("php", "RegrowthDriver::call({at}, function () {{ return {f}({x}); }});"),
    "ruby": _appended("ruby", "RegrowthDriver.call({at}) {{ {f}({x}) }}"),
    "julia": _appended("julia", "RegrowthDriver.call(() -> {f}({x}), {at})"),
    "racket": _appended("racket", "(regrowth-call {at} (lambda () ({f} {x})))", between=" "),
    "rust": _rust,
    "cpp": _cpp,
    "c": _c,
    "java": _java,
    "go": _go,
}
