"""Text to token ids and back: the one chat template that generation and training share.

One conversation on its way through the tokenizer that `train_codec` makes:
    messages    Message("user", "2 + 3?")
    prompt      <user> 2 ␣ + ␣ 3 ? <assistant>      # ids; the network writes on from here
    reply       5 <end>                              # ids; the end token exactly once
    text        "5"

Roles are single tokens, and text is never read as one: a user who types `<end>` gets the six bytes of it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Message, Messages, digest
from regrowth.extras import library

__all__ = ["SPECIALS", "TEMPLATE", "BpeCodec", "Codec", "HfCodec", "hf_codec", "train_codec"]

SPECIALS = ("<pad>", "<system>", "<user>", "<assistant>", "<end>", "<tool>")
"""Tokens 0 to 5 of every tokenizer made here."""

TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<end>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
"""The same rendering in the language of `transformers`, for everyone who loads the folder there."""

DAY = datetime(2024, 7, 26)
"""What day it is to templates that write the date: equal conversations have equal ids, whenever they are rendered."""

PROBE = (Message("user", "What is it?"), Message("assistant", "Seven pens"))
"""A conversation that shows what a template closes an answer with."""

PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Names under which transformers, before and since its fifth version, stores a tokenizer that is its file alone."""

BYTES = 256
PAD, END, ASSISTANT = (SPECIALS.index(token) for token in ("<pad>", "<end>", "<assistant>"))
ROLES = {role: SPECIALS.index(f"<{role}>") for role in ("system", "user", "assistant", "tool")}


class Codec(Protocol):
    """Turn conversations into token ids and ids into text."""

    @property
    def digest(self) -> str:
        """Return what names tokenizer and template."""

    @property
    def ends(self) -> frozenset[int]:
        """Return the ids that end a reply."""

    @property
    def pad(self) -> int:
        """Return the id that fills rows up."""

    @property
    def size(self) -> int:
        """Return the number of ids."""

    def prompt(self, messages: Messages) -> list[int]:
        """Return the ids up to where the reply begins."""

    def reply(self, text: str) -> list[int]:
        """Return the ids of a reply, its end token included exactly once."""

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of a reply up to its end token, special tokens dropped."""

    def save(self, folder: Path) -> None:
        """Write the tokenizer files."""


@dataclass(frozen=True)
class BpeCodec:
    """Speak through a byte-level BPE tokenizer with the six special tokens."""

    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        self.tokenizer.encode_special_tokens = True  # text that looks like a special token stays text

    @cached_property
    def digest(self) -> str:
        return digest("bpe", json.loads(self.tokenizer.to_str()), TEMPLATE)

    @property
    def ends(self) -> frozenset[int]:
        return frozenset({END})

    @property
    def pad(self) -> int:
        return PAD

    @cached_property
    def size(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def prompt(self, messages: Messages) -> list[int]:
        ids: list[int] = []
        for role, content in messages:
            if role not in ROLES:
                raise DataError(f"A message has the role {role!r}; expected {', '.join(ROLES)}.")
            ids += (ROLES[role], *self._ids(content))
            if role == "assistant":
                ids.append(END)
        return [*ids, ASSISTANT]

    def reply(self, text: str) -> list[int]:
        return [*self._ids(text), END]

    def text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(_before_end(ids, self.ends), skip_special_tokens=True))

    def save(self, folder: Path) -> None:
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": "<pad>",
            "eos_token": "<end>",
            "clean_up_tokenization_spaces": False,
            "chat_template": TEMPLATE,
        }
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(pretty=True), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, folder: Path) -> "BpeCodec | None":
        """Read the codec that `save` wrote; None if the folder holds somebody else's tokenizer."""
        if _stated(folder).get("chat_template") != TEMPLATE:
            return None
        path = folder / "tokenizer.json"
        try:
            return cls(Tokenizer.from_str(path.read_text(encoding="utf-8")))
        except Exception as error:  # the Rust side raises bare Exception
            raise DataError(f"{path} is not a tokenizer: {error}. Copy the file anew from where it came.") from error

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


def train_codec(texts: Iterable[str], size: int) -> BpeCodec:
    """Learn a byte-level BPE tokenizer of `size` ids, digits kept apart, from texts.

    Fewer ids come out where the texts do not hold enough repeated pairs.

    Raises:
        SettingsError: `size` has no room for the 256 bytes and the special tokens.
    """
    if size < BYTES + len(SPECIALS):
        raise SettingsError(f"A tokenizer of {size} ids is too small; expected {BYTES + len(SPECIALS)} or more.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return BpeCodec(tokenizer)


@dataclass(frozen=True)
class HfCodec:
    """Speak through a tokenizer of `transformers` and its own chat template.

    A tokenizer without a template gets the bare contents, one blank line between turns: what a base model expects.
    `regrowth.weights.template` checks whether a template writes an answer as it is trained.
    """

    tokenizer: Any
    ends: frozenset[int]

    @cached_property
    def digest(self) -> str:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        words = json.loads(backend.to_str()) if backend else self.tokenizer.get_vocab()
        return digest("hf", words, self.tokenizer.chat_template, sorted(self.ends))

    @property
    def pad(self) -> int:
        pad = self.tokenizer.pad_token_id
        return int(pad) if pad is not None else min(self.ends)

    @cached_property
    def size(self) -> int:
        return len(self.tokenizer)

    @cached_property
    def end(self) -> int:
        """Return the id that ends a reply: what the template closes an answer with, if that is among the ends."""
        closing, own = _closing(self.tokenizer), self.tokenizer.eos_token_id
        return next((int(token) for token in (closing, own) if token in self.ends), min(self.ends))

    def prompt(self, messages: Messages) -> list[int]:
        if not self.tokenizer.chat_template:
            return list(self.tokenizer.encode("\n\n".join(content for _, content in messages)))
        ids: list[int] = self._applied(messages, add_generation_prompt=True)
        return ids

    def whole(self, messages: Messages) -> list[int]:
        """Return the ids of a conversation that ends with an answer, as the template writes it."""
        ids: list[int] = self._applied(messages)
        return ids

    def written(self, messages: Messages, *, asking: bool = False) -> str:
        """Return a conversation as the template writes it; `asking`, up to where the reply begins."""
        return str(self._applied(messages, tokenize=False, add_generation_prompt=asking))

    def _applied(self, messages: Messages, **how: Any) -> Any:
        try:
            return _apply(self.tokenizer, messages, **how)
        except Exception as error:  # templates raise what they like, e.g. on two user turns in a row
            raise DataError(f"The model's chat template refuses the conversation: {error}") from error

    def reply(self, text: str) -> list[int]:
        """Return the ids of a reply, its end token included exactly once.

        Raises:
            DataError: the text holds an end token before its end, so that most of it would never be trained.
        """
        ids = list(self.tokenizer.encode(text, add_special_tokens=False))
        while ids and ids[-1] in self.ends:
            ids.pop()
        if (stop := len(_before_end(ids, self.ends))) < len(ids):
            raise DataError(f"the reply holds the end token {self.tokenizer.convert_ids_to_tokens(ids[stop])!r} inside")
        return [*ids, self.end]

    def text(self, ids: Sequence[int]) -> str:
        kept = _before_end(ids, self.ends)
        return str(self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def save(self, folder: Path) -> None:
        self.tokenizer.save_pretrained(folder)


def hf_codec(folder: Path) -> HfCodec:
    """Read any tokenizer that `transformers` knows.

    Raises:
        MissingExtra: transformers is not installed.
        DataError: the folder holds no tokenizer, or one that names no end token.
    """
    transformers = library("transformers", f"The tokenizer in {folder}", extra="hf")
    # The general way imports every architecture and torch's compiler: over a second that a plain tokenizer can spare.
    plain = _stated(folder).get("tokenizer_class") in PLAIN and (folder / "tokenizer.json").exists()
    kind = transformers.PreTrainedTokenizerFast if plain else transformers.AutoTokenizer
    try:
        tokenizer = kind.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} holds no tokenizer that transformers can read: {error}") from error
    ends = _declared_ends(folder, tokenizer.eos_token_id, _closing(tokenizer))
    if not ends:
        raise DataError(
            f"{folder} names no end token. Set eos_token in tokenizer_config.json or eos_token_id in "
            "generation_config.json: without it no reply would ever end."
        )
    return HfCodec(tokenizer, ends)


def _stated(folder: Path) -> dict[str, Any]:
    """Return what a folder says of its tokenizer."""
    try:
        stated: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stated


def _declared_ends(folder: Path, *own: int | None) -> frozenset[int]:
    """Return the tokenizer's end tokens and those that the generation settings add (chat models often have two)."""
    path = folder / "generation_config.json"
    declared = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.exists() else None
    more = declared if isinstance(declared, list) else [declared]
    return frozenset(int(token) for token in (*own, *more) if token is not None)


def _closing(tokenizer: Any) -> int | None:
    """Return the token that the template closes an answer with; None if it does so with text, or not at all.

    Base models often come with a chat template whose answers end otherwise than their texts do.
    """
    if not tokenizer.chat_template:
        return None
    try:
        _, answer, rest = _apply(tokenizer, PROBE, tokenize=False).rpartition(PROBE[-1].content)
    except Exception:  # a template that refuses two plain turns tells nothing
        return None
    ids = tokenizer.encode(rest.lstrip(), add_special_tokens=False) if answer else []
    tokens = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return int(ids[0]) if ids and ids[0] in tokens else None


def _apply(tokenizer: Any, messages: Messages, **how: Any) -> Any:
    turns = [{"role": role, "content": content} for role, content in messages]
    template = tokenizer.get_chat_template()
    if "strftime_now" in template:
        how["chat_template"] = _timeless() + template
    return tokenizer.apply_chat_template(turns, return_dict=False, **how)


def _timeless() -> str:
    """Return a macro that stands in for the clock of `transformers`, which templates call as `strftime_now`."""
    known = "".join(f"|replace('%{letter}','{DAY.strftime('%' + letter)}')" for letter in "aAbBdHIjmMpSyY")
    return "{% macro strftime_now(format) %}{{ format" + known + " }}{% endmacro %}"


def _before_end(ids: Sequence[int], ends: frozenset[int]) -> list[int]:
    stop = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])
