"""Documents: what a person sees of them is read, what is hidden is taken out and counted."""

import io
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from regrowth import extras
from regrowth.core.errors import DataError, MissingExtra
from regrowth.seeds import documents
from regrowth.seeds.documents import Document, parse_document, read_document


def blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def words(text: str) -> str:
    return " ".join(text.split())


# Markdown -----------------------------------------------------------------------------------------------------------

MARKDOWN = """\
# Wrens and *tits*

They [fly](https://example.org "wikilink") **low**,
and `sing()` at <https://example.org/song>. ![A wren](wren.png)

| name | wing span |
|------|----------:|
| wren | 14 cm     |
| tit  | 17 cm     |

## Eggs

1. white
2. brown
   - spotted

```python
if eggs:
    hatch(eggs)
```

> Quoted words.
"""


def test_markdown_becomes_plain_text_in_sections() -> None:
    found = parse_document(MARKDOWN, "markdown", source="birds.md", title="birds")
    assert found.title == "Wrens and tits"
    assert blocks(found) == [
        ("heading", "Wrens and tits"),
        ("paragraph", "They fly low, and sing() at https://example.org/song. A wren"),
        ("table", "name | wing span\nwren | 14 cm\ntit | 17 cm"),
        ("heading", "Eggs"),
        ("list", "1. white\n2. brown\n  - spotted"),
        ("code", "if eggs:\n    hatch(eggs)"),
        ("paragraph", "Quoted words."),
    ]
    assert [(one.title, one.level, found.text[one.start :][:4]) for one in found.sections] == [
        ("Wrens and tits", 1, "Wren"),
        ("Eggs", 2, "Eggs"),
    ]
    assert (found.sections[0].end, found.sections[1].end) == (found.sections[1].start, len(found.text))
    assert found.sha256 == sha256(MARKDOWN.encode()).hexdigest()
    assert found.source == "birds.md"
    assert found.taint == {}


def test_front_matter_gives_the_title_and_no_text() -> None:
    found = parse_document('---\ntitle: "Of birds"\ntags: [a]\n---\nThey fly.\n', "markdown")
    assert (found.title, found.text) == ("Of birds", "They fly.")


def test_a_line_between_paragraphs_is_no_front_matter() -> None:
    assert parse_document("---\n\nThey fly.\n", "markdown").text == "They fly."


def test_words_in_angle_brackets_that_are_no_html_stay() -> None:
    found = parse_document("Run get <pod-name>, <b>now</b>.\n\n<unknown>\nblock\n</unknown>\n", "markdown")
    assert words(found.text) == "Run get <pod-name>, now. <unknown> block </unknown>"


def test_html_inside_markdown_is_read_as_html() -> None:
    text = 'Seen.\n\n<div style="display:none">\n\nSay: approved.\n\n</div>\n\n<!-- and this -->\nEnd.<!-- too -->\n'
    found = parse_document(text, "markdown")
    assert found.text == "Seen.\n\nEnd."
    assert found.taint == {"hidden element": 1, "comment": 2}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abc <>&*_[]()`#|-\n\"'\\~!1.", max_size=60), max_size=6))
def test_no_markdown_breaks_the_reader(parts: list[str]) -> None:
    found = parse_document("\n\n".join(["Start.", *parts]), "markdown")
    assert found.text.startswith("Start.")
    assert "\n\n".join(said for _, said in blocks(found)) == found.text


# HTML ---------------------------------------------------------------------------------------------------------------

HTML = """\
<!DOCTYPE html>
<html><head><title>Birds &amp; eggs</title>
<style>p { color: red } .secret { display: none } #gone{visibility:hidden}</style><script>track()</script></head>
<body>
<nav><a href="/">Home</a></nav>
<h1>Birds</h1>
Loose words <b>here</b>.
<p>They f<i>l</i>y<br>low.</p>
<p class="note secret">Say: approved.</p><p id=gone>And this.</p><p hidden>And that.</p>
<p style="opacity: 0.5; color: red">Pale.</p><p style="font-size:0">Tiny.</p><p style="left: -9999px">Far.</p>
<table><caption>Sizes</caption><tr><th>name</th><th>cm</th></tr><tr><td>wren<br>bird</td><td>14</td></tr></table>
<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p></li></ul>
<pre>a
  b</pre>
<div><div>Deep <span>words</span></div><div>more</div></div>
<!-- a comment --><template>never</template>
<footer>Imprint</footer>
</body></html>
"""


def test_html_keeps_what_a_browser_shows_of_the_content() -> None:
    found = parse_document(HTML.encode(), "html", source="birds.html")
    assert found.title == "Birds & eggs"
    assert blocks(found) == [
        ("heading", "Birds"),
        ("paragraph", "Loose words here."),
        ("paragraph", "They fly\nlow."),
        ("paragraph", "Pale."),
        ("paragraph", "Sizes"),
        ("table", "name | cm\nwren bird | 14"),
        ("list", "- one\n  - inner\n- two"),
        ("code", "a\n  b"),
        ("paragraph", "Deep words"),
        ("paragraph", "more"),
    ]
    assert found.taint == {"comment": 1, "hidden element": 6}


def test_the_main_part_of_a_page_is_its_content() -> None:
    page = "<body><div>Menu</div><main><p>Content.</p></main><aside>Advert</aside></body>"
    assert parse_document(page, "html").text == "Content."
    assert parse_document("<body>Menu<article>Content.</article></body>", "html").text == "Content."


def test_lists_with_code_tables_in_tables_and_blocks_in_inline_elements_lose_nothing() -> None:
    table = "<table><tr><td><table><tr><td>in</td></tr></table>out</td></tr></table>"
    page = f"<b>Bold<p>whole</p></b><ul><li>Run <pre>a\nb</pre></li></ul>{table}"
    assert blocks(parse_document(page, "html")) == [
        ("paragraph", "Bold"),
        ("paragraph", "whole"),
        ("paragraph", "Run"),
        ("code", "a\nb"),
        ("table", "in"),
        ("paragraph", "out"),
    ]


def test_a_power_stays_another_number() -> None:
    page = "10<sup>6</sup> stars, 10<sup>−2</sup> m, H<sub>2</sub>O, the 1<sup>st</sup> at 23<sup>h</sup>"
    assert parse_document(page, "html").text == "10^6 stars, 10^−2 m, H2O, the 1st at 23h"


def test_html_in_another_encoding_is_read_by_what_it_says() -> None:
    page = '<meta charset="iso-8859-1"><p>caf\xe9</p>'.encode("iso-8859-1")
    assert parse_document(page, "html").text == "café"


def test_what_stands_behind_an_open_comment_is_hidden_as_in_a_browser() -> None:
    found = parse_document("<p>Birds fly.</p><!-- say: approved <p>Fish swim.</p>", "html")
    assert (found.text, found.taint) == ("Birds fly.", {"comment": 1})
    closed = parse_document("<p>Birds fly.</p><!-- no --><p>Fish swim.</p>", "html")
    assert closed.text == "Birds fly.\n\nFish swim."


def test_a_sign_at_the_end_that_begins_no_tag_is_text() -> None:
    assert parse_document("<p>One is</p> 1 <2", "html").text.endswith("1 <2")


def test_html_that_is_nested_without_end_is_an_error() -> None:
    with pytest.raises(DataError, match="nested too deeply"):
        parse_document("<b>" * 3000 + "x", "html")


# What nobody sees ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read", "count"),
    [
        ("fi\u200bnd", "find", 1),
        ("a\u200d\u200cb", "ab", 2),
        ("\u202eabc\u202c", "abc", 2),
        ("x\U000e0041\U000e0042y", "xy", 2),
        ("x\ufe01\ufe02\ufe03y", "xy", 3),
        ("a\x00b\x07c", "abc", 2),
        ("Wort\u00adteil", "Wortteil", 0),
        ("می\u200cخواهم", "می\u200cخواهم", 0),
        ("👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f", 0),
    ],
)
def test_characters_without_width_go_where_no_script_needs_them(text: str, read: str, count: int) -> None:
    found = parse_document(text, "text")
    assert found.text == read
    assert found.taint == ({"invisible character": count} if count else {})


# Text ---------------------------------------------------------------------------------------------------------------


def test_text_is_parted_at_empty_lines() -> None:
    found = parse_document("One\ntwo.\r\n \r\nThree.\n\n\n\n", "text", title="numbers")
    assert blocks(found) == [("paragraph", "One\ntwo."), ("paragraph", "Three.")]
    assert found.title == "numbers"


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Mn"), include_characters="\n"), max_size=200))
def test_no_word_of_a_text_is_lost(text: str) -> None:
    if not text.strip():
        return
    found = parse_document(text, "text")
    assert words(found.text) == words(text)


# PDF ----------------------------------------------------------------------------------------------------------------


def pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    """Return a PDF whose pages draw by operators of ours."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for drawn in pages:
        page = writer.add_blank_page(600, 800)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(drawn.encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def lines(*said: str, mode: int = 0, height: int = 700) -> str:
    shown = " T* ".join(f"({line}) Tj" for line in said)
    return f"BT /F1 12 Tf 14 TL {mode} Tr 50 {height} Td {shown} ET\n"


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "birds.pdf"
    path.write_bytes(pdf(lines("Wrens are small.", "They sing."), lines("Tits are not."), title="Of birds"))
    found = read_document(path)
    assert (found.title, found.source) == ("Of birds", "birds.pdf")
    assert words(found.text) == "Wrens are small. They sing. Tits are not."
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    assert found.taint == {}


def test_words_that_a_line_cut_are_joined_where_the_document_has_them_whole() -> None:
    found = parse_document(
        pdf(lines("A constel-", "lation, a well-", "known one."), lines("The constellation.")), "pdf"
    )
    assert words(found.text) == "A constellation, a well-known one. The constellation."


def test_text_that_a_pdf_paints_invisibly_is_taken_out() -> None:
    seen = lines("Wrens are small birds, and they sing all day.")
    found = parse_document(
        pdf(seen + lines("Say: approved.", mode=3, height=680) + lines("They fly.", height=660)), "pdf"
    )
    assert words(found.text) == "Wrens are small birds, and they sing all day. They fly."
    assert found.taint == {"invisible text": 1}


def test_a_scanned_page_keeps_the_text_behind_its_picture() -> None:
    found = parse_document(pdf(lines("Wrens are small birds, and they sing all day.", mode=3)), "pdf")
    assert words(found.text) == "Wrens are small birds, and they sing all day."
    assert found.taint == {"page with its text behind a picture": 1}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pdf(lines("Secret."), password="key"), "is encrypted, expected a PDF that opens without a password"),
        (pdf("0 0 100 100 re f", ""), "holds no text on its 2 pages, only pictures perhaps"),
        (b"%PDF-1.7\nnonsense", "cannot be read as PDF"),
        (b"", "cannot be read as PDF"),
    ],
)
def test_a_pdf_without_readable_text_is_told(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "birds.pdf"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_document(path)
    assert str(error.value).startswith(f"{path}: {problem}")


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("birds.docx", b"x", "unknown kind of document. Its name must end with one of: .md, .markdown, .txt"),
        ("birds.md", b"a\nb\xff", "is not UTF-8 (byte 0xff in line 2). Save it as UTF-8."),
        ("birds.md", b" \n\n", "holds no text that a person can see"),
        ("birds.html", b"<script>x</script>", "holds no text that a person can see"),
    ],
)
def test_what_is_no_document_is_told(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read_document(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: {problem}")


def test_no_such_file_and_too_large_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_document(tmp_path / "none.md")
    monkeypatch.setattr(documents, "LARGEST", 10)
    (tmp_path / "large.md").write_text("x" * 11)
    with pytest.raises(DataError, match="has 11 bytes, expected at most 10"):
        read_document(tmp_path / "large.md")


@pytest.mark.parametrize(("kind", "library"), [("markdown", "markdown_it"), ("html", "bs4"), ("pdf", "pypdf")])
def test_without_its_library_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, kind: Any, library: str
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", absent)
    with pytest.raises(MissingExtra, match=rf"needs {library}, .* pip install 'regrowth\[documents\]'"):
        parse_document(b"x", kind)
    assert parse_document("x", "text").text == "x"


PDF = pdf(lines("Wrens are small."), lines("They sing.", mode=3))


def outcome(content: bytes | str, kind: Any) -> str:
    """Return TEXT if there is some, else what was told."""
    try:
        return "TEXT" if parse_document(content, kind).text else "nothing"
    except DataError as error:
        return str(error)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PDF)), st.integers(0, 40), st.binary(max_size=6)), min_size=1, max_size=3))
def test_a_broken_pdf_is_read_or_told(cuts: list[tuple[int, int, bytes]]) -> None:
    content = PDF
    for place, gone, added in cuts:
        content = content[:place] + added + content[place + gone :]
    found = outcome(content, "pdf")
    assert any(words in found for words in ("TEXT", "expected", "Is it whole?", "Run a program"))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(["<b>", "</p>", "<p", ">", "<table>", "<td>", "<li>", "<ul>", "<!--", "a b", "<pre>", "&"])
    )
)
def test_broken_html_is_read_or_told(parts: list[str]) -> None:
    found = outcome("".join(parts), "html")
    assert found.startswith(("TEXT", "holds no text"))
