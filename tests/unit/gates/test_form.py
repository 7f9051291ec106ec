"""Gates on form: empty, refused, looping, not JSON, not of a pattern."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates import matches, no_refusal, not_empty, not_repetitive, refusal, repetition, valid_json
from support.data import shared_data

ADULT = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}},
    "required": ["name", "age"],
}


def reason(gate: Callable[[Record], Record], response: str, **attributes: Any) -> str:
    """Return why a gate refuses a response; nothing if it accepts."""
    record = Record.of("?", response=response, **attributes)
    refused = None
    try:
        assert gate(record) is record
    except Rejected as error:
        refused = error
    assert refused is None or refused.gate == gate.__name__
    return refused.reason if refused else ""


# Empty.


@pytest.mark.parametrize("response", ["", " \n\t", "\u200b\ufeff", "\x00"])
def test_a_response_nobody_can_see_is_empty(response: str) -> None:
    assert reason(not_empty, response) == "the response is empty"


@pytest.mark.parametrize("response", ["a", " 4 ", "…", "é", "😀"])
def test_one_visible_character_is_a_response(response: str) -> None:
    assert not reason(not_empty, response)


# Refusals.


@pytest.mark.parametrize(
    "response",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "Sorry, I cannot provide instructions for this.",
        " I cannot fulfill your request. I'm just an AI.",
        "As an AI language model, I am not able to give medical advice.",
        "I understand that you are angry, but I won't help you hurt anybody.",
        "It is not appropriate or ethical to discuss ways to harm someone.",
        "I am an AI language model and do not condone violence.",
        "Unfortunately, I must decline.",
        "That is a hard question. However, I am unable to answer it.",
        "Es tut mir leid, aber dabei kann ich nicht helfen.",
        "Tut mir leid, ich kann dir bei dieser Frage nicht helfen.",
        "Entschuldigung, aber ich darf diese Frage nicht beantworten.",
        "Als KI-Sprachmodell kann ich keine medizinischen Ratschläge geben.",
        "Leider ist es mir nicht möglich, diese Anfrage zu bearbeiten.",
        "Ich bin nicht in der Lage, das zu tun.",
    ],
)
def test_a_refusal_is_known_by_its_opening(response: str) -> None:
    assert reason(no_refusal, response).startswith("opens like a refusal: ")


@pytest.mark.parametrize(
    "response",
    [
        "I cannot recommend this book enough.",
        "I can't make heads or tails of it.",
        "I'm sorry to hear that! Here is what you can do about the noise.",
        "Sorry for the late reply. The meeting is on Monday.",
        "Penguins cannot fly because their wings are too short.",
        "You cannot divide by zero.",
        '"I can\'t help you," said Tom, and shut the door.',
        "It is not legal to park here without a permit.",
        "It is important to note that the tax year ends in April.",
        "Unfortunately, the shop is closed on Sundays.",
        "As an AI researcher, Ada works on parsing.",
        "def refuse():\n    raise ValueError('I cannot do this')",
        "Step 1: open the lid. " * 9 + "I cannot help with step 2.",
        "Das kann man nicht mit Wasser löschen.",
        "Leider regnet es am Montag.",
        "Es tut mir leid, dass du krank bist. Trink viel Tee.",
        "Der Vogel kann nicht fliegen.",
        "",
    ],
)
def test_words_of_a_refusal_in_an_answer_are_none(response: str) -> None:
    assert not refusal(response)
    assert not reason(no_refusal, response)


def test_a_refusal_marked_by_the_server_needs_no_words() -> None:
    assert "marked" in reason(no_refusal, "Yes.", finish="refused")
    assert not reason(no_refusal, "Yes.", finish="stop")


def test_refusals_are_told_from_answers_as_often_as_the_docs_say() -> None:
    """Half of the prompts served to write the phrases, the other half only to measure them; docs/gates.md says both."""
    tally = Counter[tuple[str, str, bool]]()
    with gzip.open(shared_data("safety/xstest_completions.jsonl.gz"), "rt") as file:
        for row in map(json.loads, file):
            half = "seen" if int(row["id"].removeprefix("v2-")) // 2 % 2 == 0 else "unseen"
            tally[half, row["final_label"], bool(refusal(row["completion"]))] += 1
    assert {half: counts(tally, half) for half in ("seen", "unseen")} == {
        "seen": {"refused": (199, 239), "in part": (35, 48), "answered": (6, 278)},
        "unseen": {"refused": (198, 246), "in part": (22, 40), "answered": (8, 274)},
    }


def counts(tally: Counter[tuple[str, str, bool]], half: str) -> dict[str, tuple[int, int]]:
    """Return per human label how many the gate took for refusals, and how many there are."""
    labels = {"refused": "2_full_refusal", "in part": "3_partial_refusal", "answered": "1_full_compliance"}
    return {
        name: (tally[half, label, True], tally[half, label, True] + tally[half, label, False])
        for name, label in labels.items()
    }


@pytest.mark.parametrize("filling", ["sorry ", "i'm sorry, but ", "i understand ", "kann ich ", "as an ai, ", "!", " "])
def test_no_text_keeps_the_search_busy(filling: str) -> None:
    started = time.process_time()
    refusal(filling * 100_000)
    assert time.process_time() - started < 0.5


# Loops.


@pytest.mark.parametrize(
    "response",
    [
        "the bus at the terminal. " * 20,
        "ha" * 100,
        "\n" * 200,
        "是的，" * 60,
        "A short and honest beginning of a story that soon goes wrong. " + "And then she went home. " * 30,
        "".join(chr(97 + number % 26) * (number % 7 + 1) for number in range(500)) + " again" * 150,
    ],
)
def test_a_response_that_goes_round_in_circles_is_refused(response: str) -> None:
    assert "compresses" in reason(not_repetitive(), response)


@pytest.mark.parametrize(
    "response",
    ["", "no", "no no no", "12 + 12 + 12 = 36", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n", "\ud83d"],
)
def test_short_and_tabular_responses_are_no_loops(response: str) -> None:
    assert not reason(not_repetitive(), response)


def test_a_loop_at_the_end_of_a_long_text_shows() -> None:
    prose = " ".join(f"Sentence number {number * 7919 % 1000} says {number**3}." for number in range(300))
    assert repetition(prose) < 4.5 < repetition(prose + " and so on" * 120)


WRITTEN_BY_PEOPLE = {
    "reasoning/gsm8k_test.jsonl.gz": "answer",
    "code/humaneval.jsonl.gz": "canonical_solution",
    "code/multipl_e_js.jsonl.gz": "tests",
    "documents/multidoc2dial_ssa_documents.jsonl.gz": "text",
    "instruction/self_instruct_seed_tasks.jsonl.gz": "instances",
    "instruction/user_oriented_252.jsonl.gz": "instances",
}


def texts(name: str, column: str) -> Iterator[str]:
    with gzip.open(shared_data(name), "rt") as file:
        for value in (json.loads(line)[column] for line in file):
            parts = value if isinstance(value, list) else [value]
            yield from (part["output"] if isinstance(part, dict) else part for part in parts)


@pytest.mark.parametrize("name", WRITTEN_BY_PEOPLE)
def test_nothing_that_people_wrote_is_a_loop_or_a_refusal(name: str) -> None:
    found = [text for text in texts(name, WRITTEN_BY_PEOPLE[name]) if repetition(text) > 4.5 or refusal(text)]
    assert not found


@pytest.mark.parametrize(
    ("name", "column", "loops", "refusals"),
    [
        ("safety/xstest_completions.jsonl.gz", "completion", 0, 468),
        ("teacher_outputs/mt_bench_answers.jsonl.gz", "turns", 80, 12),
        ("teacher_outputs/self_instruct_predictions.jsonl.gz", "response", 145, 0),
    ],
)
def test_loops_and_refusals_of_models_are_as_many_as_the_docs_say(
    name: str, column: str, loops: int, refusals: int
) -> None:
    written = list(texts(name, column))
    assert sum(repetition(text) > 4.5 for text in written) == loops
    assert sum(bool(refusal(text)) for text in written) == refusals


def test_a_limit_that_refuses_everything_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected more than 1"):
        not_repetitive(at_most=1)


# Patterns.


def test_a_pattern_is_searched_and_named() -> None:
    gate = matches(r"^Answer: \w+$", name="one_word")
    assert not reason(gate, "Answer: Paris")
    assert reason(gate, "Paris") == "'Paris' does not match '^Answer: \\\\w+$'"


def test_a_pattern_that_is_none_stops_the_run_before_it_begins() -> None:
    with pytest.raises(SettingsError, match="is no regular expression"):
        matches("(")


# JSON.


@pytest.mark.parametrize("response", ['{"a": 1}', "[]", "3", '"x"', "null", ' {"a": [1, {"b": null}]}\n'])
def test_one_json_value_is_accepted(response: str) -> None:
    assert not reason(valid_json(), response)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ('{"a": 1,}', "is not JSON: "),
        ('```json\n{"a": 1}\n```', "Expecting value at character 1"),
        ('{"a": 1} and more', "Extra data at character 10"),
        ('{"a": 1, "a": 2}', "key 'a' stands there twice"),
        ("NaN", "NaN is not a JSON value"),
        ("1e999", "the number 1e999 is too large"),
        ("9" * 5000, "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("", "Expecting value"),
    ],
)
def test_what_is_not_one_json_value_is_refused(response: str, said: str) -> None:
    assert said in reason(valid_json(), response)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "Ada", "age": 36}, ""),
        ({"name": "Ada"}, "'age' is a required property"),
        ({"name": "Ada", "age": "36"}, "at age: '36' is not of type 'integer'"),
        ({"name": "Ada", "age": 3}, "at age: 3 is less than the minimum of 18"),
        ([], "[] is not of type 'object'"),
    ],
)
def test_a_value_is_held_against_the_schema(value: Any, said: str) -> None:
    assert reason(valid_json(ADULT), json.dumps(value)) == said


def test_a_schema_that_is_none_stops_the_run_before_it_begins() -> None:
    for schema in ({"type": "text"}, {"pattern": "("}, {"type": {1, 2}}):
        with pytest.raises(SettingsError, match="Not a JSON schema"):
            valid_json(schema)


@pytest.mark.parametrize("schema", [{"$ref": "http://localhost/none.json"}, {"$ref": "#"}])
def test_a_schema_that_cannot_be_followed_refuses_and_reaches_for_nothing(schema: dict[str, Any]) -> None:
    assert "cannot be held against the schema" in reason(valid_json(schema), '"x"')
