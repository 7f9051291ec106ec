"""What is wrong with a text as text: each flaw with its reason, nothing in what people wrote."""

import gzip
import json
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.garbled import LIMITS, flaws, not_garbled
from support.data import shared_data

PROSE = "The bridge was built in four years by two hundred people, and nobody thought that it would stand so long."
PROMPT = "Please write two or three sentences about the old bridge over the river near the town of Lima."


def kinds(text: str, prompt: str = "", **limits: float) -> set[str]:
    return {flaw.kind for flaw in flaws(text, prompt, **limits)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("the bus at the terminal. " * 20, "compression"),
        ("the same line again\nand another one\n" * 6, "lines"),
        ("ha ha ho " * 40, "phrases"),
        (PROSE * 3, "spans"),
        ("Yes" + "!" * 40, "run"),
        ("a" * 30, "run"),
        ("§$% &/( )=? ¡¿ ∂ƒ © ®†µ ∆∫ «» ¶¢ [] | {} ≠ ~", "symbols"),
        ("FÃ¼r alle MÃ¤rkte gilt das gleiche Gesetz.", "mojibake"),
        ("It was the manâ€™s house.", "mojibake"),
        ("ÐŸÑ\x80Ð¸Ð²ÐµÑ\x82", "mojibake"),
        ("caf\ufffd", "mojibake"),
        ("Press \x1b[31m here", "controls"),
        ("half \ud83d of a pair", "controls"),
        ("ur finurtx nam8re doubleOme ma nit9 send pens2E by eLse coun5th verse fora3 drOp", "jumble"),
        (PROMPT, "echo"),
    ],
)
def test_a_flaw_is_found_and_named(text: str, kind: str) -> None:
    assert kind in kinds(text, PROMPT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        PROSE,
        "no no no",
        "12 + 12 + 12 = 36",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
        f"A heading\n{'=' * 30}\n{PROSE}",
        "def add(a, b):\n    return a + b\n\nprint(add(idx2, num1))\n",
        "SÃO PAULO, Ângela, Øystein, naïve, 10 €, ½, “quoted” – and so on…",
        "Die Straße führt über die Brücke. Größe: 3 m².",
        "是的，这座桥很老了，没有人知道它是什么时候建成的。",
        "C++ and C# and F# are names; O'Brien, e-mail, and/or, 3rd, 21st, A4, H2O, mp3.",
    ],
)
def test_what_people_write_has_none(text: str) -> None:
    assert not flaws(text, PROMPT)


def test_a_text_that_stops_in_the_middle_is_a_flaw_only_where_that_is_asked() -> None:
    cut = PROSE[:-20]
    assert not kinds(cut)
    assert [flaw.kind for flaw in flaws(cut, ending=True)] == ["ending"]
    assert not flaws(PROSE, ending=True)
    assert not flaws("Rome", ending=True)


def test_limits_are_settings_and_infinity_switches_off() -> None:
    looping = "the bus at the terminal. " * 20
    off = dict.fromkeys(LIMITS, float("inf"))
    assert not flaws(looping, **off)  # type: ignore[arg-type]
    assert kinds(PROSE, compression=1.01) == {"compression"}
    with pytest.raises(SettingsError, match="No rule is called 'length'"):
        not_garbled(length=3)
    with pytest.raises(SettingsError, match="not a number"):
        not_garbled(lines=float("nan"))


def test_the_gate_names_every_flaw() -> None:
    good = Record.of(PROMPT, response=PROSE)
    assert not_garbled(ending=True)(good) is good
    with pytest.raises(Rejected, match=r"mojibake \(1.00, at most 0\); control characters \(1.00, at most 0\)"):
        not_garbled()(Record.of(PROMPT, response="FÃ¼r \x07 alle"))
    with pytest.raises(Rejected, match="echoes the prompt"):
        not_garbled()(Record.of(PROMPT, response=PROMPT))
    assert not_garbled(echo=float("inf"))(Record.of(PROMPT, response=PROMPT))


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=60))
def test_any_text_is_measured(text: str, prompt: str) -> None:
    for flaw in flaws(text, prompt, ending=True):
        assert flaw.value > flaw.limit
        assert str(flaw)


@pytest.mark.parametrize("unit", ["a", "ab ", "\n", "é\n", "\u200b", "Ð", "```", "x1y"])
def test_time_grows_with_the_length_alone(unit: str) -> None:
    def seconds(count: int) -> float:
        text = unit * count
        started = time.process_time()
        flaws(text)
        return time.process_time() - started

    seconds(1000)
    assert seconds(160_000) < 2


def texts(name: str, column: str) -> Iterator[str]:
    with gzip.open(shared_data(name), "rt") as file:
        for value in (json.loads(line)[column] for line in file):
            for part in value if isinstance(value, list) else [value]:
                yield part["output"] if isinstance(part, dict) else part


@pytest.mark.parametrize(
    ("name", "column", "flawed", "total"),
    [
        ("reasoning/gsm8k_test.jsonl.gz", "answer", 0, 369),
        ("documents/multidoc2dial_ssa_documents.jsonl.gz", "text", 0, 108),
        ("documents/multidoc2dial_dmv_documents.jsonl.gz", "text", 1, 149),
        ("instruction/user_oriented_252.jsonl.gz", "instances", 1, 126),
        ("multilingual/mgsm.jsonl.gz", "question", 0, 550),
        ("safety/xstest_completions.jsonl.gz", "completion", 0, 1125),
        ("code/humaneval.jsonl.gz", "canonical_solution", 1, 82),
    ],
)
def test_real_clean_texts_pass_as_often_as_the_docs_say(name: str, column: str, flawed: int, total: int) -> None:
    found = [bool(flaws(text)) for text in texts(name, column)]
    assert (sum(found), len(found)) == (flawed, total)


def test_random_characters_are_found() -> None:
    rng = random.Random(3)
    noise = ["".join(chr(rng.randrange(33, 0x250)) for _ in range(200)) for _ in range(50)]
    assert all(flaws(text) for text in noise)
