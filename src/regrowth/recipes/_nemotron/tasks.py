"""Gates on what a writer wrote as a task: its form, its length, its topic. They read the attribute `task`.

"1. Why? 2. How?"                 task_form     several tasks in one
"Write about [insert topic]."     task_form     a gap that nobody filled: '[insert topic]'
"Pens."                           task_length   1 words, at least 3
"Why is the sky blue?"            on_topic      holds 0 of the 1 words of 'pens'
"""

import re
from collections.abc import Callable

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.form import MOST_REPETITIVE, refusal, repetition
from regrowth.gates.naming import named
from regrowth.recipes._nemotron.asking import content_words, kept_words

__all__ = ["on_topic", "task_form", "task_length"]

_GAP = re.compile(
    r"\{\{\s*\w+\s*\}\}|\[(?:insert|your|topic|name|date|company)\b[^\]]*\]|<(?:insert|topic)\b[^>]*>", re.I
)
_NUMBERED = re.compile(r"^[^\S\n]*(?:\d{1,2}[.)]|task \d+:?|question \d+:?)\s", re.IGNORECASE | re.MULTILINE)
_ROLE = re.compile(r"^[^\S\n]*\**(?:assistant|answer|solution|antwort|lösung)\**\s*:", re.IGNORECASE | re.MULTILINE)


def task_form(record: Record) -> Record:
    """Refuse a task that is a refusal, a list of tasks, a task with its answer, goes round in circles or has gaps.

    Raises:
        Rejected: says which.
    """
    task = record["task"]
    if found := refusal(task):
        raise Rejected("task_form", f"a refusal: {shown(found)}")
    if len(_NUMBERED.findall(task)) > 1 and _NUMBERED.match(task.lstrip()):
        raise Rejected("task_form", f"several tasks in one: {shown(task)}")
    if gap := _GAP.search(task):
        raise Rejected("task_form", f"a gap that nobody filled: {shown(gap[0])}")
    if _ROLE.search(task):
        raise Rejected("task_form", f"comes with its answer: {shown(task)}")
    if (found_times := repetition(task)) > MOST_REPETITIVE:
        raise Rejected("task_form", f"goes round in circles: compresses {found_times:.1f} times")
    return record


def task_length(*, at_least: int, at_most: int) -> Callable[[Record], Record]:
    """Accept tasks of a number of words, both ends included.

    Raises:
        SettingsError: no length lies between the ends.
    """
    if not 0 < at_least <= at_most:
        raise SettingsError(f"task_length: nothing is at least {at_least} and at most {at_most} words long.")
    return named("task_length", _task_length, at_least=at_least, at_most=at_most)


def _task_length(record: Record, *, at_least: int, at_most: int) -> Record:
    count = len(record["task"].split())
    if not at_least <= count <= at_most:
        bound = f"at least {at_least}" if count < at_least else f"at most {at_most}"
        raise Rejected("task_length", f"{count} words, {bound}")
    return record


def on_topic(record: Record, *, at_least: float) -> Record:
    """Refuse a task with fewer of its topic's content words than a share; note the share. Documents have no topic.

    Raises:
        Rejected: says how many it holds.
    """
    if record["kind"] == "closed_qa":
        return record
    share = kept_words(record["topic"], record["task"])
    if share < at_least:
        words = len(content_words(record["topic"]))
        raise Rejected("on_topic", f"holds {share * words:.0f} of the {words} words of {record['topic']!r}")
    return record.scored(on_topic=share)
