"""The page: whole without a network, a script or a colour, and deaf to what models wrote."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import StoreError
from regrowth.reports import page
from regrowth.reports.blocks import (
    Block,
    CostTable,
    Curves,
    Examined,
    Facts,
    Funnel,
    Headline,
    Lineage,
    Passage,
    Refusals,
    RefusedRecord,
    Rejects,
    Report,
    Scores,
    Series,
    Stratum,
    Text,
)
from regrowth.reports.compared import Associations, Judgement, Marginals, Readings, Reason, Twins
from support import reports

VOID = {"meta", "link", "br", "wbr"}
HOSTILE = "</p></style></title><script>alert(1)</script><img src=x onerror='alert(2)'>\"'>{{ 7 * 7 }}\u202e\x00\x1b[2J"


class Reader(HTMLParser):
    """Read a page: its tags, their attributes, its words, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def shown(*blocks: Block) -> Reader:
    return Reader(page.html(Report(title="t", blocks=blocks)))


def test_a_report_is_two_files_and_both_say_the_same(tmp_path: Path) -> None:
    path = page.write(reports.REPORT, tmp_path)
    assert path == tmp_path / "report.html"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert Report.model_validate(json.loads((tmp_path / "report.json").read_text("utf-8"))) == reports.REPORT
    assert "accuracy 34 % → 47 % on 800 unseen problems" in path.read_text("utf-8")


def test_equal_reports_are_equal_bytes(tmp_path: Path) -> None:
    first, second = (page.write(reports.REPORT, tmp_path / name) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        page.write(reports.REPORT, tmp_path / "file" / "run")


def test_every_tag_is_closed_and_every_id_is_there_once() -> None:
    read = Reader(page.html(reports.REPORT))
    assert read.open == []
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    heard = {one for name, value in read.attributes if name == "aria-labelledby" for one in value.split()}
    jumped = {value[1:] for name, value in read.attributes if name == "href" and value.startswith("#")}
    assert heard | jumped == set(ids)
    assert {"report", "fidelity", "columns", "associations", "twins"} == jumped


def test_the_page_needs_nothing_but_itself() -> None:
    html = page.html(reports.REPORT)
    read = Reader(html)
    assert not read.tags.keys() & {"script", "img", "iframe", "object", "embed", "form", "base", "video", "audio"}
    linked = [value for name, value in read.attributes if name in ("src", "href", "action", "data", "srcset")]
    assert all(value.startswith(("data:", "#")) for value in linked)
    assert not re.search(r"@import|url\(|@font-face", html)
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_the_security_policy_allows_inline_style_and_nothing_else() -> None:
    policy = next(value for _, value in shown().attributes if value.startswith("default-src"))
    allowed = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_figures_of_every_block_are_on_the_page() -> None:
    text = Reader(page.html(reports.REPORT)).text.replace("\u202f", " ").replace("\xa0", " ")
    for words in (
        "records verified", "of 9,214 made",
        "47.0 % 43.6 to 50.5 % n = 800", "n = 800, 3 left out", "+13.0 points +10.0 to +16.0 better",
        "−0.300 −0.400 to −0.200 better", "+12.0 points −1.0 to +15.0 no clear difference", "lower is better",
        "1,030 attempts made 1,000 records; 400 passed every gate; 30 attempts broke before they made one.",
        "hard 250 150 630 455 25 60 %",
        "answered 8, expected 7", "495 78.6 %", "(broke)",
        "accuracy", "unverified",
        "answers 1,030 30 10,300 4,200 1 min 1 s 0.00 USD", "together 1,040 30 10,300 4,200 1 min 1 s 0.25 USD",
        "verified-1 100 400 500 410", "tiny 5f0c7a61d2b3e4f5061728394a5b6c7d 1,030",
        "One seed.", "regrowth run rejection_sampling",
        "Stop. Real records can be told from these data.", "stop Records identical to a training record: 0.3",
        "look 1 column could not be compared. zip: not in the second table.",
        "What “Shape of a number column” tells, and all 3 figures How alike the values are distributed: 1 is equal.",
        "age of 1,997 rows 0.610 0.580 to 0.640 stop 0.970 0.960 to 0.990 2,000 3 left out",
        "hours 0.900 0.880 to 0.920 look – 2,000", "1 more measures of single parts of the data: nothing to look at",
        "2 figures could not be computed and were left out.",
        "age 25 % apart", "above 63 12.5 % 12.5 %", "(missing) 0.0 % 12.5 %", "(not in the real data) 0.0 % 20.0 %",
        "hours × age 0.600 0.100 −0.500", "1 of 1,999 synthetic records equal a real one in all that was compared",
        "half of the synthetic records lie farther than 0.310 from every real one",
        "Synthetic record 812 beside real record 17: equal", "Synthetic record 3 beside real record 1,204: 0.125 apart",
        "age 50 52", "A synthetic text. A text.",
    ):  # fmt: skip
        assert words in text


def everywhere(words: str) -> tuple[Block, ...]:
    """Return blocks that say the same words wherever words can stand."""
    refused = RefusedRecord(id=words, prompt=words, response=words, reason=words)
    swapped = json.loads(json.dumps([block.model_dump(mode="json") for block in reports.REPORT.blocks]))
    kinds = [type(block) for block in reports.REPORT.blocks]
    blocks = [kind.model_validate(_swap(block, words)) for kind, block in zip(kinds, swapped, strict=True)]
    return (*blocks, Rejects(gates=(Refusals(gate=words, count=1, records=(refused,)),)))


def _swap(value: object, words: str, key: str = "") -> object:
    if isinstance(value, dict):
        named = key in ("estimates",)
        return {(words + name if named else name): _swap(one, words, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_swap(one, words, key) for one in value]
    fixed = ("kind", "role", "unit", "better", "level", "shape")
    return words + value if isinstance(value, str) and key not in fixed else value


def test_what_is_hostile_stays_text_wherever_it_stands() -> None:
    read = Reader(page.html(Report(title=HOSTILE, subtitle=HOSTILE, blocks=everywhere(HOSTILE))))
    plain = Reader(page.html(Report(title="a", subtitle="a", blocks=everywhere("a" * len(HOSTILE)))))
    assert read.tags == plain.tags
    assert [name for name, _ in read.attributes] == [name for name, _ in plain.attributes]
    assert "<script>alert(1)</script>" in read.text
    assert "{{ 7 * 7 }}" in read.text
    assert not set("\u202e\x00\x1b") & set(read.text)


def with_words(words: str) -> Counter[str]:
    refused = RefusedRecord(id="1", prompt=words, response="r" + words, reason=words)
    tags = shown(Headline(text=words), Rejects(gates=(Refusals(gate=words, count=1, records=(refused,)),))).tags
    del tags["wbr"]  # places where a long name may break
    return tags


PLAIN = with_words("a")


@settings(max_examples=8, deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from("<>&\"'`/={}%#"), max_size=60))
def test_no_text_changes_what_the_page_is_made_of(words: str) -> None:
    assert with_words(words) == PLAIN


def test_a_long_answer_is_cut_on_the_page_and_whole_in_the_file(tmp_path: Path) -> None:
    refused = RefusedRecord(id="1", prompt="p", response="x" * 5000, reason="r")
    report = Report(title="t", blocks=(Rejects(gates=(Refusals(gate="g", count=1, records=(refused,)),)),))
    html = page.write(report, tmp_path).read_text("utf-8")
    assert "x" * 600 + " … (4,400 more characters)" in html
    assert "x" * 5000 in (tmp_path / "report.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (Scores(measures=(), arms=()), "Nothing was measured."),
        (Funnel(attempted=0, made=0, accepted=0), "0 attempts; no record was made."),
        (Rejects(), "No record was refused."),
        (Curves(title="loss", x="step", y="nats"), "There is nothing to draw."),
        (CostTable(), "No call was made."),
        (Lineage(), "There is no dataset yet."),
        (Examined(), "No dataset was examined."),
        (Facts(), "Nothing was noted."),
        (Readings(family="fidelity", title="Fidelity"), "Nothing was measured."),
        (Marginals(), "No column can be drawn."),
        (Associations(), "There are no two columns to compare."),
        (Twins(lead="Real records are not shown."), "Real records are not shown."),
    ],
)
def test_an_empty_block_says_so(block: Block, said: str) -> None:
    assert said in shown(block).text


def test_a_report_without_blocks_is_still_a_page() -> None:
    assert "nothing to show yet" in shown().text


def test_of_many_strata_the_thinnest_are_shown_and_the_rest_is_added_up() -> None:
    strata = tuple(
        Stratum(name=f"leaf {n:03}", wanted=10, attempted=20, accepted=n % 11, refused=1) for n in range(200)
    )
    accepted = sum(stratum.accepted for stratum in strata)
    block = Funnel(
        attempted=4000, made=4000, accepted=accepted, gates=(Passage(gate="g", refused=4000 - accepted),), strata=strata
    )
    text = shown(block).text
    assert "The thinnest of 200 strata" in text
    assert re.findall(r"leaf \d+", text) == [f"leaf {n:03}" for n in range(0, 132, 11)]
    assert f"188 more strata 1,880 {accepted:,} 3,760 188 0" in text


def test_a_run_with_one_stratum_has_no_table_of_strata() -> None:
    block = Funnel(attempted=1, made=1, accepted=1, strata=(Stratum(name="", attempted=1, accepted=1),))
    assert "stratum" not in shown(block).text


def test_the_name_of_a_gate_may_be_broken_after_an_underscore() -> None:
    html = page.html(Report(title="t", blocks=(Rejects(gates=(Refusals(gate="a_<b>_c", count=1),)),)))
    assert "a_<wbr>&lt;b&gt;_<wbr>c" in html


def test_lines_that_are_not_drawn_are_counted() -> None:
    series = tuple(Series(name=str(n), x=(1, 2), y=(n, n)) for n in range(8))
    assert "2 more in report.json." in shown(Curves(title="t", x="x", y="y", series=series)).text


def test_money_and_time_have_columns_only_where_there_are_any() -> None:
    text = shown(CostTable(steps=({"step": "answers", "calls": 3},))).text  # type: ignore[arg-type]
    assert "No money was spent." in text
    assert "time" not in text
    assert "replayed" not in text


def test_of_eighty_columns_twelve_are_drawn_at_once_and_all_can_be_opened() -> None:
    one = reports.MARGINALS.columns[0]
    columns = tuple(one.model_copy(update={"name": f"column {number:02}"}) for number in range(80))
    html = page.html(Report(title="t", blocks=(Marginals(columns=columns),)))
    before, after = html.split("68 more columns")
    assert before.count("apart</span>") == 12
    assert after.count("apart</span>") == 68
    assert Reader(html).open == []


def test_reasons_beyond_six_fold() -> None:
    reasons = tuple(Reason(level="look", text=f"reason {number}") for number in range(9))
    html = page.html(Report(title="t", blocks=(Judgement(level="look", text="Look.", reasons=reasons),)))
    assert html.index("3 more reasons") < html.index("reason 6")
    assert html.index("reason 5") < html.index("3 more reasons")


def test_what_asks_for_a_look_is_drawn_and_the_rest_is_listed() -> None:
    read = shown(reports.READINGS)
    plots = [value for name, value in read.attributes if name == "aria-labelledby"]
    assert len(plots) == 3
    assert "age: 0.610, 0.580 to 0.640; real data 0.960 to 0.990 (far from real data); hours" in read.text
    assert "income: 0.980" not in read.text, "listed, not drawn"
    assert "income 0.980" in read.text


def test_a_verdict_is_told_by_a_word_and_a_sign_not_by_its_colour_alone() -> None:
    for level, sign in (("good", "✓"), ("look", "!"), ("stop", "✕")):
        read = shown(Judgement(level=level, text="Text.", reasons=(Reason(level=level, text="Why."),)))  # type: ignore[arg-type]
        assert f"{sign} Text." in read.text
        assert f"{level} Why." in read.text


def test_a_keyboard_skips_to_the_report_and_jumps_to_its_parts() -> None:
    read = Reader(page.html(Report(title="t", blocks=reports.COMPARED)))
    links = [value for name, value in read.attributes if name == "href"]
    assert links[1] == "#report"
    assert "#privacy" not in links, "a part that is not there is not linked"
    assert links[2:] == ["#fidelity", "#fidelity", "#columns", "#associations", "#twins"]


def test_a_title_is_small_above_a_headline_and_large_without_one() -> None:
    assert ("class", "kicker") in shown(Headline(text="a")).attributes
    assert ("class", "kicker") not in shown(Text(paragraphs=("a",))).attributes


# The colours --------------------------------------------------------------------------------------------------------


def palettes() -> list[dict[str, str]]:
    """Return the colours of the style sheet by day and by night."""
    style = files("regrowth.reports").joinpath("templates", "page.css").read_text("utf-8")
    roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    day, night = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root)) for root in roots[:2])
    assert day.keys() == night.keys()
    return [day, night]


def luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", palettes(), ids=["day", "night"])
def test_every_text_can_be_read_on_its_ground(palette: dict[str, str]) -> None:
    pairs = [(text, ground) for text in ("ink", "soft", "accent") for ground in ("page", "panel")]
    pairs += [(f"line{number}", "page") for number in range(2, 7)]
    pairs += [("stop", "page"), ("stop", "panel"), ("ink", "kept-soft")]
    pairs += [("on-strong", "tint1"), ("on-strong", "tint2"), *(("on-weak", f"tint{number}") for number in range(3, 9))]
    poor = {pair: contrast(*(palette[name] for name in pair)) for pair in pairs}
    assert not {pair: ratio for pair, ratio in poor.items() if ratio < 4.5}
