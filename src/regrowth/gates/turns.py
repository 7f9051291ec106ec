"""Gates on the form of a conversation: whose turn it is, that nobody says nothing, that no frame leaks into a text.

    well_formed     user, user                              refused: turn 2: user follows user
    well_formed     "```python\\nprint(1)"                   refused: response: a code fence is opened and never closed
    well_formed     "Yes.<|im_end|>"                        refused: response: holds '<|im_end|>', a mark of …

A record with faults trains a model to write them. `faults` returns all of them, the gate refuses by the first.
"""

import re
from collections.abc import Iterator

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected
from regrowth.core.record import Messages, Record

__all__ = ["faults", "well_formed"]

ROLES = ("system", "user", "assistant", "tool")
_FOLLOWS = {
    "": ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}
"""Who may speak after whom; a conversation that a response answers ends with a user or a tool."""
_MARKS = re.compile(
    r"<\|[A-Za-z_][A-Za-z0-9_]{0,30}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<bos>|<eos>"
    r"|<\|(?:start|end)_header_id\|>|\[(?:BOS|EOS|PAD|UNK)\]"
)
_SPEAKER = re.compile(r"(?m)^[ \t]*(?:###[ ]?(?:Human|Assistant|Instruction|Response)|Human|USER|ASSISTANT)[ \t]?:")
_FENCE = re.compile(r"(?m)^ {0,3}(`{3,}|~{3,})([^\n`]*)$")


def well_formed(record: Record) -> Record:
    """Refuse a record whose turns are out of order or empty, or whose texts hold marks of a frame or open fences."""
    for fault in faults(record):
        raise Rejected("well_formed", fault)
    return record


def faults(record: Record) -> Iterator[str]:
    """Yield what is wrong with the form of a record, in words."""
    yield from _order(record.messages)
    for number, turn in enumerate(record.messages, 1):
        if not turn.content.strip():
            yield f"turn {number}: {shown(turn.role)} says nothing"
    texts = [(f"turn {number}", turn.content) for number, turn in enumerate(record.messages, 1)]
    for place, text in [*texts, ("response", record.response), ("rejected", record.rejected)]:
        if mark := _MARKS.search(text):
            yield f"{place}: holds {mark[0]!r}, a mark of a chat template"
    if said := _SPEAKER.search(record.response):
        yield f"response: holds {said[0].strip()!r}: it goes on as another speaker"
    if _open_fence(record.response):
        yield "response: a code fence is opened and never closed"


def _order(messages: Messages) -> Iterator[str]:
    if not messages:
        yield "no turns"
        return
    before = ""
    for number, turn in enumerate(messages, 1):
        if turn.role not in ROLES:
            yield f"turn {number}: role {shown(turn.role)}, expected one of {', '.join(ROLES)}"
            return
        if turn.role not in _FOLLOWS[before]:
            yield f"turn {number}: {turn.role} {f'follows {before}' if before else 'opens the conversation'}"
            return
        before = turn.role
    if before not in ("user", "tool"):
        yield f"the last turn is of {before}: there is nothing to be answered"


def _open_fence(text: str) -> bool:
    opened = ""
    for found in _FENCE.finditer(text):
        line, rest = found[1], found[2].strip()
        if not opened:
            opened = line
        elif line[0] == opened[0] and len(line) >= len(opened) and not rest:
            opened = ""
    return bool(opened)
