"""How each language writes values: the table behind `literals`.

    NOTATIONS["lua"].sequence(["1", "2"], [1, 2], parse_type("list[int]"))      {1, 2}
    NOTATIONS["ruby"].text("#{x} é")                                            "\\#{x} \\u{e9}"

Printable ASCII stays as it is in a text, everything else is escaped, so a source is ASCII whatever its values hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from regrowth.core.errors import DataError
from regrowth.sandbox.signatures import ANY, MIXED, Type
from regrowth.sandbox.type_names import type_name

__all__ = ["ARGUMENTS", "NOTATIONS", "Notation", "escaper", "octal_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """Say how one language writes values."""

    name: str
    none: str
    truth: tuple[str, str]
    """False and true."""
    text: Callable[[str], str]
    sequence: Callable[[list[str], list[Any], Type], str]
    mapping: Callable[[list[tuple[str, str]], Type], str] | None
    special: tuple[str, str, str] = ("nan", "inf", "-inf")
    bits: int = 0
    """Bits of an integer with its sign; 0 for any size."""
    number: Callable[[int], str] = str
    real: Callable[[float], str] = repr
    some: str = "{}"
    """What wraps a value that might have been none."""
    tuple_: Callable[[list[str]], str] | None = None
    set_: str = ""
    """What wraps the members of a set; empty if there is no such value."""
    text_keys: bool = False
    """Whether all keys become text."""


def escaper(quote: str, special: str, letter: Callable[[str], str], *, zero: bool = True) -> Callable[[str], str]:
    def text(value: str) -> str:
        if not zero and "\0" in value:
            raise DataError("A text with a zero byte cannot be written in this language.")
        if any("\ud800" <= one <= "\udfff" for one in value):
            raise DataError("A text with a lone surrogate cannot be written in another language.")
        parts = (f"\\{one}" if one in special else one if " " <= one <= "~" else letter(one) for one in value)
        return f"{quote}{''.join(parts)}{quote}"

    return text


def octal_bytes(one: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in one.encode())


def _decimal_bytes(one: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in one.encode())


def _utf16(one: str) -> str:
    units = one.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _java_letter(one: str) -> str:
    # The compiler reads \u000a before it reads strings, as a line that ends.
    return f"\\{ord(one):03o}" if ord(one) < 128 else _utf16(one)


def _go_letter(one: str) -> str:
    return f"\\U{ord(one):08x}"


def _braced(form: str) -> Callable[[str], str]:
    return lambda one: form.format(ord(one))


def _listed(left: str, right: str, between: str = ", ") -> Callable[..., str]:
    return lambda parts, *_: f"{left}{between.join(parts)}{right}"


def _entries(left: str, right: str, entry: str, between: str = ", ") -> Callable[[list[tuple[str, str]], Type], str]:
    return lambda pairs, _: f"{left}{between.join(entry.format(*pair) for pair in pairs)}{right}"


# R: vectors of one kind by c(), all else by list().


def _r_sequence(parts: list[str], values: list[Any], kind: Type) -> str:
    if not values:
        empty = {"int": "numeric(0)", "float": "numeric(0)", "str": "character(0)", "bool": "logical(0)"}
        return empty.get(kind.of[0].kind if kind.of else "", "list()")
    kinds = {type(one) for one in values}
    alike = kinds <= {int, float} or kinds in ({bool}, {str})
    return f"{'c' if alike else 'list'}({', '.join(parts)})"


def _r_mapping(pairs: list[tuple[str, str]], _: Type) -> str:
    names = ", ".join(key for key, _ in pairs)
    return (
        f"structure(list({', '.join(one for _, one in pairs)}), names = {f'c({names})' if pairs else 'character(0)'})"
    )


def _cpp_sequence(parts: list[str], _: list[Any], kind: Type) -> str:
    listed = kind if kind.kind != "tuple" else Type("list", (kind.of[:1] or (ANY,)))
    return f"{type_name(listed, 'cpp')}{{{', '.join(parts)}}}"


def _cpp_mapping(pairs: list[tuple[str, str]], kind: Type) -> str:
    return f"{type_name(kind, 'cpp')}{{{', '.join(f'{{{key}, {one}}}' for key, one in pairs)}}}"


def _cpp_number(value: int) -> str:
    return f"{value}L" if value > -(1 << 63) else "(-9223372036854775807L - 1)"


def _go_sequence(parts: list[str], _: list[Any], kind: Type) -> str:
    listed = kind if kind.kind == "list" else Type("list", (MIXED,))
    return f"{type_name(listed, 'go')}{{{', '.join(parts)}}}"


def _go_mapping(pairs: list[tuple[str, str]], kind: Type) -> str:
    name = type_name(kind if kind.kind == "dict" else Type("dict", (MIXED, MIXED)), "go")
    return f"{name}{{{', '.join(f'{key}: {one}' for key, one in pairs)}}}"


def _julia_sequence(parts: list[str], _: list[Any], kind: Type) -> str:
    held = kind.of[0] if kind.kind == "list" and kind.of else ANY
    typed = not parts or held.kind in ("mixed", "optional")
    return f"{type_name(held, 'julia') if typed else ''}[{', '.join(parts)}]"


def _julia_mapping(pairs: list[tuple[str, str]], kind: Type) -> str:
    name = type_name(kind, "julia") if kind.kind == "dict" and kind.of else "Dict"
    return f"{name}({', '.join(f'{key} => {one}' for key, one in pairs)})"


def _java_sequence(parts: list[str], _: list[Any], kind: Type) -> str:
    held = type_name(kind.of[0], "java") if kind.kind == "list" and kind.of else "Object"
    cast = (f"({held}) null" if part == "null" else part for part in parts)
    return f"new ArrayList<{held}>(Arrays.<{held}>asList({', '.join(cast)}))"


def _java_mapping(pairs: list[tuple[str, str]], kind: Type) -> str:
    held = ", ".join(type_name(one, "java") for one in kind.of) if kind.kind == "dict" else "Object, Object"
    entries = "".join(f" put({key}, {one});" for key, one in pairs)
    return f"new LinkedHashMap<{held}>() {{{{{entries} }}}}"


def _c_sequence(parts: list[str], _: list[Any], kind: Type) -> str:
    name = type_name(kind.of[0] if kind.of else ANY, "c")
    type_name(kind, "c")
    return f"({name}[]){{{', '.join(parts) or '0'}}}"


_JS_TEXT = escaper('"', '"\\', _utf16)
_CPP_TEXT = escaper('"', '"\\?', octal_bytes)
_C_TEXT = escaper('"', '"\\?', octal_bytes, zero=False)


def _exponent(value: float) -> str:
    return repr(value).replace("e+", "e")


def _script(name: str, **changes: Any) -> Notation:
    """Return the notation of JavaScript, changed where another one differs."""
    plain: dict[str, Any] = {
        "none": "null",
        "truth": ("false", "true"),
        "text": _JS_TEXT,
        "sequence": _listed("[", "]"),
        "mapping": None,
        "special": ("NaN", "Infinity", "-Infinity"),
    }
    return Notation(name=name, **{**plain, **changes})


def _js_mapping(pairs: list[tuple[str, str]], _: Type) -> str:
    # The bare key would set the prototype.
    entries = (f"{'[' + key + ']' if key == _PROTOTYPE else key}: {one}" for key, one in pairs)
    return f"{{{', '.join(entries)}}}"


_PROTOTYPE = '"__proto__"'
_JS: Mapping[str, Any] = {"mapping": _js_mapping, "bits": 54, "set_": "new Set([{}])", "text_keys": True}
NOTATIONS: Mapping[str, Notation] = {
    "javascript": _script("JavaScript", **_JS),
    "typescript": _script("TypeScript", **_JS),
    "perl": _script(
        "Perl",
        none="undef",
        truth=('""', "1"),
        text=escaper('"', '"\\$@', _braced("\\x{{{:x}}}")),
        mapping=_entries("{", "}", "{} => {}"),
        special=("(9**9**9 - 9**9**9)", "9**9**9", "-9**9**9"),
        bits=64,
        text_keys=True,
    ),
    "ruby": _script(
        "Ruby",
        none="nil",
        text=escaper('"', '"\\#', _braced("\\u{{{:x}}}")),
        mapping=_entries("{", "}", "{} => {}"),
        special=("Float::NAN", "Float::INFINITY", "-Float::INFINITY"),
        set_="Set[{}]",
    ),
    "php": _script(
        "PHP",
        text=escaper('"', '"\\$', _braced("\\u{{{:x}}}")),
        mapping=_entries("[", "]", "{} => {}"),
        special=("NAN", "INF", "-INF"),
        bits=64,
        number=lambda value: str(value) if value > -(1 << 63) else "PHP_INT_MIN",
    ),
    "lua": _script(
        "Lua",
        none="nil",
        text=escaper('"', '"\\', _decimal_bytes),
        sequence=_listed("{", "}"),
        mapping=_entries("{", "}", "[{}] = {}"),
        special=("(0/0)", "math.huge", "-math.huge"),
        bits=64,
        number=lambda value: str(value) if value > -(1 << 63) else "math.mininteger",
    ),
    "r": _script(
        "R",
        none="NULL",
        truth=("FALSE", "TRUE"),
        text=escaper('"', '"\\', _braced("\\U{{{:x}}}"), zero=False),
        sequence=_r_sequence,
        mapping=_r_mapping,
        special=("NaN", "Inf", "-Inf"),
        bits=54,
        text_keys=True,
    ),
    "julia": _script(
        "Julia",
        none="nothing",
        text=escaper('"', '"\\$', _go_letter),
        sequence=_julia_sequence,
        mapping=_julia_mapping,
        special=("NaN", "Inf", "-Inf"),
        number=lambda value: str(value) if abs(value) < 1 << 63 else f'parse(BigInt, "{value}")',
        tuple_=lambda parts: f"({', '.join(parts)}{',' if parts else ''})",
        set_="Set([{}])",
    ),
    "racket": _script(
        "Racket",
        none="#f",
        truth=("#f", "#t"),
        text=escaper('"', '"\\', _go_letter),
        sequence=lambda parts, *_: f"(list{''.join(f' {part}' for part in parts)})",
        mapping=lambda pairs, _: f"(hash{''.join(f' {key} {one}' for key, one in pairs)})",
        special=("+nan.0", "+inf.0", "-inf.0"),
        set_="(set {})",
    ),
    "java": _script(
        "Java",
        text=escaper('"', '"\\', _java_letter),
        sequence=_java_sequence,
        mapping=_java_mapping,
        special=("Double.NaN", "Double.POSITIVE_INFINITY", "Double.NEGATIVE_INFINITY"),
        bits=64,
        number=lambda value: f"{value}L",
    ),
    "go": _script(
        "Go",
        none="nil",
        text=escaper('"', '"\\', _go_letter),
        sequence=_go_sequence,
        mapping=_go_mapping,
        special=("math.NaN()", "math.Inf(1)", "math.Inf(-1)"),
        bits=64,
    ),
    "rust": _script(
        "Rust",
        none="None",
        some="Some({})",
        text=lambda value: escaper('"', '"\\', _braced("\\u{{{:x}}}"))(value) + ".into()",
        sequence=_listed("vec![", "]"),
        mapping=_entries("[", "].into_iter().collect()", "({}, {})"),
        special=("f64::NAN", "f64::INFINITY", "f64::NEG_INFINITY"),
        bits=64,
        tuple_=lambda parts: f"({', '.join(parts)}{',' if len(parts) == 1 else ''})",
    ),
    "cpp": _script(
        "C++",
        none="std::nullopt",
        text=lambda value: f"std::string({_CPP_TEXT(value)}, {len(value.encode())})",
        sequence=_cpp_sequence,
        mapping=_cpp_mapping,
        special=("NAN", "INFINITY", "-INFINITY"),
        bits=64,
        number=_cpp_number,
        tuple_=lambda parts: f"std::make_tuple({', '.join(parts)})",
    ),
    "c": _script(
        "C",
        none="NULL",
        text=_C_TEXT,
        sequence=_c_sequence,
        mapping=None,
        special=("NAN", "INFINITY", "-INFINITY"),
        bits=64,
        number=lambda value: f"{value}LL" if value > -(1 << 63) else "(-9223372036854775807LL - 1)",
    ),
}

ARGUMENTS: Mapping[str, Notation] = {
    "cpp": replace(
        NOTATIONS["cpp"],
        number=lambda value: str(value) if value > -(1 << 63) else _cpp_number(value),
        sequence=_listed("{", "}"),
        mapping=_entries("{", "}", "{{{}, {}}}"),
        tuple_=lambda parts: f"{{{', '.join(parts)}}}",
    ),
    "java": replace(
        NOTATIONS["java"],
        sequence=_listed("RegrowthDriver.list(new Object[] {", "})"),
        mapping=lambda pairs, _: f"RegrowthDriver.map({', '.join(part for pair in pairs for part in pair)})",
    ),
    "go": NOTATIONS["go"],
}
"""Where arguments are converted at run time, or take their type from where they go, less is said than in a literal."""
