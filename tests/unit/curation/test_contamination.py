"""Runs of words against real benchmarks: copies are found, edited ones too, clean text passes, no text is stored."""

import gzip
import json
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.contamination.allowed import Allowed
from regrowth.curation.contamination.grams import Table, grams, hashed, number_of
from regrowth.curation.contamination.index import Index
from regrowth.curation.contamination.items import Benchmark, Item, read_items, texts_in
from regrowth.curation.contamination.matching import matches
from regrowth.curation.contamination.report import Report, beside
from regrowth.curation.contamination.screen import Screen, contamination, passage
from regrowth.curation.findings import parted
from regrowth.texts import words
from support.data import shared_data

QUESTION = (
    "Marta has fourteen jars of plum jam. She gives five jars to her neighbour and sells the others at the "
    "market for three euros each. How much does she earn at the market?"
)
OTHER = (
    "A ferry crosses the fjord every forty minutes from dawn until nightfall, carrying up to thirty cars. How many "
    "crossings are needed for the two hundred cars that wait on the pier?"
)
NUMBER = 0x7EE9E519A5F17119
"""Of "word": stored indexes depend on it."""
SMALL = Benchmark.of("small", [Item(0, "0", (QUESTION,)), Item(1, "1", (OTHER,))])


@cache
def gsm8k() -> Benchmark:
    return read_items(shared_data("reasoning/gsm8k_test.jsonl.gz"))


@cache
def screen() -> Screen:
    return Screen.of([gsm8k(), read_items(shared_data("code/humaneval.jsonl.gz"))])


@cache
def clean() -> list[str]:
    with gzip.open(shared_data("reasoning/gsm8k_train.jsonl.gz"), "rt", encoding="utf-8") as file:
        return [row["question"] + "\n" + row["answer"] for row in map(json.loads, file)][:1500]


def shouted(text: str, rng: random.Random) -> str:
    return "  ".join(text.upper().replace(".", " !").split())


def replaced(one_in: int) -> Callable[[str, random.Random], str]:
    def edit(text: str, rng: random.Random) -> str:
        parts = text.split(" ")
        for place in range(0, len(parts), one_in):
            parts[min(len(parts) - 1, place + rng.randrange(one_in))] = rng.choice(OTHER.split())
        return " ".join(parts)

    return edit


@pytest.mark.parametrize(
    ("edit", "least"),
    [
        pytest.param(lambda text, rng: text, 1.0, id="verbatim"),
        pytest.param(shouted, 1.0, id="case, punctuation and spaces"),
        pytest.param(lambda text, rng: text.replace("a", "а").replace("o", "ο"), 1.0, id="letters that look alike"),
        pytest.param(lambda text, rng: "\u200b".join(text), 1.0, id="invisible characters"),
        pytest.param(replaced(30), 0.99, id="one word of thirty replaced"),
        pytest.param(replaced(10), 0.95, id="one word of ten replaced"),
    ],
)
def test_planted_items_are_found_in_the_middle_of_clean_text(
    edit: Callable[[str, random.Random], str], least: float
) -> None:
    rng = random.Random(5)
    planted = [f"{rng.choice(clean())}\n{edit(item.question, rng)}\n{rng.choice(clean())}" for item in gsm8k().items]
    found = screen().look(planted)
    right = [hit is not None and hit.item == item.number for hit, item in zip(found, gsm8k().items, strict=True)]
    assert sum(right) >= least * len(right)


def test_clean_text_of_the_same_kind_passes() -> None:
    found = [hit for hit in screen().look(clean()) if hit]
    assert len(found) <= 0.002 * len(clean())


def test_every_item_finds_itself() -> None:
    for benchmark in (gsm8k(), read_items(shared_data("code/mbpp.jsonl.gz"))):
        looking = Screen.of([benchmark])
        found = looking.look([item.question for item in benchmark.items])
        assert all(found)


def test_the_evidence_is_the_texts_own_passage() -> None:
    text = f"Here it comes:  {QUESTION}  That was all. " * 1
    (hit,) = Screen.of([SMALL]).look([text])
    assert hit is not None
    assert (hit.benchmark, hit.item, hit.kind) == ("small", 0, "verbatim")
    assert hit.run == len(words(QUESTION))
    assert hit.span.startswith("Marta has fourteen jars")
    assert hit.span in text
    assert beside(hit, SMALL) == QUESTION


def test_the_order_of_documents_and_portions_changes_nothing() -> None:
    texts = [item.question for item in gsm8k().items[:40]] + clean()[:200]
    whole = screen().look(texts)
    assert screen().look(texts[::-1])[::-1] == whole
    assert [hit for text in texts for hit in screen().look([text])] == whole


def test_boilerplate_that_several_items_share_is_no_evidence() -> None:
    shared = "Answer the question below and give reasons for each step that you take on the way to it."
    different = ("Why do leaves fall?", "Who wrote about whales?", "Which tide comes at noon?", "When is it dark?")
    items = [Item(number, str(number), (f"{shared} {text}",)) for number, text in enumerate(different)]
    (hit,) = Screen.of([Benchmark.of("shared", items)]).look([f"{shared} And now to something else entirely."])
    assert hit is None


def test_a_passage_that_items_quote_is_still_found() -> None:
    items = [
        Item(number, str(number), (QUESTION, f"Which of the sentences is number {number}?")) for number in range(9)
    ]
    (hit,) = Screen.of([Benchmark.of("quoting", items)]).look([QUESTION])
    assert hit is not None
    assert hit.item == 0


def test_sums_are_no_evidence() -> None:
    sums = Benchmark.of("sums", [Item(0, "0", ("so 20 x 5 = 100 and 100 - 30 = 70 and 70 / 7 = 10 and 10 x 3 = 30",))])
    (hit,) = Screen.of([sums]).look(["we get 20 x 5 = 100 and 100 - 30 = 70 and then 70 / 7 = 10 apples"])
    assert hit is None


@pytest.mark.parametrize(
    ("part", "text", "found"),
    [
        ("what is the tallest hill in Rutland", "what is the tallest hill in rutland", True),
        ("what is the tallest hill in Rutland", "I asked her what is the tallest hill in Rutland, and why.", True),
        ("hills of Rutland county", "Hills of Rutland County", True),
        ("hills of Rutland county", "I like the hills of Rutland county.", False),
        ("the answer is", "the answer is", False),
    ],
)
def test_short_parts(part: str, text: str, found: bool) -> None:
    benchmark = Benchmark.of("short", [Item(0, "0", (part,)), Item(1, "1", (QUESTION,))])
    assert bool(Screen.of([benchmark]).look([text])[0]) is found


def test_the_stored_index_finds_the_same_and_holds_no_text(tmp_path: Path) -> None:
    index = Index.of([SMALL])
    index.save(tmp_path / "small.index")
    index.save(tmp_path / "small.index")
    again = Index.load(tmp_path / "small.index")
    assert again.digest == index.digest
    assert Screen(again).look([QUESTION, OTHER, clean()[0]]) == Screen(index).look([QUESTION, OTHER, clean()[0]])
    stored = b"".join(file.read_bytes() for file in (tmp_path / "small.index").iterdir()).lower()
    assert not [word for word in {*words(QUESTION), *words(OTHER)} if len(word) > 4 and word.encode() in stored]
    assert sorted(file.name for file in (tmp_path / "small.index").iterdir()) == ["grams.npz", "manifest.json"]


@pytest.mark.parametrize("harm", ["absent", "manifest", "arrays", "version"])
def test_a_harmed_index_is_refused(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "some.index"
    Index.of([SMALL]).save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    if harm == "absent":
        (folder / "grams.npz").unlink()
    elif harm == "manifest":
        (folder / "manifest.json").write_text(json.dumps({**manifest, "benchmarks": []}))
    elif harm == "arrays":
        (folder / "grams.npz").write_bytes(b"PK\x03\x04 no archive")
    else:
        (folder / "manifest.json").write_text(json.dumps({**manifest, "version": 99}))
    with pytest.raises(DataError, match="Make it again"):
        Index.load(folder)


def test_two_benchmarks_of_one_name_and_none_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="Rename"):
        Index.of([SMALL, SMALL])
    with pytest.raises(DataError, match="nothing to compare"):
        Index.of([Benchmark.of("empty", [])])


def test_an_allow_list_lets_stay_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "allow.toml"
    path.write_text('[[allow]]\nbenchmark = "small"\nitem = 0\nreason = "the song it is from"\n')
    looking = Screen.of([SMALL], allowed=Allowed.read(path))
    first, second = looking.look([QUESTION, OTHER])
    assert first is not None
    assert second is not None
    assert (first.allowed, second.allowed) == ("the song it is from", "")
    report = Report(looking)
    report.add(["line 1", "line 2"], [first, second])
    assert report.removed == 1
    assert report.to_json()["benchmarks"]["small"]["allowed"] == 1
    path.write_text(f'[[allow]]\nbenchmark = "small"\ntext = "{second.text}"\nreason = "ours"\n')
    found = Screen.of([SMALL], allowed=Allowed.read(path)).look([QUESTION, OTHER])
    assert [hit.allowed for hit in found if hit] == ["", "ours"]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('[[allow]]\nbenchmark = "small"\n', SettingsError, "a reason"),
        ('[[allow]]\nbenchmark = "small"\nreason = " "\n', SettingsError, "a reason"),
        ('[[allow]]\nbenchmark = "small"\nreason = "x"\nitems = 3\n', SettingsError, "items"),
        ('[[allow]]\nbenchmark = "small"\nreason = "x"\nitem = "3"\n', SettingsError, "wrong type"),
        ('allow = "all"\n', SettingsError, "nothing else"),
        ("[[allow\n", DataError, "TOML"),
    ],
)
def test_a_wrong_allow_list_is_refused(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    (tmp_path / "allow.toml").write_text(text)
    with pytest.raises(error, match=said):
        Allowed.read(tmp_path / "allow.toml")


def test_records_are_examined_and_parted() -> None:
    records = [Record.of("Hello there, how are you?"), Record.of("Solve this.", response=f"Sure. {QUESTION}")]
    found = contamination(records, Screen.of([SMALL]))
    assert (found.gate, found.examined, [one.record for one in found.findings]) == ("contamination", 2, [records[1].id])
    assert found.findings[0].evidence["benchmark"] == "small"
    kept, refused = parted(records, found)
    assert kept == records[:1]
    assert refused[0].reason.startswith("verbatim item 0 of small")
    json.dumps(found.settings)


def test_the_report_counts_and_shows_the_null() -> None:
    looking = Screen.of([SMALL])
    report = Report(looking)
    report.add(["line 1", "line 2", "line 3"], looking.look([QUESTION, "Nothing to see here at all.", OTHER]))
    report.controlled(looking.look(clean()[:100]))
    told = report.to_json()
    small = told["benchmarks"]["small"]
    assert (told["documents"], told["removed"], small["items found"], small["verbatim"]) == (3, 2, 2, 2)
    assert report.control is not None
    assert (report.control.value, report.control.n) == (0.0, 100)
    assert 0 < report.control.high < 0.05
    text = "\n".join(report.lines())
    assert all(one in text for one in ("2 of 3 documents", "line 3: verbatim", "100 clean documents"))
    assert json.loads(json.dumps(told)) == told


def test_items_are_read_with_their_parts(tmp_path: Path) -> None:
    path = tmp_path / "quiz.jsonl"
    rows = [{"id": "q7", "question": "Which one?", "choices": ["red wine", {"b": "blue"}], "gold": 1, "answer": "red"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    (item,) = read_items(path).items
    assert (item.name, item.parts) == ("q7", ("Which one?", "red wine\nblue", "red"))
    assert (item.question, item.answer, read_items(path).name) == ("Which one?", "red", "quiz")
    path.write_text('{"gold": 1}\n')
    with pytest.raises(DataError, match="no text"):
        read_items(path)


def test_grams_do_not_cross_texts_and_know_their_order() -> None:
    batch = hashed([["a", "b", "c"], ["b", "a"], [], ["c"]])
    numbers, at = grams(batch, 2)
    assert at.tolist() == [0, 1, 3]
    assert len(set(numbers.tolist())) == 3
    assert number_of("word") == NUMBER


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_the_table_finds_what_is_known_and_nothing_else(known: list[int], asked: list[int]) -> None:
    table = Table(np.unique(np.array(known, np.uint64)))
    asked += known
    which, at = table.find(np.array(asked, np.uint64))
    assert which.tolist() == [place for place, one in enumerate(asked) if one in set(known)]
    assert [int(table.known[place]) for place in at] == [asked[place] for place in which]


@given(st.lists(st.sampled_from([*QUESTION.split(), "and", "plum", "🍑", "a\u0301", "\udc80"]), max_size=60))
def test_a_passage_is_part_of_its_text(some: list[str]) -> None:
    text = " ".join(some)
    said = words(text)
    for found in matches(Index.of([SMALL]), [said]):
        for one in found:
            assert 0 <= one.first <= one.last < len(said)
            assert passage(text, one.first, one.last) in text or len(text) > 300


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_no_text_breaks_it(texts: list[str]) -> None:
    found = Screen.of([SMALL]).look([*texts, QUESTION])
    assert len(found) == len(texts) + 1
    assert found[-1] is not None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda one: st.lists(one) | st.dictionaries(st.text(max_size=3), one),
        max_leaves=20,
    )
)
def test_texts_are_read_out_of_any_json(value: object) -> None:
    assert all(isinstance(text, str) for text in texts_in(value))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("word " * 2_000_000, id="one word"),
        pytest.param(("\u200b" * 50 + "Ж") * 100_000, id="zero-width characters"),
        pytest.param("x" * 10_000_000, id="no space"),
        pytest.param(f"{QUESTION} " * 20_000, id="the item over and over"),
    ],
)
def test_a_line_of_megabytes_takes_time_in_proportion(line: str) -> None:
    looking = Screen.of([SMALL])
    begin = time.process_time()
    looking.look([line[: len(line) // 8]])
    part = time.process_time() - begin
    begin = time.process_time()
    looking.look([line])
    assert time.process_time() - begin < 24 * part + 3.0
