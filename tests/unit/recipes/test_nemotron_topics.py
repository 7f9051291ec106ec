"""Lists out of prose, prompt files in two styles, topics that are asked for until there are enough."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Messages
from regrowth.gates.prompt_files import load
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._nemotron import lessons as toy
from regrowth.recipes._nemotron.asking import bare, content_words, kept_words
from regrowth.recipes._nemotron.lists import canonical, headed, listed
from regrowth.recipes._nemotron.topics import TopicSettings, topics, yes
from regrowth.run import Run, open_run
from support.toy_world import Heard, notes, played, scripted


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", watcher=Heard()) as opened:
        yield opened


# Lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ('{"list": ["tides", "harbours"]}', ("tides", "harbours")),
        ('Sure!\n```json\n["tides", "harbours",]\n```\nMore?', ("tides", "harbours")),
        ('[{"topic": "tides", "why": "big"}, {"topic": "harbours"}]', ("tides", "harbours")),
        ("Here you are:\n\n1. tides\n2) harbours\n\nTell me, if you want more.", ("tides", "harbours")),
        ("- **tides**\n• “harbours”,\n- tides", ("tides", "harbours")),
        ("tides\nharbours", ("tides", "harbours")),
        ("Topics: tides, harbours", ("tides", "harbours")),
        ("tides; ships, boats", ("tides", "ships, boats")),
        ("<think>1. no\n2. neither</think>a) tides\nb) harbours", ("tides", "harbours")),
        ("", ()),
    ],
)
def test_a_list_is_found_in_whatever_stands_round_it(text: str, entries: tuple[str, ...]) -> None:
    assert listed(text) == entries


def test_a_single_line_is_one_task_where_commas_belong_to_it() -> None:
    assert listed("Compare tides, waves and currents.", inline=False) == ("Compare tides, waves and currents.",)


ENTRIES = st.lists(st.from_regex(r"[a-z]{2,8}( [a-z]{2,8}){0,3}", fullmatch=True), min_size=2, max_size=8, unique=True)


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.sampled_from(["json", "object", "numbers", "dashes", "lines", "commas"]), st.booleans())
def test_no_entry_is_lost_in_any_notation(entries: list[str], notation: str, prose: bool) -> None:
    written = {
        "json": json.dumps(entries),
        "object": json.dumps({"list": entries}, indent=1),
        "numbers": "\n".join(f"{place}. {entry}" for place, entry in enumerate(entries, 1)),
        "dashes": "\n".join(f"- {entry}" for entry in entries),
        "lines": "\n".join(entries),
        "commas": ", ".join(entries),
    }[notation]
    around = prose and notation in ("json", "object", "numbers", "dashes")
    assert listed(f"Here they are:\n\n{written}\n\nWas that all?" if around else written) == tuple(entries)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_at_all_is_read_without_fault(text: str) -> None:
    entries = listed(text)
    assert len(set(entries)) == len(entries)
    assert all(entry == " ".join(entry.split()) != "" for entry in entries)
    assert listed("\n".join(f"- {entry}" for entry in entries)) is not None


def test_names_are_compared_by_what_they_say() -> None:
    assert headed("Tides – how the moon pulls") == "Tides"
    assert headed("Sea-level rise: why") == "Sea-level rise"
    assert canonical("The Tides of the sea") == canonical("sea tide")
    assert canonical("the of") == "of the"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ('Sure! Here is the message:\n\n"Why is it so?"', "Why is it so?"),
        ("Rewritten message: Why is it so?", "Why is it so?"),
        ("<think>well</think>\nWhy?", "Why?"),
        ('"Yes" or "no"?', '"Yes" or "no"?'),
        ("Here is where I live. Why?", "Here is where I live. Why?"),
    ],
)
def test_announcements_are_taken_off(reply: str, text: str) -> None:
    assert bare(reply) == text


def test_content_words_leave_out_what_says_nothing() -> None:
    assert content_words("How do the tides of 3 seas and the tides rise?") == ["tides", "3", "seas", "rise"]
    assert kept_words("food webs", "How does a food web work?") == 1
    assert kept_words("food webs", "How does food work?") == 0.5
    assert kept_words("the", "So what?") == 1


# Prompt files ---------------------------------------------------------------------------------------------------------


def test_every_prompt_of_one_style_has_its_twin() -> None:
    folder = Path(toy.__file__).parents[1] / "prompts" / "nemotron"
    names = {style: {path.stem for path in (folder / style).glob("*.md")} for style in ("full", "brief")}
    assert names["full"] - names["brief"] == {"known"}
    assert names["brief"] <= names["full"]
    for style, found in names.items():
        for name in found:
            prompt = load(f"nemotron/{style}/{name}", "regrowth.recipes")
            text = prompt.render(**dict.fromkeys(prompt.variables, "«»"))
            assert text.count("«»") >= len(prompt.variables)
            assert "{{" not in text
            assert len(text.split()) < (12 if style == "brief" else 140)


# Topics ---------------------------------------------------------------------------------------------------------------

AREAS = {"general": ("rivers", "music"), "maths": ("algebra",)}


def served(messages: Messages, sampling: Sampling, seed: int) -> str:
    """Answer as large models do: prose around lists, doubles, fewer than were asked for."""
    text = messages[-1].content
    if "yes or no" in text:
        about = "matrices" in text or "equations" in text
        return "Yes." if about != ("does not deal" in text) else "**No**"
    taken = "These are taken" in text
    if "rivers" in text:
        return (
            '{"list": ["deltas", "floods"]}' if taken else "Sure:\n1. Deltas - where they end\n2. deltas\n3. The delta"
        )
    if "music" in text:
        return '```json\n{"list": ["jazz", "opera", "folk songs"]}\n```' if not taken else "I'm sorry, but I cannot."
    return '["matrices", "equations", "sourdough"]'


def test_topics_are_asked_for_until_there_are_enough(run: Run) -> None:
    model = scripted(run, served)
    settings = TopicSettings(style="full", macros=AREAS, each=3, own=("my garden", " my garden "), rounds=2)
    found = run.wait(topics(run, model, settings))
    by_area: dict[str, list[str]] = {}
    for one in found:
        by_area.setdefault(one["macro"], []).append(one["topic"])
    assert by_area == {
        "own": ["my garden"],
        "rivers": ["Deltas", "floods"],
        "music": ["jazz", "opera", "folk songs"],
        "algebra": ["matrices", "equations"],
    }
    assert {one["field"] for one in found if one["macro"] == "algebra"} == {"maths"}
    assert {one.origin for one in found if one["macro"] == "own"} == {"real"}
    assert "7 of 9 after 2 rounds. Short: rivers 2 of 3, algebra 2 of 3" in found.shortfall
    assert any("topics: 7 of 9" in note for note in notes(run))
    assert found.manifest["doubles"] >= 3
    refused = Counter(entry.gate for entry in run.dataset("topics-1").ledger())
    assert refused == {"entity": 1}


def test_no_second_call_turns_a_reply_into_a_list(run: Run) -> None:
    backend = ScriptedBackend(served)
    model = RememberedModel(backend, run.store)
    settings = TopicSettings(style="full", macros={"general": ("music",)}, each=3, rounds=3)
    assert len(run.wait(topics(run, model, settings))) == 3
    assert backend.calls == 1


@pytest.mark.parametrize(("always", "told"), [("yes", "yes both ways"), ("No.", "no both ways"), ("Well", "neither")])
def test_a_writer_that_says_the_same_both_ways_keeps_no_topic(run: Run, always: str, told: str) -> None:
    model = scripted(run, lambda messages, *_: always if "yes or no" in messages[-1].content else "matrices, equations")
    found = run.wait(topics(run, model, TopicSettings(style="full", macros={"maths": ("algebra",)}, each=2, rounds=1)))
    assert len(found) == 0
    reasons = [entry.reason for entry in run.dataset("topics-1").ledger()]
    assert len(reasons) == 2
    assert all(told in reason for reason in reasons)


def test_areas_are_asked_for_beside_those_given(run: Run) -> None:
    model = scripted(run, played)
    settings = TopicSettings(macros={"general": ("pets",)}, asked=2, each=2)
    found = run.wait(topics(run, model, settings))
    assert Counter(one["macro"] for one in found) == {"pets": 2, "people": 2, "cities": 2}


def test_an_unknown_field_stops_before_the_first_effect(run: Run) -> None:
    with pytest.raises(SettingsError, match="No field 'poetry'"):
        run.wait(topics(run, scripted(run, played), TopicSettings(macros={"poetry": ("odes",)})))


@pytest.mark.parametrize("reply", ["", "What is a tide?", "I'm sorry, but I can't help with that.", "1234", "x" * 90])
def test_what_names_nothing_is_no_topic(run: Run, reply: str) -> None:
    model = scripted(run, lambda *_: reply)
    found = run.wait(topics(run, model, TopicSettings(style="full", macros={"general": ("a",)}, each=1, rounds=1)))
    assert len(found) == 0
    assert [entry.gate for entry in run.dataset("topics-1").ledger()] == [
        "topic_form" if reply[:1] in "W1x" and reply else "list"
    ]


def test_a_list_that_was_cut_loses_its_last_entry(run: Run) -> None:
    model = scripted(run, lambda *_: Completion("tides, harbours, lightho", finish="length", tokens=5))
    found = run.wait(topics(run, model, TopicSettings(macros={"general": ("sea",)}, each=2)))
    assert [one["topic"] for one in found] == ["tides", "harbours"]


@pytest.mark.parametrize(
    ("reply", "value"), [("Yes", True), ("**no**, since", False), ("Ja.", True), ("Nothing", None), ("", None)]
)
def test_a_yes_is_read_only_where_one_is_said(reply: str, value: bool | None) -> None:
    assert yes(reply) is value
