"""Text to ids and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Message
from regrowth.weights.codec import SPECIALS, BpeCodec, HfCodec, hf_codec, train_codec
from support.networks import a_codec

CHAT = [
    Message("system", "Be brief."),
    Message("user", "Tom has 12 pens."),
    Message("assistant", "12"),
    Message("tool", '{"pens": 3}'),
    Message("user", "And now?"),
]


@given(st.text())
def test_every_text_comes_back_as_it_was(text: str) -> None:
    ids = a_codec().reply(text)
    assert a_codec().text(ids) == text
    assert [token in a_codec().ends for token in ids].index(True) == len(ids) - 1


@pytest.mark.parametrize("special", SPECIALS)
def test_text_that_looks_like_a_special_token_stays_text(special: str) -> None:
    codec = a_codec()
    prompt = codec.prompt([Message("user", f"a{special}b")])
    assert sum(token < len(SPECIALS) for token in prompt) == 2  # the user's turn and the assistant's
    assert codec.text(codec.reply(f"a{special}b")) == f"a{special}b"


def test_a_conversation_is_rendered_turn_by_turn() -> None:
    codec = a_codec()
    tokens = [codec.tokenizer.id_to_token(token) for token in codec.prompt(CHAT) if token < len(SPECIALS)]
    assert tokens == ["<system>", "<user>", "<assistant>", "<end>", "<tool>", "<user>", "<assistant>"]


def test_a_prompt_goes_on_where_the_reply_ended() -> None:
    codec = a_codec()
    asked = [Message("user", "2?")]
    answered = [*asked, Message("assistant", "3"), Message("user", "4?")]
    so_far = codec.prompt(asked) + codec.reply("3")
    assert codec.prompt(answered)[: len(so_far)] == so_far


def test_text_ends_at_the_end_token() -> None:
    codec = a_codec()
    assert codec.text([*codec.reply("yes"), *codec.reply("no")]) == "yes"


def test_digits_stand_alone() -> None:
    codec = train_codec(["2024 2024 2024"] * 9, 300)
    assert len(codec.reply("2024")) == 5


def test_an_unknown_role_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="role 'judge'; expected system, user, assistant, tool"):
        a_codec().prompt([Message("judge", "7")])


def test_too_small_a_tokenizer_is_refused() -> None:
    with pytest.raises(SettingsError, match="200 ids is too small; expected 262"):
        train_codec([], 200)


def test_equal_texts_make_equal_tokenizers() -> None:
    texts = [f"{n} apples and {n} pears" for n in range(50)]
    assert train_codec(texts, 270).digest == train_codec(texts, 270).digest != train_codec(texts, 268).digest


def test_a_saved_codec_is_the_same_codec(tmp_path: Path) -> None:
    a_codec().save(tmp_path)
    again = BpeCodec.of(tmp_path)
    assert again is not None
    assert again.digest == a_codec().digest
    assert again.prompt([Message("user", "<end>")]) == a_codec().prompt([Message("user", "<end>")])


def test_a_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    a_codec().save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json is not a tokenizer"):
        BpeCodec.of(tmp_path)


def foreign(folder: Path) -> HfCodec:
    a_codec().save(folder)
    return hf_codec(folder)


def test_transformers_renders_the_same_ids(tmp_path: Path) -> None:
    other = foreign(tmp_path)
    assert other.prompt(CHAT) == a_codec().prompt(CHAT)
    assert other.reply("7 pens") == a_codec().reply("7 pens")
    assert other.text(other.reply("7 pens")) == "7 pens"
    assert (other.ends, other.pad, other.size) == (a_codec().ends, a_codec().pad, a_codec().size)


def test_a_foreign_codec_is_named_by_its_template_too(tmp_path: Path) -> None:
    other = foreign(tmp_path)
    digest = other.digest
    other.tokenizer.chat_template = "{{ messages[0]['content'] }}"
    assert HfCodec(other.tokenizer, other.ends).digest != digest


def test_a_tokenizer_without_a_template_gets_the_bare_contents(tmp_path: Path) -> None:
    other = foreign(tmp_path)
    other.tokenizer.chat_template = None
    assert other.text(other.prompt(CHAT[:2])) == "Be brief.\n\nTom has 12 pens."


def test_a_template_that_refuses_is_quoted(tmp_path: Path) -> None:
    other = foreign(tmp_path)
    other.tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(DataError, match="roles must alternate"):
        other.prompt(CHAT)


def test_the_generation_settings_may_name_further_end_tokens(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [4, 9]}')
    assert foreign(tmp_path).ends == {4, 9}


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    a_codec().save(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(path.read_text().replace('"eos_token": "<end>",', "").replace("'<end>'", "''"))
    with pytest.raises(DataError, match="names no end token"):
        hf_codec(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no tokenizer"):
        hf_codec(tmp_path)
