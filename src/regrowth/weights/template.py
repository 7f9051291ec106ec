"""Is a conversation written by the chat template what training makes of it?

Training joins two parts, the prompt as generation reads it and the reply. Whoever serves or trains the model elsewhere
renders the whole conversation at once. Both must be the same ids, up to white space after the end:

    prompt + reply    <|user|> hi <|assistant|> 7 <|end|>
    template          <|user|> hi <|assistant|> 7 <|end|> ⏎                      equal
    template          <|user|> hi <|assistant|> <think> </think> 7 <|end|> ⏎     an insertion: refused

What is refused would train a model on other tokens than its template shows: `inserted`, `rewritten`, `restarted`,
`lost`. What only has to be known is noted: another end or none, white space that is trimmed, a preamble.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import NamedTuple

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Message, Messages, Record
from regrowth.weights.codec import Codec, HfCodec

__all__ = ["Mismatch", "check_template", "mismatches", "preamble"]

SAMPLE = 32
"""Records that are looked at, spread over all."""
SHOWN = 60
"""Characters of a text that an error shows."""

REMEDIES = {
    "inserted": "Put that text into the part of the template that add_generation_prompt writes, or out of the template",
    "rewritten": "Write the responses as the template would, or let the template leave them alone",
    "restarted": "Let the template begin an answer in one way, whether it is there already or not",
    "lost": "Use a template that writes this role, or move its words into the user's turn",
}
"""By kind of mismatch that is refused: what to do."""

THOUGHTS = ("enable_thinking", "thinking")
"""Variables by which templates of models that think are asked not to open a thought."""


class Mismatch(NamedTuple):
    """One difference between a template and what is trained."""

    kind: str
    """`inserted`, `rewritten`, `restarted`, `lost`: refused. `ending`, `trimmed`, `joined`, `after`: noted."""
    told: str


def check_template(codec: Codec, records: Sequence[Record], *, accept: bool = False) -> tuple[str, ...]:
    """Look at a few records, spread over all, and return what has to be known about their template.

    Args:
        accept: train in spite of what would be refused; it is among what is returned.

    Raises:
        SettingsError: the template writes a conversation otherwise than it would be trained.
    """
    if not isinstance(codec, HfCodec):
        return ()  # our own codec has no template to differ from
    if not codec.tokenizer.chat_template:
        return ("no chat template: the contents of the turns are joined by blank lines",)
    found: dict[str, tuple[Record, Mismatch]] = {}
    for record in records[:: -(-len(records) // SAMPLE) or 1]:
        for mismatch in _of_record(codec, record):
            found.setdefault(mismatch.kind, (record, mismatch))
    told = {kind: f"record {record.id}: {mismatch.told}" for kind, (record, mismatch) in found.items()}
    if not accept and (refused := next((kind for kind in REMEDIES if kind in found), None)):
        raise SettingsError(
            f"The chat template does not write what would be trained: {told[refused]}. "
            f"{_remedy(codec, *found[refused])}. "
            "To train nevertheless, set accept_template = true; the weights' header will say so."
        )
    notes = [f"{kind}: {what}" for kind, what in told.items()]
    if opening := preamble(codec):
        notes.append(f"preamble: without a system message, a conversation begins with {_short(opening)}")
    return tuple(notes)


def _remedy(codec: HfCodec, record: Record, mismatch: Mismatch) -> str:
    """Say what to do, trying whether the template would be right without thoughts."""
    for variable in THOUGHTS:
        tokenizer = copy(codec.tokenizer)
        line = "{% set " + variable + " = false %}"
        tokenizer.chat_template = line + tokenizer.get_chat_template()
        if all(one.kind not in REMEDIES for one in _of_record(HfCodec(tokenizer, codec.ends), record)):
            return f"To train answers without thoughts, begin the chat template in the model's folder with {line}"
    return REMEDIES[mismatch.kind]


def _of_record(codec: HfCodec, record: Record) -> Iterator[Mismatch]:
    text = record.response or record.rejected
    if text and record.messages:
        try:
            yield from mismatches(codec, record.messages, text)
        except DataError:  # tokenizing will list this record with its reason
            return


def mismatches(codec: HfCodec, messages: Messages, response: str) -> Iterator[Mismatch]:
    """Yield what a template does to a conversation that training does not.

    Raises:
        DataError: the template refuses the conversation, or the response cannot be a reply.
    """
    asked, whole = codec.written(messages, asking=True), codec.whole([*messages, Message("assistant", response)])
    for role, content in messages:
        if role in ("system", "user") and content.strip() not in asked:
            yield Mismatch("lost", f"it leaves out what the {role} says, {_short(content)}")
    expected = [*codec.prompt(messages), *codec.reply(response)]
    if whole[: len(expected)] != expected:
        yield _difference(codec, messages, response, asked)
    elif after := codec.tokenizer.decode(whole[len(expected) :]).strip():
        yield Mismatch("after", f"behind the end of an answer it writes {_short(after)}")


def _difference(codec: HfCodec, messages: Messages, response: str, asked: str) -> Mismatch:
    """Name what makes the ids differ, going by the texts."""
    text = codec.written([*messages, Message("assistant", response)])
    if not text.startswith(asked):
        same = next((at for at, (one, other) in enumerate(zip(asked, text, strict=False)) if one != other), len(text))
        told = f"where a reply begins the prompt has {_short(asked[same:])}, the finished conversation "
        return Mismatch("restarted", told + _short(text[same:]))
    rest, bare = text[len(asked) :], response.strip()
    if rest.startswith(response):
        tail, end = rest[len(response) :], codec.tokenizer.convert_ids_to_tokens(codec.end)
        if tail.startswith(end):
            return Mismatch("joined", "the text is the same, but an answer behind its prompt is cut into other tokens")
        return Mismatch("ending", f"it closes an answer with {_short(tail)}, training with {end!r}")
    if rest.startswith(bare):
        return Mismatch("trimmed", f"it takes the white space off {_short(response)}")
    before, found, _ = rest.partition(bare)
    if found:
        return Mismatch("inserted", f"between where a reply begins and the answer it writes {_short(before)}")
    return Mismatch("rewritten", f"of the answer {_short(response)} it makes {_short(rest)}")


def preamble(codec: HfCodec) -> str:
    """Return what a template writes before the first turn of every conversation, such as a default system message."""
    first, answer, second = "first question", "first answer", "second question"
    turns = [Message("user", first), Message("assistant", answer), Message("user", second)]
    try:
        text = codec.written(turns, asking=True)
    except DataError:
        return ""
    opening, between = text.partition(first)[0], text.partition(answer)[2].partition(second)[0]
    ids, later = (codec.tokenizer.encode(part, add_special_tokens=False) for part in (opening, between))
    while ids and later and ids[-1] == later[-1]:  # the header of every turn of the user
        ids, later = ids[:-1], later[:-1]
    return str(codec.tokenizer.decode(ids, skip_special_tokens=True)).strip()


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
