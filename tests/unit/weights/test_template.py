import json
from pathlib import Path

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Message, Record
from regrowth.weights.codec import HfCodec
from regrowth.weights.template import check_template, mismatches, preamble
from support.networks import a_codec
from support.templates import chat

TURNS = [Message("user", "Tom has 12 pens."), Message("assistant", "12"), Message("user", "And now?")]
LONG = Record.of([Message("system", "Be brief."), *TURNS], response="7 pens")
SHORT = Record.of("How many pens?", response="7")
GOOD = ("chatml", "tagged", "llama-3", "inst")


def kinds(codec: HfCodec, record: Record) -> list[str]:
    return [one.kind for one in mismatches(codec, record.messages, record.response)]


@pytest.mark.parametrize("style", GOOD)
def test_a_conversation_as_the_template_writes_it_is_prompt_and_reply(style: str, tmp_path: Path) -> None:
    codec = chat(style, tmp_path)
    for record in (SHORT, Record.of(TURNS, response="7 pens")):
        whole = codec.whole([*record.messages, Message("assistant", record.response)])
        expected = [*codec.prompt(record.messages), *codec.reply(record.response)]
        assert whole[: len(expected)] == expected
        assert codec.tokenizer.decode(whole[len(expected) :]).strip() == ""
    assert check_template(codec, [SHORT, Record.of(TURNS, response="7 pens")]) == ()


@pytest.mark.parametrize("style", GOOD)
def test_a_reply_ends_once_whether_or_not_its_text_does(style: str, tmp_path: Path) -> None:
    codec = chat(style, tmp_path)
    end = codec.tokenizer.eos_token
    assert codec.reply("7") == codec.reply(f"7{end}") == codec.reply(f"7{end}{end}")
    assert [token in codec.ends for token in codec.reply("7")] == [False, True]
    assert codec.text(codec.reply("7 pens")) == "7 pens"


def test_an_end_inside_a_reply_is_refused_not_cut(tmp_path: Path) -> None:
    codec = chat("chatml", tmp_path)
    with pytest.raises(DataError, match=r"holds the end token '<\|im_end\|>' inside"):
        codec.reply("7<|im_end|>\n8")


def test_replies_end_as_the_template_closes_an_answer(tmp_path: Path) -> None:
    codec = chat("base chatml", tmp_path)
    end, own = codec.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert codec.end == end
    assert codec.reply("7")[-1] == end
    assert codec.ends == {end, own}
    assert check_template(codec, [SHORT]) == ()


def test_an_end_that_is_not_declared_is_never_written(tmp_path: Path) -> None:
    codec = chat("base chatml", tmp_path)
    alone = HfCodec(codec.tokenizer, frozenset({codec.tokenizer.eos_token_id}))
    assert alone.reply("7")[-1] == codec.tokenizer.eos_token_id
    (note,) = check_template(alone, [SHORT])
    assert "ending" in note
    assert "closes an answer with '<|im_end|>\\n', training with '<|endoftext|>'" in note


@pytest.mark.parametrize(
    ("style", "record", "kind", "told"),
    [
        ("empty thought", SHORT, "inserted", "it writes '<think></think>'.*add_generation_prompt"),
        ("spaced inst", SHORT, "inserted", "it writes ' '"),
        ("strips thoughts", Record.of("2?", response="<think>1</think>7"), "rewritten", "it makes '7<|im_end|>"),
        ("starts anew", SHORT, "restarted", "the prompt has '!.n', the finished conversation '.n7<|im_end|>.n'"),
        ("deaf", LONG, "lost", "leaves out what the system says, 'Be brief.'"),
    ],
)
def test_what_would_train_on_other_tokens_is_refused_unless_accepted(
    style: str, record: Record, kind: str, told: str, tmp_path: Path
) -> None:
    codec = chat(style, tmp_path)
    assert kinds(codec, record) == [kind]
    with pytest.raises(SettingsError, match=f"{told.replace('|', '.')}.*accept_template = true"):
        check_template(codec, [record])
    (note,) = check_template(codec, [record], accept=True)
    assert note.startswith(f"{kind}: record {record.id}: ")


@pytest.mark.parametrize(
    ("style", "record", "kind"),
    [
        ("llama-3", Record.of("2?", response="7\n"), "trimmed"),
        ("no end", SHORT, "ending"),
        ("goes on", SHORT, "after"),
        ("chatml", Record.of("2?", response="7<|im_end|>"), "after"),
    ],
)
def test_what_only_has_to_be_known_is_noted(style: str, record: Record, kind: str, tmp_path: Path) -> None:
    codec = chat(style, tmp_path)
    assert kinds(codec, record) == [kind]
    (note,) = check_template(codec, [record])
    assert note.startswith(f"{kind}: ")


def test_prompt_and_answer_that_are_cut_into_other_tokens_together_are_noted(tmp_path: Path) -> None:
    codec = chat("no end", tmp_path)
    codec.tokenizer.chat_template = codec.tokenizer.chat_template.replace("content'] }}\n", "content'] }}</s>")
    record = Record.of("2?", response="pens")
    assert codec.written([*record.messages, Message("assistant", "pens")]).endswith("assistant: pens</s>")
    assert kinds(HfCodec(codec.tokenizer, codec.ends), record) == ["joined"]  # " pens" is one token


def test_a_template_that_can_do_without_thoughts_is_told_how(tmp_path: Path) -> None:
    codec = chat("hybrid", tmp_path)
    assert kinds(codec, SHORT) == ["inserted"]
    with pytest.raises(SettingsError, match=r"begin the chat template .* with \{% set enable_thinking = false %\}"):
        check_template(codec, [SHORT])
    codec.tokenizer.chat_template = "{% set enable_thinking = false %}" + codec.tokenizer.chat_template
    assert check_template(HfCodec(codec.tokenizer, codec.ends), [SHORT]) == ()


def test_thoughts_are_refused_only_where_there_are_some(tmp_path: Path) -> None:
    codec = chat("strips thoughts", tmp_path)
    assert check_template(codec, [SHORT]) == ()
    many = [SHORT] * 200 + [Record.of("2?", response="<think>1</think>7")] * 20
    with pytest.raises(SettingsError, match=r"of the answer .* it makes"):
        check_template(codec, many)


def test_a_preamble_is_noted_and_the_header_of_every_turn_is_none(tmp_path: Path) -> None:
    codec = chat("polite", tmp_path / "polite")
    assert preamble(codec) == "system\nBe kind."
    (note,) = check_template(codec, [SHORT])
    assert "Be kind." in note
    assert [preamble(chat(style, tmp_path / style)) for style in GOOD] == [""] * len(GOOD)


def test_a_template_that_writes_the_date_writes_the_same_every_day(tmp_path: Path) -> None:
    codec = chat("dated", tmp_path)
    assert codec.written(SHORT.messages, asking=True).startswith("Today is 26 July 2024. <|im_start|>user")


def test_records_that_a_template_refuses_are_left_to_the_list_of_the_skipped(tmp_path: Path) -> None:
    codec = chat("inst", tmp_path)
    assert check_template(codec, [LONG, SHORT]) == ()


def test_a_tokenizer_without_a_template_is_noted(tmp_path: Path) -> None:
    codec = chat("chatml", tmp_path)
    codec.tokenizer.chat_template = None
    assert check_template(HfCodec(codec.tokenizer, codec.ends), [SHORT]) == (
        "no chat template: the contents of the turns are joined by blank lines",
    )


def test_our_own_codec_agrees_with_the_template_it_is_saved_with(tmp_path: Path) -> None:
    assert check_template(a_codec(), [SHORT]) == ()
    a_codec().save(tmp_path)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["chat_template"]
    from regrowth.weights.codec import hf_codec

    assert check_template(hf_codec(tmp_path), [SHORT, LONG]) == ()
