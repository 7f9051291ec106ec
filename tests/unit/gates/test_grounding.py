"""Grounding: what an answer says stands in its document, in whatever spelling; what does not is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.grounding import CHECKS, faults, grounded, recall
from regrowth.gates.questions import (
    answered,
    not_copied,
    of_right_type,
    on_topic,
    one_question,
    self_contained,
)
from regrowth.gates.spans import dates, language_of, names, numbers, quotes, sentences, stems

BRIDGE = (
    "The bridge at Oslo was opened on 4 May 1894 by Anna Berg. It has 1,200 rivets and two towers. "
    'It does not carry trains. The International Bridge Union (founded in Rome) called it "a quiet marvel".'
)
BRUECKE = (
    "Die Brücke in Oslo wurde am 4. Mai 1894 von Anna Berg eröffnet. Sie hat 1.200 Nieten und zwei Türme. "
    "Sie trägt keine Züge."
)


def found(answer: str, document: str = BRIDGE, question: str = "What about the bridge?", **how: object) -> list[str]:
    return [fault.check for fault in faults(document, answer, question=question, **how)]  # type: ignore[arg-type]


# What is right in another spelling passes


@pytest.mark.parametrize(
    "answer",
    [
        "Anna Berg opened the bridge on May 4, 1894.",
        "The bridge at Oslo was opened on 1894-05-04.",
        "It has 1200 rivets and 2 towers.",
        "It has 1 200 rivets.",
        "The IBU called it a marvel.",
        "It was called “a quiet marvel”.",
        "The bridge doesn't carry trains.",
        "**Anna Berg** opened the [bridge](https://example.org/x_(y)).",
        "",
    ],
)
def test_what_the_document_says_passes_in_any_spelling(answer: str) -> None:
    assert found(answer) == []


@pytest.mark.parametrize(
    "answer",
    ["Anna Berg hat die Brücke am 04.05.1894 eröffnet.", "Sie hat 1200 Nieten und 2 Türme.", "Sie trägt keine Züge."],
)
def test_german_passes_too(answer: str) -> None:
    assert language_of(answer) == "de"
    asked = "Wann wurde die Brücke in Oslo eröffnet, was trägt sie nicht, wie viele Nieten und Türme hat sie?"
    assert found(answer, BRUECKE, asked) == []


# What is not in the document is named


@pytest.mark.parametrize(
    ("answer", "check", "span"),
    [
        ("The bridge has 1,300 rivets.", "number", "1,300"),
        ("The bridge has three towers.", "number", "three"),
        ("Anna Berg opened the bridge on 4 June 1894.", "date", "4 June 1894"),
        ("The bridge was opened by Maria Stone.", "name", "Maria Stone"),
        ("The bridge at Paris was opened.", "name", "Paris"),
        ('It was called "a loud disaster".', "quote", "a loud disaster"),
        ("The bridge carries trains.", "negation", "The bridge carries trains."),
        ("The bridge was not opened by Anna Berg.", "negation", "The bridge was not opened by Anna Berg."),
    ],
)
def test_an_error_is_found_and_its_place_named(answer: str, check: str, span: str) -> None:
    assert (check, span) in [(fault.check, fault.span) for fault in faults(BRIDGE, answer, question="The bridge?")]


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        ("Die Brücke hat 1.300 Nieten.", "number"),
        ("Die Brücke wurde von Maria Stein eröffnet.", "name"),
        ("Die Brücke liegt in Paris.", "name"),
        ("Die Brücke trägt Züge.", "negation"),
        ("Anna Berg hat die Brücke am 5. Mai 1894 eröffnet.", "date"),
    ],
)
def test_german_errors_are_found(answer: str, check: str) -> None:
    assert check in found(answer, BRUECKE, "Die Brücke?")


def test_a_fact_of_somebody_else_is_out_of_place() -> None:
    text = "Eva Max lives in Rome. Eva Max has 12 coins. Tom Leo lives in Oslo. Tom Leo has 44 coins."
    asked = "Where does Eva Max live?"
    assert found("Rome", text, asked, window=1) == []
    assert found("Oslo", text, asked, window=1) == ["place"]
    assert found("Oslo", text, asked, window=0) == []
    assert found("Eva Max has 44 coins.", text, "How many coins does Eva Max have?", window=1) == ["place"]


def test_too_many_unknown_words_are_told_with_their_share() -> None:
    (fault,) = faults(BRIDGE, "A quantum of purple elephants dances.", question="The bridge?", checks=["words"])
    assert fault.check == "words"
    assert "0% known, wanted 60%" in str(fault)


def test_what_is_only_supposed_contradicts_nothing() -> None:
    assert found("If it carries trains, it falls.", checks=["negation"]) == []


def test_only_the_chosen_checks_are_made() -> None:
    wrong = 'In 1999 Maria Stone said "never again".'
    assert set(found(wrong)) >= {"number", "name", "quote"}
    assert found(wrong, checks=["date"]) == []
    assert found(wrong, checks=["number"]) == ["number"]


def test_recall_counts_the_words_of_document_and_question() -> None:
    assert recall("Cats sleep.", "Cats sleeping", question="") == 1
    assert recall("Cats sleep.", "Dogs bark", question="") == 0
    assert recall("Cats sleep.", "Dogs bark", question="Do dogs bark?") == 1
    assert recall("Cats sleep.", "") == 1


# As a gate


def test_the_gate_names_the_span_and_notes_the_recall() -> None:
    record = Record.of("Who opened the bridge?", response="Maria Stone did.", context=BRIDGE)
    with pytest.raises(Rejected, match="name: 'Maria Stone' is not in the document"):
        grounded()(record)
    passed = grounded()(Record.of("Who opened the bridge?", response="Anna Berg opened it.", context=BRIDGE))
    assert passed.scores["grounded"] == 1


def test_a_record_without_a_document_passes() -> None:
    record = Record.of("Name a prime.", response="Maria Stone, 17.")
    assert grounded()(record) is record


@pytest.mark.parametrize("how", [{"at_least": 2}, {"window": -1}, {"checks": ("spelling",)}])
def test_settings_that_mean_nothing_are_refused(how: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        grounded(**how)  # type: ignore[arg-type]


@given(st.text(max_size=300), st.text(max_size=200), st.text(max_size=80))
def test_any_text_can_be_looked_at(document: str, answer: str, question: str) -> None:
    assert {fault.check for fault in faults(document, answer, question=question)} <= set(CHECKS)
    assert 0 <= recall(document, answer, question=question) <= 1


@given(st.lists(st.sampled_from(sentences(BRIDGE)), min_size=1, max_size=3, unique=True))
def test_a_document_bears_out_its_own_sentences(chosen: list[str]) -> None:
    assert found(" ".join(chosen), question="", checks=["number", "date", "name", "quote", "negation", "words"]) == []


# What is read out of a text


def test_numbers_have_every_value_they_may_have() -> None:
    values = {span.text: set(span.values) for span in numbers("1,200 or 1.200,50 or 7.2 or twelve")}
    assert values == {"1,200": {1200.0, 1.2}, "1.200,50": {1200.5}, "7.2": {7.2}, "twelve": {12.0}}
    assert [span.text for span in numbers("1. First\n2. Then", counted=False)] == []


def test_dates_are_read_in_many_forms() -> None:
    text = "4 May 1990, May 4th, 1990, 1990-05-04, 4. Mai 1990, 04.05.1990 and May 1990"
    values = [set(span.values) for span in dates(text)]
    assert all((1990, 5, 4) in one for one in values if (1990, 5, 0) not in one)
    assert len(values) == 6


def test_names_leave_the_first_word_of_a_sentence_alone() -> None:
    assert names("Stars are far. The French explorer Nicolas Louis de Lacaille saw Phoenix. Phoenix shone.") == [
        "French", "Nicolas Louis de Lacaille", "Phoenix", "Phoenix",
    ]  # fmt: skip
    assert names("Er wohnt in Rom und mag die Stadt.", "de") == ["Rom"]


def test_quotes_and_stems() -> None:
    assert sorted(quotes('„der Vogel“ and «un oiseau» and "the bird"')) == ["der Vogel", "the bird", "un oiseau"]
    assert stems("Two towers are located in towns of 1,200") == ["2", "tow", "locat", "town", "1200"]
    assert stems("Die Brücken wurden eröffnet", "de") == stems("Brücke eröffnet", "de")


# Questions and pairs


@pytest.mark.parametrize(
    "question",
    [
        "What does the passage say about Oslo?", "According to the document, who opened it?", "Was steht im Text?",
        "What is listed above?", "Wer wird oben genannt?", "Which of the following is right?",
    ],
)  # fmt: skip
def test_a_question_that_points_at_the_text_is_refused(question: str) -> None:
    with pytest.raises(Rejected, match="points at the text"):
        self_contained(Record.of(question))


@pytest.mark.parametrize("question", ["Who opened the bridge at Oslo?", "What documents do I need to renew a licence?"])
def test_a_question_that_stands_alone_passes(question: str) -> None:
    assert self_contained(Record.of(question)).prompt == question


def test_one_question_of_a_length() -> None:
    gate = one_question(at_least=3, at_most=6)
    assert gate(Record.of("Who opened the bridge?"))
    with pytest.raises(Rejected, match="2 questions"):
        gate(Record.of("Who was it? And when?"))
    with pytest.raises(Rejected, match="2 words, expected 3 to 6"):
        gate(Record.of("Who opened?"))
    with pytest.raises(SettingsError):
        one_question(at_least=5, at_most=4)


def test_a_question_is_about_its_document() -> None:
    gate = on_topic()
    assert gate(Record.of("Who opened the bridge at Oslo?", context=BRIDGE))
    assert gate(Record.of("Anything at all?"))
    with pytest.raises(Rejected, match="'Nile', which the document does not name"):
        gate(Record.of("How long is the Nile?", context=BRIDGE))
    with pytest.raises(Rejected, match="0% of its words"):
        gate(Record.of("Why do purple elephants dance?", context=BRIDGE))
    with pytest.raises(SettingsError):
        on_topic(at_least=3)


@pytest.mark.parametrize(
    ("question", "answer", "passes"),
    [
        ("When was it opened?", "In Oslo.", False),
        ("When was it opened?", "On 4 May 1894.", True),
        ("When does Eva Max come?", "12", False),
        ("When does Eva Max come?", "Monday", True),
        ("Wann wurde sie eröffnet?", "In Oslo.", False),
        ("Wann wurde sie eröffnet?", "Im Mai.", True),
        ("How many towers are there?", "Grey ones.", False),
        ("How many towers are there?", "Several.", True),
        ("Wie viele Türme gibt es?", "zwei", True),
        ("Who opened it?", "1894", False),
        ("Who opened it?", "Anna Berg", True),
        ("Why?", "Because.", True),
    ],
)
def test_an_answer_is_of_the_kind_that_was_asked_for(question: str, answer: str, passes: bool) -> None:
    record = Record.of(question, response=answer)
    if passes:
        assert of_right_type(record) is record
    else:
        with pytest.raises(Rejected, match="of_right_type"):
            of_right_type(record)


@pytest.mark.parametrize(
    "answer", ["", "[UNANSWERABLE]", "The document does not say.", "unknown", "Das geht nicht hervor."]
)
def test_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(Rejected, match="answered"):
        answered(Record.of("Who?", response=answer))


def test_what_was_shown_is_not_given_back() -> None:
    shown = [["Who opened the bridge?", "Anna Berg opened it in the year 1894."]]
    with pytest.raises(Rejected, match="question is that of an example"):
        not_copied(Record.of("Who opened the  bridge", response="Anna", shown=shown))
    with pytest.raises(Rejected, match="answer is that of an example"):
        not_copied(Record.of("When?", response="Anna Berg opened it in the year 1894", shown=shown))
    assert not_copied(Record.of("When?", response="1894", shown=[["Which year?", "1894"]]))
