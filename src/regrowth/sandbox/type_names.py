"""Names of types in the languages that want them said: `list[str]` is `Vec<String>` in Rust, `[]string` in Go."""

from collections.abc import Mapping

from regrowth.core.errors import DataError
from regrowth.sandbox.signatures import Type

__all__ = ["type_name"]

_TYPES: Mapping[str, Mapping[str, str]] = {
    "cpp": {
        "int": "long", "float": "double", "bool": "bool", "str": "std::string", "any": "long",
        "list": "std::vector<{}>", "dict": "std::map<{}, {}>", "tuple": "std::tuple<{}>",
        "optional": "std::optional<{}>", "set": "std::set<{}>",
    },
    "java": {
        "int": "Long", "float": "Double", "bool": "Boolean", "str": "String", "any": "Object", "mixed": "Object",
        "list": "List<{}>", "dict": "Map<{}, {}>", "tuple": "List<Object>", "optional": "{}", "none": "Object",
    },
    "rust": {
        "int": "i64", "float": "f64", "bool": "bool", "str": "String", "any": "i64",
        "list": "Vec<{}>", "dict": "std::collections::HashMap<{}, {}>", "tuple": "({})", "optional": "Option<{}>",
    },
    "go": {
        "int": "int", "float": "float64", "bool": "bool", "str": "string", "any": "interface{{}}",
        "mixed": "interface{{}}", "list": "[]{}", "dict": "map[{}]{}", "tuple": "[]interface{{}}",
        "optional": "interface{{}}", "none": "interface{{}}",
    },
    "c": {
        "int": "long long", "float": "double", "bool": "bool", "str": "const char *",
        "list": "{} *", "any": "long long",
    },
    "typescript": {
        "int": "number", "float": "number", "bool": "boolean", "str": "string", "any": "any", "mixed": "any",
        "list": "Array<{}>", "dict": "{{ [key: string]: {1} }}", "tuple": "[{}]", "optional": "{} | null",
        "none": "null", "set": "Set<{}>",
    },
    "julia": {
        "int": "Int64", "float": "Float64", "bool": "Bool", "str": "String", "any": "Any", "mixed": "Any",
        "list": "Vector{{{}}}", "dict": "Dict{{{}, {}}}", "tuple": "Tuple{{{}}}", "optional": "Union{{{}, Nothing}}",
        "none": "Nothing", "set": "Set{{{}}}",
    },
}  # fmt: skip


def type_name(kind: Type, language: str) -> str:
    """Return how a typed language writes a type.

    Raises:
        DataError: it has no such type.
    """
    forms = _TYPES[language]
    if kind.kind not in forms:
        raise DataError(f"Not supported in {language}: {kind}.")
    held = [type_name(one, language) for one in kind.of]
    if language == "c" and any(inner.kind in ("list", "tuple", "dict") for inner in kind.of):
        raise DataError(f"Not supported in C: {kind}. Only arrays of numbers, truth values or texts.")
    form = forms[kind.kind]
    return form.format(", ".join(held)) if kind.kind == "tuple" else form.format(*held)
