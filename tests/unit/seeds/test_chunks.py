"""Chunks: no word lost, none too many, cut where a reader would pause."""

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.seeds.chunks import Chunk, chunks, count_words, sentences
from regrowth.seeds.documents import Document, parse_document


def words(text: str) -> list[str]:
    return text.split()


def of(text: str) -> Document:
    return parse_document(text, "markdown", source="a.md")


def texts(found: list[Chunk]) -> list[str]:
    return [chunk.text for chunk in found]


def sentence(count: int, name: str = "word") -> str:
    return " ".join([name.capitalize(), *[name] * (count - 2), "end."]) if count > 1 else f"{name.capitalize()}."


def test_a_short_document_is_one_chunk() -> None:
    (chunk,) = chunks(of("# Birds\n\nThey fly.\n"))
    assert chunk == Chunk("Birds\n\nThey fly.", "Birds", 0, sha256(b"Birds\n\nThey fly.").hexdigest())


def test_a_section_is_the_best_place_to_cut() -> None:
    text = f"# One\n\n{sentence(6)}\n\n{sentence(6)}\n\n# Two\n\n{sentence(4)}\n\n{sentence(8)}"
    found = chunks(of(text), words=20)
    assert [(chunk.section, count_words(chunk.text)) for chunk in found] == [("One", 13), ("Two", 13)]


def test_then_a_paragraph_then_a_sentence() -> None:
    paragraphs = f"{sentence(6)}\n\n{sentence(3)} {sentence(3)}"
    assert [count_words(text) for text in texts(chunks(of(paragraphs), words=10))] == [6, 6]
    assert [
        count_words(text) for text in texts(chunks(of(f"{sentence(2)}\n\n{sentence(4)} {sentence(4)}"), words=8))
    ] == [
        6,
        4,
    ]


def test_a_heading_stays_with_what_it_heads() -> None:
    text = f"{sentence(8)}\n\n# Head\n\n## Sub\n\n{sentence(5)}"
    assert texts(chunks(of(text), words=10)) == [sentence(8), f"Head\n\nSub\n\n{sentence(5)}"]


def test_tables_and_code_are_whole_unless_longer_than_a_chunk() -> None:
    rows = "\n".join(f"| a{n} | b{n} |" for n in range(4))
    text = f"{sentence(6)}\n\n| x | y |\n|---|---|\n{rows}\n\n```\none two\nthree four\n```\n"
    found = texts(chunks(of(text), words=16))
    assert "x | y\na0 | b0\na1 | b1\na2 | b2\na3 | b3" in found
    assert "one two\nthree four" in found[-1]
    lines = set(of(text).text.splitlines())
    assert all(set(chunk.splitlines()) <= lines for chunk in texts(chunks(of(text), words=7)))


def test_a_sentence_longer_than_a_chunk_is_cut_between_words() -> None:
    assert texts(chunks(of("a b c d e f g"), words=3)) == ["a b c", "d e f", "g"]


def test_an_overlap_repeats_whole_sentences_of_the_last_chunk() -> None:
    text = " ".join(sentence(3, name) for name in ("a", "b", "c", "d", "e"))
    found = texts(chunks(of(text), words=9, overlap=4))
    assert found == ["A a end. B b end. C c end.", "C c end. D d end. E e end."]
    assert texts(chunks(of(text), words=9, overlap=2)) == ["A a end. B b end. C c end.", "D d end. E e end."]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 6), (10, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(SettingsError, match="expected 1 or more"):
        chunks(of("A."), words=size, overlap=overlap)


documents = st.lists(
    st.one_of(
        st.builds(
            "{} {}".format, st.sampled_from(["#", "##", "-", ">", "1."]), st.text("ab .!", min_size=1, max_size=20)
        ),
        st.lists(st.integers(1, 9).map(sentence), max_size=6).map(" ".join),
        st.integers(1, 9).map(lambda n: "| a | b |\n|---|---|\n" + "| c d | e |\n" * n),
        st.integers(1, 9).map(lambda n: "```\n" + "x y z\n" * n + "```"),
    ),
    min_size=1,
    max_size=8,
).map(lambda parts: of("Start.\n\n" + "\n\n".join(parts)))


@settings(max_examples=150, deadline=None)
@given(documents, st.integers(1, 30), st.integers(0, 15))
def test_no_word_is_lost_and_no_chunk_too_long(document: Document, size: int, overlap: int) -> None:
    found = chunks(document, words=size)
    assert words(" ".join(texts(found))) == words(document.text)
    repeated = chunks(document, words=size, overlap=min(overlap, size // 2))
    for chunk in found + repeated:
        assert chunk.text == document.text[chunk.start : chunk.start + len(chunk.text)]
        assert 0 < count_words(chunk.text) <= size
        assert chunk.sha256 == sha256(chunk.text.encode()).hexdigest()
    for one, two in pairwise(repeated):
        end = one.start + len(one.text)
        assert one.start < two.start
        assert end < two.start + len(two.text)
        assert not document.text[end : max(end, two.start)].strip()
        assert count_words(document.text[min(two.start, end) : end]) <= overlap


# Sentences and words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "go." Then he went.', ['He said "go."', "Then he went."]),
        ("Dr. Who met J. R. Smith. They spoke.", ["Dr. Who met J. R. Smith.", "They spoke."]),
        ("See Fig. 3, e.g. Phoenix. It ends", ["See Fig. 3, e.g. Phoenix.", "It ends"]),
        ("Das gilt z. B. Montags. Sonst nicht.", ["Das gilt z. B. Montags.", "Sonst nicht."]),
        ("It is 2.4 wide. and so on", ["It is 2.4 wide. and so on"]),
        ("一。二！三", ["一。", "二！", "三"]),
        ("Wait… What?! Yes.", ["Wait…", "What?!", "Yes."]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_hears_it(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


def test_words_are_counted_also_where_no_spaces_are() -> None:
    assert count_words("two words, 3.5 €") == 4
    assert count_words("凤凰座 is 星座") == 6
    assert count_words("") == 0
