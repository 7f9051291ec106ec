"""Constraints that a program checks: round trips, both sides of every check, and the real prompts of IFEval."""

import gzip
import json
import string
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.recipes._nemotron.checks import sentences, words
from regrowth.recipes._nemotron.constraints import KINDS, Constraint, draw, obeyed, of
from regrowth.recipes._nemotron.wordings import CONSTRAINTS
from support.data import shared_data

Values = Mapping[str, Any]


def some_words(count: int) -> str:
    return " ".join(["word"] * count)


def lines(count: int, line: str = "a line", between: str = "\n") -> str:
    return between.join([line] * count)


CASES: Mapping[str, tuple[Values, str, str]] = {
    "words_at_least": ({"count": 3}, "one two three", "one two"),
    "words_at_most": ({"count": 3}, "it's well-known today", "one two three four"),
    "sentences": ({"count": 2}, "So it is. 3.5 is more than 3!", "So it is."),
    "sentences_at_least": ({"count": 2}, "Really? Yes", "Yes."),
    "sentences_at_most": ({"count": 1}, "No. ", "No. No."),
    "paragraphs": ({"count": 2}, "one\n\ntwo\nlines", "one\ntwo"),
    "divided": ({"count": 2}, "one\n***\ntwo", "one\n\ntwo"),
    "bullets": ({"count": 2}, "so:\n- one\n* two", "- one"),
    "highlights": ({"count": 2}, "*one* and **two three**", "* one\n* two"),
    "placeholders": ({"count": 1}, "Dear [name],", "Dear name,"),
    "capitals_at_least": ({"count": 2}, "READ this NOW", "Read THIS"),
    "capitals_at_most": ({"count": 0}, "read this", "read THIS"),
    "word_at_least": ({"word": "tide", "count": 2}, "Tide after tide.", "The tides and the tide."),
    "word_at_most": ({"word": "the", "count": 1}, "The other day.", "The day and the night."),
    "letter_at_least": ({"letter": "b", "count": 2}, "Bob", "a bee"),
    "letter_at_most": ({"letter": "b", "count": 1}, "a bee", "Bob"),
    "keywords": ({"words": ["tide", "moon"]}, "The moon pulls the tide.", "The moon pulls the tides."),
    "forbidden": ({"words": ["tide"]}, "Tides rise.", "The TIDE rises."),
    "starts_with": ({"phrase": "In short,"}, '"In short, yes."', "Yes, in short, yes."),
    "ends_with": ({"phrase": "That is all."}, "Yes.\nThat  is all.", "That is all. Yes."),
    "lower_case": ({}, "all is small, 7 of 7", "all is Small"),
    "upper_case": ({}, "ALL IS LARGE: ß!".replace("ß", "SS"), "ALL IS large"),
    "json": ({}, '```json\n{"a": [1]}\n```', "{'a': 1}"),
    "language": (
        {"language": "de"},
        "Die Gezeiten folgen dem Mond, und das ist nicht neu.",
        "The tides follow the moon, and that is not new.",
    ),
    "no_commas": ({}, "one and two", "one, two"),
    "quoted": ({}, '"all of it"', '"some" of it'),
    "title": ({}, "<<The tides>>\nThey rise.", "<The tides> they rise."),
    "postscript": ({"marker": "P.S."}, "Yours, Eva\n\nP.S. Bring bread.", "P.S. Bring bread."),
    "sections": ({"marker": "Part", "count": 2}, "Part 1\none\n## Part 2\ntwo", "Part 1\none Part 2"),
    "paragraph_begins": (
        {"count": 2, "number": 2, "word": "today"},
        "One.\n\nToday it rains.",
        "Today it rains.\n\nOne.",
    ),
    "repeats": ({"text_to_repeat": "Why is  it so?"}, "Why is it so? Because.", "Because."),
    "two_replies": ({}, "one\n******\ntwo", "one\n******\none"),
    "one_of": ({"choices": ["yes", "no"]}, "My answer is no.", "My answer is nothing."),
}


def test_every_kind_has_a_case_and_wordings_in_both_languages() -> None:
    assert len(KINDS) >= 12
    assert set(CASES) == set(KINDS)
    for language in ("en", "de"):
        assert set(CONSTRAINTS["text"][language]) == set(KINDS)
    for style in ("full", "brief"):
        assert set(CONSTRAINTS["pools"][style]["kinds"]) <= set(CONSTRAINTS["pools"][style])


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_lets_through_what_obeys_and_says_what_does_not(kind: str) -> None:
    values, good, bad = CASES[kind]
    constraint = Constraint(kind, values)
    assert constraint.check(good) is None
    assert constraint.check(bad)
    assert constraint.check(" \n")


@pytest.mark.parametrize("kind", KINDS)
def test_the_wordings_name_every_value(kind: str) -> None:
    values = CASES[kind][0]
    for language in ("en", "de"):
        for wording in CONSTRAINTS["text"][language][kind]:
            named = {name for _, name, _, _ in string.Formatter().parse(wording) if name}
            assert named == set(values)


def test_words_and_sentences_are_what_the_module_says() -> None:
    assert words("It's a well-known 3.5 % rise.") == ["It's", "a", "well-known", "3", "5", "rise"]
    assert sentences('He said "No." Then he left') == 2
    assert sentences("...") == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["full", "brief"]), st.sampled_from(["en", "de"]))
def test_a_constraint_survives_the_way_through_json(seed: int, style: Any, language: Any) -> None:
    drawn = draw(Random(seed), style=style, language=language)
    back = Constraint.from_json(json.loads(json.dumps(drawn.to_json())))
    assert back == drawn
    assert back.text(language) == drawn.text(language)
    assert "{" not in drawn.text(language)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_draw_follows_from_its_random_numbers_alone(seed: int) -> None:
    assert draw(Random(seed)) == draw(Random(seed))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(0, 2**32))
def test_no_reply_breaks_a_check(reply: str, seed: int) -> None:
    why = draw(Random(seed)).check(reply)
    assert why is None or (isinstance(why, str) and why)


def test_keywords_come_from_the_task_where_it_has_enough() -> None:
    drawn = draw(Random(1), ["keywords"], words=["moon", "tide", "harbour"])
    assert set(drawn.values["words"]) <= {"moon", "tide", "harbour"}
    assert len(drawn.values["words"]) == 2
    assert draw(Random(1), ["keywords"], words=["moon"]) == draw(Random(1), ["keywords"])


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"kind": "words_at_most"},
        {"kind": "nothing", "values": {}, "phrasing": 0},
        {"kind": "words_at_most", "values": {}, "phrasing": 0},
        {"kind": "words_at_most", "values": {"count": "3"}, "phrasing": 0},
        {"kind": "words_at_most", "values": {"count": True}, "phrasing": 0},
        {"kind": "language", "values": {"language": "tlh"}, "phrasing": 0},
    ],
)
def test_what_is_no_constraint_is_refused_in_words(data: Any) -> None:
    with pytest.raises(DataError, match=r"constraint|Constraint|language"):
        Constraint.from_json(data)


def test_a_kind_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(SettingsError, match="can be drawn for brief"):
        draw(Random(0), ["json"], style="brief")


def test_the_gate_reads_the_attribute() -> None:
    constraint = Constraint("words_at_most", {"count": 2})
    record = Record.of("Why?", constraint=constraint.to_json())
    assert of(record) == constraint
    assert obeyed(record.derive(response="So what"))
    with pytest.raises(Rejected, match="3 words, at most 2"):
        obeyed(record.derive(response="I said so"))
    free = Record.of("Why?", response="I said so at length.", constraint=None)
    assert obeyed(free) is free


# The real thing -------------------------------------------------------------------------------------------------------


def _bounded(least: str, most: str) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Map `at least n` and `less than n` to two kinds of ours."""

    def mapped(relation: str, count: int, **values: Any) -> tuple[str, dict[str, Any]]:
        return (least, {"count": count, **values}) if relation == "at least" else (most, {"count": count - 1, **values})

    return mapped


def ours(name: str, values: Values) -> Constraint:
    """Return our constraint for one of IFEval."""
    words_ = _bounded("words_at_least", "words_at_most")
    sentences_ = _bounded("sentences_at_least", "sentences_at_most")
    found: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
        "punctuation:no_comma": lambda: ("no_commas", {}),
        "length_constraints:number_words": lambda relation, num_words: words_(relation, num_words),
        "length_constraints:number_sentences": lambda relation, num_sentences: sentences_(relation, num_sentences),
        "length_constraints:number_paragraphs": lambda num_paragraphs: ("divided", {"count": num_paragraphs}),
        "length_constraints:nth_paragraph_first_word": lambda num_paragraphs, nth_paragraph, first_word: (
            "paragraph_begins",
            {"count": num_paragraphs, "number": nth_paragraph, "word": first_word},
        ),
        "detectable_format:number_highlighted_sections": lambda num_highlights: (
            "highlights",
            {"count": num_highlights},
        ),
        "detectable_format:number_bullet_lists": lambda num_bullets: ("bullets", {"count": num_bullets}),
        "detectable_format:multiple_sections": lambda section_spliter, num_sections: (
            "sections",
            {"marker": section_spliter, "count": num_sections},
        ),
        "detectable_format:title": lambda: ("title", {}),
        "detectable_format:json_format": lambda: ("json", {}),
        "detectable_format:constrained_response": lambda: (
            "one_of",
            {"choices": ["My answer is yes.", "My answer is no.", "My answer is maybe."]},
        ),
        "detectable_content:postscript": lambda postscript_marker: ("postscript", {"marker": postscript_marker}),
        "detectable_content:number_placeholders": lambda num_placeholders: (
            "placeholders",
            {"count": num_placeholders},
        ),
        "keywords:existence": lambda keywords: ("keywords", {"words": keywords}),
        "keywords:forbidden_words": lambda forbidden_words: ("forbidden", {"words": forbidden_words}),
        "keywords:frequency": lambda relation, keyword, frequency: _bounded("word_at_least", "word_at_most")(
            relation, frequency, word=keyword
        ),
        "keywords:letter_frequency": lambda let_relation, letter, let_frequency: _bounded(
            "letter_at_least", "letter_at_most"
        )(let_relation, let_frequency, letter=letter),
        "startend:quotation": lambda: ("quoted", {}),
        "startend:end_checker": lambda end_phrase: ("ends_with", {"phrase": end_phrase}),
        "change_case:english_lowercase": lambda: ("lower_case", {}),
        "change_case:english_capital": lambda: ("upper_case", {}),
        "change_case:capital_word_frequency": lambda capital_relation, capital_frequency: _bounded(
            "capitals_at_least", "capitals_at_most"
        )(capital_relation, capital_frequency),
        "language:response_language": lambda language: ("language", {"language": language}),
        "combination:repeat_prompt": lambda prompt_to_repeat: ("repeats", {"text_to_repeat": prompt_to_repeat}),
        "combination:two_responses": lambda: ("two_replies", {}),
    }
    kind, mine = found[name](**values)
    return Constraint(kind, mine)


SPOKEN = {
    "hi": "यह एक वाक्य है", "mr": "हे एक वाक्य आहे", "kn": "ಇದು ಒಂದು ವಾಕ್ಯ", "vi": "đây là một câu của tôi và không có gì",
    "ru": "это простое предложение", "bg": "това е просто изречение", "gu": "આ એક વાક્ય છે",
    "te": "ఇది ఒక వాక్యం",  # codespell:ignore te
    "ko": "이것은 문장입니다", "ta": "இது ஒரு வாக்கியம்", "fi": "tämä on lause ja se ei ole pitkä", "bn": "এটি একটি বাক্য",
}  # fmt: skip


def _edges(name: str, values: Values) -> tuple[str, str]:
    """Return a reply that just obeys a constraint of IFEval and one that just does not, made from its values alone."""
    number = next((value for value in values.values() if isinstance(value, int)), 0)
    least = not any(value == "less than" for value in values.values())
    good, bad = (number, number - 1) if least else (number - 1, number)
    made: dict[str, Callable[[], tuple[str, str]]] = {
        "punctuation:no_comma": lambda: ("so and so", "so, and so"),
        "length_constraints:number_words": lambda: (some_words(good), some_words(bad)),
        "length_constraints:number_sentences": lambda: (lines(good, "So.", " "), lines(bad, "So.", " ") or "-"),
        "length_constraints:number_paragraphs": lambda: (
            lines(number, "so", "\n***\n"),
            lines(number + 1, "so", "\n***\n"),
        ),
        "length_constraints:nth_paragraph_first_word": lambda: (
            lines(values["num_paragraphs"], f"{values['first_word']} so", "\n\n"),
            lines(values["num_paragraphs"], "so", "\n\n"),
        ),
        "detectable_format:number_highlighted_sections": lambda: (
            lines(number, "*so*"),
            lines(number - 1, "*so*") or "-",
        ),
        "detectable_format:number_bullet_lists": lambda: (lines(number, "* so"), lines(number + 1, "* so")),
        "detectable_format:multiple_sections": lambda: (
            "\n".join(f"{values['section_spliter']} {place + 1}\nso" for place in range(number)),
            "\n".join(f"{values['section_spliter']} {place + 1}\nso" for place in range(number - 1)) or "-",
        ),
        "detectable_format:title": lambda: ("<<so>>", "so"),
        "detectable_format:json_format": lambda: ('{"so": 1}', "so: 1"),
        "detectable_format:constrained_response": lambda: ("My answer is maybe.", "I cannot tell."),
        "detectable_content:postscript": lambda: (
            f"so\n{values.get('postscript_marker')} and so",
            "so and so",
        ),
        "detectable_content:number_placeholders": lambda: (lines(number, "[so]"), lines(number - 1, "[so]") or "-"),
        "keywords:existence": lambda: (" ".join(values["keywords"]), " ".join(values["keywords"][1:]) or "-"),
        "keywords:forbidden_words": lambda: ("so", f"so {values['forbidden_words'][-1].upper()}"),
        "keywords:frequency": lambda: (
            lines(good, values["keyword"], " ") or "-",
            lines(bad, values["keyword"], " ") or "-",
        ),
        "keywords:letter_frequency": lambda: (
            f"-{values['letter'] * good}",
            f"-{values['letter'] * bad}",
        ),
        "startend:quotation": lambda: ('"so"', "so"),
        "startend:end_checker": lambda: (f"so. {values['end_phrase']}", f"{values['end_phrase']} And so on."),
        "change_case:english_lowercase": lambda: ("so", "So"),
        "change_case:english_capital": lambda: ("SO", "So"),
        "change_case:capital_word_frequency": lambda: (lines(good, "SO", " ") or "-", lines(bad, "SO", " ") or "-"),
        "language:response_language": lambda: (SPOKEN[values["language"]], "the tides are what they are and it is so"),
        "combination:repeat_prompt": lambda: (f"{values['prompt_to_repeat']}\n\nSo.", "So."),
        "combination:two_responses": lambda: ("so\n******\nand so", "so and so"),
    }
    return made[name]()


def test_every_constraint_of_ifeval_is_checked_on_both_sides_of_its_edge() -> None:
    path = shared_data("instruction/ifeval.jsonl.gz")
    covered: Counter[str] = Counter()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            for name, given_ in zip(row["instruction_id_list"], row["kwargs"], strict=True):
                values = {key: value for key, value in given_.items() if value is not None}
                constraint = ours(name, values)
                good, bad = _edges(name, values)
                assert constraint.check(good) is None, (name, values)
                assert constraint.check(bad), (name, values)
                assert constraint.text()
                covered[constraint.kind] += 1
    assert sum(covered.values()) == 427
    assert len(covered) == 30


def test_the_prompts_of_ifeval_are_not_ours() -> None:
    """No wording of ours stands in a prompt of theirs: the text was written for this repository."""
    with gzip.open(shared_data("instruction/ifeval.jsonl.gz"), "rt", encoding="utf-8") as file:
        theirs = " ".join(json.loads(line)["prompt"].lower() for line in file)
    for kind in KINDS:
        for wording in CONSTRAINTS["text"]["en"][kind]:
            fixed = max((part for part, *_ in string.Formatter().parse(wording)), key=len).strip().lower()
            if len(fixed.split()) > 5:
                assert fixed not in theirs, kind
