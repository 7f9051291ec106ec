"""The code in a reply: in fences, bare, or as the rest of a function that the prompt began.

    extracted("Sure!\\n```python\\ndef f(x):\\n    return x\\n```\\nIt works.", function="f")
    Extracted(code="def f(x):\\n    return x\\n", form="fenced", reason="")

Never raises: a reply is whatever a model wrote. Where there is no code, `code` is empty and `reason` says why.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from regrowth.core.cells import listed
from regrowth.domains.code._syntax import defined, tree

__all__ = ["Extracted", "Form", "extracted"]

Form: TypeAlias = Literal["fenced", "unclosed", "bare", "completion", "none"]
"""`unclosed`: a fence that never ends, as in a reply that was cut; `completion`: goes on with the prompt's function."""

ALIASES: Mapping[str, frozenset[str]] = {
    "python": frozenset({"python", "py", "python3", "py3", "pycon", "ipython"}),
    "javascript": frozenset({"javascript", "js", "node", "mjs", "jsx"}),
    "typescript": frozenset({"typescript", "ts", "tsx"}),
    "bash": frozenset({"bash", "sh", "shell", "zsh", "shellscript"}),
    "perl": frozenset({"perl", "pl"}),
    "cpp": frozenset({"cpp", "c++", "cc", "cxx"}),
    "rust": frozenset({"rust", "rs"}),
    "go": frozenset({"go", "golang"}),
    "ruby": frozenset({"ruby", "rb"}),
    "julia": frozenset({"julia", "jl"}),
    "racket": frozenset({"racket", "rkt", "scheme"}),
}
"""What a fence calls a language. One that is not here goes by its own name only."""

WRAPPINGS = ("markdown", "md")
"""Fences around a whole reply: what counts is inside."""

_FENCE = re.compile(r"^([ \t>*-]*?)(`{3,}|~{3,})[ \t]*\{?\.?([\w+#-]*)[^\n`]*$")
_BEGINS = re.compile(r"(?:async\s+def|def|class|import|from|@)\b|@")
_DEFINES = re.compile(
    r"^(?:(?:local|async|public|static|export)\s+)*(?:function|sub|def|fn|func|class)\b|^[\w.]+\s*(?:<-|=)\s*function\b"
    r"|^\w+\s*\(\)\s*\{",
    re.MULTILINE,
)
"""A function that begins at the margin, in languages other than Python."""
TRIES = 60
"""Ends of a passage that are tried before it counts as prose."""


class Block(NamedTuple):
    """One fenced passage."""

    language: str
    text: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Extracted:
    """Hold the code of a reply, ready to run."""

    code: str
    form: Form
    reason: str = ""
    """Why there is none."""


def extracted(reply: str, *, language: str = "python", function: str = "", prompt: str = "") -> Extracted:
    """Return the code in a reply.

    Args:
        reply: what a model wrote.
        language: what fences of the right language are called; unnamed fences are taken where there is none.
        function: the name it should define: of several blocks the last that does so is taken, with what it needs of
            the others; without a name the longest.
        prompt: code that the reply may go on with; else its imports and helpers are put before the reply's code.
    """
    reply = reply.replace("\r\n", "\n").replace("\r", "\n")
    blocks = list(_blocks(reply))
    usable, others = _usable(blocks, language)
    if usable:
        text = _chosen([block.text for block in usable], language, function)
        form: Form = "fenced" if all(block.closed for block in usable) else "unclosed"
        return _complete(text, form, language, function, prompt)
    if blocks:
        return Extracted("", "none", f"the reply's code is in {listed(sorted(others))}, not in {language}")
    if not reply.strip():
        return Extracted("", "none", "the reply is empty")
    return _unfenced(reply, language, function, prompt)


def _blocks(reply: str) -> Iterator[Block]:
    """Yield what stands between fences; a fence ends at one of its own kind, at least as long, that names nothing."""
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in reply.split("\n"):
        fence = _FENCE.match(line)
        if opened is None:
            if fence and fence[3].lower() not in WRAPPINGS:
                opened, lines = fence, []
        elif fence and fence[2].startswith(opened[2]) and not fence[3]:
            yield Block(opened[3].lower(), _text(lines), True)
            opened = None
        else:
            lines.append(line)
    if opened is not None and any(map(str.strip, lines)):
        yield Block(opened[3].lower(), _text(lines), False)


def _text(lines: Sequence[str]) -> str:
    text = "\n".join(lines) + "\n"
    first = next((line for line in lines if line.strip()), "")
    return textwrap.dedent(text) if _BEGINS.match(first.strip()) else text


def _usable(blocks: Sequence[Block], language: str) -> tuple[list[Block], set[str]]:
    """Return the blocks of a language, or else those of none; and the other languages."""
    names = ALIASES.get(language, frozenset({language}))
    right = [block for block in blocks if block.language in names and block.text.strip()]
    unnamed = [block for block in blocks if not block.language and block.text.strip()]
    return right or unnamed, {block.language for block in blocks} - names - {""}


def _chosen(texts: Sequence[str], language: str, function: str) -> str:
    if not function:
        return max(texts, key=len)
    if language != "python":
        return next((text for text in texts if re.search(rf"\b{re.escape(function)}\b", text)), max(texts, key=len))
    modules = [tree(text) for text in texts]
    names = [defined(module) if module else set[str]() for module in modules]
    place = next((n for n in reversed(range(len(texts))) if function in names[n]), None)
    if place is None:
        return max(texts, key=len)
    module = modules[place]
    wanted = _wanted(module) if module else set[str]()
    needed = [texts[number] for number in range(place) if names[number] & wanted]
    return "\n".join([*needed, texts[place]])


def _wanted(module: ast.Module) -> set[str]:
    """Return the names that a module reads and binds nowhere."""
    nodes = list(ast.walk(module))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)} | defined(module)
    bound |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in names} - bound


def _complete(text: str, form: Form, language: str, function: str, prompt: str) -> Extracted:
    """Return code with what it needs of the prompt."""
    if not prompt:
        return Extracted(text, form)
    if language != "python":
        named = function and re.search(rf"\b{re.escape(function)}\b", text)
        whole = named or _DEFINES.search(text)
        return Extracted(text, form) if whole else Extracted(prompt + text, "completion")
    module = tree(text)
    if module is not None and (not function or function in defined(module)):
        return Extracted(_prelude(prompt, function, defined(module)) + text, form)
    body = _continued(text, function, prompt)
    return Extracted(body, "completion") if body else Extracted(text, form)


def _prelude(prompt: str, function: str, known: set[str]) -> str:
    """Return the prompt's imports and helpers that the code does not bring itself."""
    module = tree(prompt)
    if module is None:
        return ""
    kept = [
        ast.unparse(node)
        for node in module.body
        if not (isinstance(node, ast.FunctionDef) and node.name == function)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not defined(ast.Module([node], [])) <= known
    ]
    return "\n".join([*kept, ""]) if kept else ""


def _unfenced(reply: str, language: str, function: str, prompt: str) -> Extracted:
    if language != "python":
        if prompt:
            return _complete(reply, "bare", language, function, prompt)
        present = re.search(rf"\b{re.escape(function)}\b", reply) if function else re.search(r"[(){};=]", reply)
        return Extracted(reply, "bare") if present else Extracted("", "none", "the reply holds no code")
    module = tree(reply)
    if module is not None and _is_code(module, function):
        return _complete(reply, "bare", language, function, prompt)
    if prompt and (body := _continued(reply, function, prompt)):
        return Extracted(body, "completion")
    if passage := _passage(reply, function):
        return _complete(passage, "bare", language, function, prompt)
    wanted = f"no code that defines {function!r}" if function else "no code"
    return Extracted("", "none", f"the reply holds {wanted}, neither in fences nor bare")


def _is_code(module: ast.Module, function: str) -> bool:
    """Return whether a text that happens to be Python is meant to be: `Yes` is a name, and no program."""
    if function:
        return function in defined(module)
    return bool(defined(module)) or any(not isinstance(node, ast.Expr) or _calls(node) for node in module.body)


def _calls(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Call)


def _continued(text: str, function: str, prompt: str) -> str:
    """Return prompt and text as one program, the text cut where its function ends; nothing if there is none."""
    for body in (text, "    " + text.lstrip(), textwrap.indent(textwrap.dedent(text), "    ")):
        lines = body.split("\n")
        for end in _ends(lines):
            program = prompt + "\n".join(lines[:end]) + "\n"
            module = tree(program)
            if module is not None and _adds(module, function, prompt):
                return program
    return ""


def _ends(lines: Sequence[str]) -> Iterator[int]:
    """Yield where a function's body may end: at the end, or before a line that is not indented, the last first."""
    outside = [number for number, line in enumerate(lines) if number and line[:1].strip()]
    yield len(lines)
    yield from list(reversed(outside))[:TRIES]


def _adds(program: ast.Module, function: str, prompt: str) -> bool:
    """Return whether a program gives the prompt's function a body that it had not."""
    before = tree(prompt)
    for node in program.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            known = [one for one in before.body if isinstance(one, ast.FunctionDef)] if before else []
            same = [one for one in known if one.name == function]
            return not same or len(node.body) > len(same[-1].body)
    return not function and (before is None or len(program.body) > len(before.body))


def _passage(reply: str, function: str) -> str:
    """Return the longest run of lines that is a program with a function in it, prose before and after left out."""
    lines = reply.split("\n")
    begins = [number for number, line in enumerate(lines) if _BEGINS.match(line)][:TRIES]
    for begin in begins:
        rest = lines[begin:]
        for end in _ends(rest):
            module = tree("\n".join(rest[:end]))
            if module is not None and _is_code(module, function):
                return "\n".join(rest[:end]).rstrip() + "\n"
    return ""
