"""YAML as values that know their lines; nothing in a file can run, and nothing in it can grow beyond bounds.

    root, faults = parsed("version: 3\\ncreated_by: me\\n")
    root.value["created_by"]      Node("text", "me", line=2)

Aliases are followed, but what they unfold to is counted: a few lines of YAML can stand for billions of values.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from regrowth.core.cells import shown
from regrowth.extras import library

__all__ = ["Fault", "Node", "described", "parsed", "plain"]

Kind: TypeAlias = Literal["text", "number", "flag", "date", "nothing", "list", "mapping"]

MOST = 100_000
"""Values of a file, aliases unfolded."""
DEEPEST = 40
_KINDS: dict[str, Kind] = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "flag",
    "null": "nothing",
    "timestamp": "date",
}
_SAYS = {"number": "a number", "flag": "a truth value", "date": "a date", "list": "a list", "mapping": "a mapping"}
_MERGE = "tag:yaml.org,2002:merge"


class Fault(NamedTuple):
    """What is wrong in a line."""

    line: int
    text: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class Node:
    """Hold a value with its line; a value under a key has the key's line."""

    kind: Kind
    value: Any
    """Text as it was written; a list or a mapping of nodes."""
    line: int

    def get(self, name: str) -> "Node | None":
        """Return the value under a key of a mapping."""
        return self.value.get(name) if self.kind == "mapping" else None

    def text(self, name: str) -> str:
        """Return the text under a key, nothing if it is not there."""
        found = self.get(name)
        return found.value if found is not None and found.kind == "text" else ""

    def items(self, name: str) -> "list[Node]":
        """Return the list under a key, an empty one if it is not there."""
        found = self.get(name)
        return found.value if found is not None and found.kind == "list" else []


def parsed(text: str) -> tuple[Node | None, list[Fault]]:
    """Return the one value of a YAML text, nothing if there is none, and all that is wrong with how it is written.

    Raises:
        MissingExtra: PyYAML is not installed.
    """
    yaml = library("yaml", "Reading a taxonomy", extra="documents")
    try:
        loader = yaml.SafeLoader(text)
        tree = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        return None, [_unreadable(error, text)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [Fault(line, f"found the character U+{ord(text[error.position]):04X}, which YAML does not allow.")]
    except RecursionError:
        return None, [Fault(1, f"nested too deeply, expected at most {DEEPEST} levels.")]
    if tree is None:
        return None, []
    walk = _Walk()
    root = walk.node(tree, tree.start_mark.line + 1, 0)
    return (None if walk.stopped else root), walk.faults


def _unreadable(error: Any, text: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    written = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return Fault(line, "indented with a tab, expected spaces: YAML takes nothing else.")
    why = ", ".join(part for part in (error.context, error.problem) if part)
    unquoted = "mapping values" in why or "flow mapping" in why
    hint = " Put a text with ':', '?' or '#' in it in quotes, or below a '|'." if unquoted else ""
    return Fault(line, f"not YAML: {why}; found {shown(written.strip())}.{hint}")


class _Walk:
    """Turn the nodes of PyYAML into ours; remember what is wrong and how much there was."""

    def __init__(self) -> None:
        self.faults = list[Fault]()
        self.stopped = False
        self._left = MOST

    def _fault(self, line: int, text: str) -> Node:
        """Note what is wrong; the text that is returned keeps the rules from complaining a second time."""
        self.faults.append(Fault(line, text))
        return Node("text", "?", line)

    def node(self, tree: Any, line: int, depth: int) -> Node:
        self._left -= 1
        if self.stopped:
            return Node("nothing", None, line)
        if self._left < 0 or depth > DEEPEST:
            self.stopped = True
            bounds = f"{MOST:,} values, or to more than {DEEPEST} levels"
            return self._fault(line, f"unfolds to more than {bounds}; write out what '*' repeats.")
        if tree.id == "scalar":
            return self._scalar(tree, line)
        if not tree.tag.endswith((":seq", ":map")):
            return self._fault(line, f"tag {_tag(tree)}, expected plain text, numbers, lists and mappings.")
        if tree.id == "sequence":
            items = [self.node(one, one.start_mark.line + 1, depth + 1) for one in tree.value]
            return Node("list", items, line)
        return Node("mapping", self._mapping(tree, depth), line)

    def _scalar(self, tree: Any, line: int) -> Node:
        kind = _KINDS.get(tree.tag.rpartition(":")[2]) if tree.tag.startswith("tag:yaml.org,2002:") else None
        if kind is None:
            return self._fault(line, f"tag {_tag(tree)}, expected plain text, numbers, lists and mappings.")
        if kind != "text":
            return Node(kind, tree.value, line)
        try:  # JSON writes what lies beyond U+FFFF as two halves
            return Node("text", tree.value.encode("utf-16", "surrogatepass").decode("utf-16"), line)
        except UnicodeDecodeError:
            return self._fault(line, "half of a surrogate pair, which is no character. Write the character itself.")

    def _mapping(self, tree: Any, depth: int) -> dict[str, Node]:
        own, merged = dict[str, Node](), dict[str, Node]()
        lines = dict[str, int]()
        for key, value in tree.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                sources = value.value if value.id == "sequence" else [value]
                for source in sources:
                    found = self.node(source, line, depth + 1)
                    merged = {**(found.value if found.kind == "mapping" else {}), **merged}
            elif key.id != "scalar":
                self._fault(line, "a list or a mapping as a key, expected a word.")
            elif key.value in own:
                self._fault(line, f"key {key.value!r} a second time, first in line {lines[key.value]}; expected once.")
            else:
                lines[key.value] = line
                own[key.value] = self.node(value, line, depth + 1)
            if self.stopped:
                break
        return {**merged, **own}


def _tag(tree: Any) -> str:
    return repr(tree.tag.replace("tag:yaml.org,2002:", "!!"))


def described(node: Node) -> str:
    """Say what a value is, in the words of an error."""
    if node.kind == "nothing":
        return "nothing"
    if node.kind == "text":
        return f"the text {shown(node.value)}"
    if node.kind in ("list", "mapping"):
        return f"{_SAYS[node.kind]} of {len(node.value)}"
    return f"{_SAYS[node.kind]} ({node.value})"


def plain(node: Node) -> Any:
    """Return a value without its lines, as plain JSON data; dates and numbers beyond reason stay text."""
    match node.kind:
        case "list":
            return [plain(one) for one in node.value]
        case "mapping":
            return {name: plain(one) for name, one in node.value.items()}
        case "nothing":
            return None
        case "flag":
            return node.value.lower() in ("yes", "true", "on")
        case "number":
            return _number(node.value)
    return node.value


def _number(written: str) -> int | float | str:
    for kind in (int, float):
        try:
            value = kind(written)
        except ValueError:
            continue
        if math.isfinite(value) and abs(value) < 2**63:
            return value
    return written
