"""Languages: told by script and by small words, and a gate that holds a reply to one."""

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import MissingExtra, Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.language import KNOWN, UNDETERMINED, Told, in_language, language_of
from support.data import shared_data

SAID = {
    "en": "The children were playing in the garden when it began to rain.",
    "de": "Die Kinder spielten im Garten, als es zu regnen begann.",
    "fr": "Les enfants jouaient dans le jardin quand il a commencé à pleuvoir.",
    "es": "Los niños jugaban en el jardín cuando empezó a llover.",
    "it": "I bambini giocavano nel giardino quando ha cominciato a piovere.",
    "pt": "As crianças estavam no jardim quando começou a chover.",
    "nl": "De kinderen speelden in de tuin toen het begon te regenen.",
    "sv": "Barnen lekte i trädgården när det började regna och blåsa.",
    "da": "Børnene legede i haven, da det begyndte at regne, og de blev meget våde af det.",
    "no": "Barna lekte i hagen da det begynte å regne, og de ble mye våte av det.",
    "fi": "Lapset olivat puutarhassa, kun alkoi sataa, ja he eivät olleet iloisia.",
    "pl": "Dzieci bawiły się w ogrodzie, kiedy zaczął padać deszcz.",
    "cs": "Děti si hrály na zahradě, když začalo pršet, a byly mokré.",
    "hu": "A gyerekek a kertben játszottak, amikor elkezdett esni az eső.",
    "ro": "Copiii se jucau în grădină când a început să plouă.",
    "tr": "Çocuklar bahçede oynarken yağmur başladı ve hepsi çok ıslandı.",
    "id": "Anak-anak itu sedang bermain di kebun ketika hujan akan turun.",
    "sw": "Watoto walikuwa wanacheza katika bustani na mvua ilianza kunyesha.",
    "vi": "Bọn trẻ đang chơi trong vườn thì trời bắt đầu mưa.",
    "ru": "Дети играли в саду, когда начался дождь, и мы ушли.",
    "uk": "Діти гралися в саду, коли почався дощ.",
    "bg": "Децата играеха в градината, когато започна дъжд.",
    "el": "Τα παιδιά έπαιζαν στον κήπο όταν άρχισε να βρέχει.",
    "ar": "كان الأطفال يلعبون في الحديقة عندما بدأ المطر.",
    "fa": "بچه‌ها در باغ بازی می‌کردند که باران گرفت.",
    "he": "הילדים שיחקו בגינה כשהתחיל לרדת גשם.",
    "hi": "बच्चे बगीचे में खेल रहे थे जब बारिश शुरू हुई।",
    "th": "เด็กๆ กำลังเล่นอยู่ในสวนตอนที่ฝนเริ่มตก",
    "ja": "雨が降り始めたとき、子供たちは庭で遊んでいました。",
    "zh": "孩子们在花园里玩的时候下起了雨。",
    "ko": "비가 내리기 시작했을 때 아이들은 정원에서 놀고 있었다.",
    "ka": "ბავშვები ბაღში თამაშობდნენ, როცა წვიმა დაიწყო.",
}


@pytest.mark.parametrize("code", SAID)
def test_a_sentence_is_told_by_its_script_or_its_small_words(code: str) -> None:
    told = language_of(SAID[code])
    assert told.code == code
    assert told.confidence > 0.5
    assert code in KNOWN


@pytest.mark.parametrize("text", ["", "3.14", "12 + 4 = 16", "🎉🎉", "\u200b", "\x00", "_ - _"])
def test_what_has_no_letters_has_no_language(text: str) -> None:
    assert language_of(text) == Told(UNDETERMINED, 0.0)
    assert in_language("de")(record := Record.of("?", response=text)) is record


def test_a_mixed_text_is_told_by_its_greater_part_with_less_confidence() -> None:
    mixed = f"{SAID['de']} {SAID['de']} {SAID['ru']}"
    assert language_of(mixed).code == "de"
    assert language_of("Das Wort мир steht auf Russisch da und die Kinder lesen es.").code == "de"
    assert language_of("日本語で「hello」と言いました。").code == "ja"


def test_a_language_that_is_not_known_is_told_with_little_confidence() -> None:
    for text in ("Euskara hizkuntza zaharra eta bitxia omen.", "xyzzy plugh qwrtp"):
        assert language_of(text).confidence < 0.5


def test_the_gate_says_what_it_read() -> None:
    german = Record.of("?", response=SAID["de"])
    assert in_language("de", "en", at_least=0.9)(german) is german
    with pytest.raises(Rejected, match=r"reads like 'de' \(1.00\), expected en or fr"):
        in_language("en", "fr")(german)
    with pytest.raises(Rejected, match="with confidence"):
        in_language("fr", at_least=0.99)(Record.of("?", response="Bonjour"))


def test_what_cannot_be_told_stops_the_run_before_it_begins() -> None:
    for codes, at_least in (((), 0.5), (("de",), 1.5), (("xx",), 0.5)):
        with pytest.raises(SettingsError, match="in_language"):
            in_language(*codes, at_least=at_least)
    with pytest.raises(SettingsError, match="expected 'words'"):
        language_of("a", by="lingua")  # type: ignore[arg-type]


def test_a_library_that_is_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    from regrowth.gates.language import _library

    _library.cache_clear()
    with pytest.raises(MissingExtra, match=r"regrowth\[language\]"):
        language_of("Guten Tag", by="py3langid")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=80))
def test_any_text_gets_a_known_code_and_a_share(text: str) -> None:
    told = language_of(text)
    assert told.code in KNOWN | {UNDETERMINED}
    assert 0 <= told.confidence <= 1


@pytest.mark.parametrize("unit", ["the cat ", "а", "你", "\u200b", "a'"])
def test_a_long_text_is_read_in_parts(unit: str) -> None:
    started = time.process_time()
    language_of(unit * 2_000_000)
    assert time.process_time() - started < 2


def questions() -> Iterator[tuple[str, str]]:
    with gzip.open(shared_data("multilingual/mgsm.jsonl.gz"), "rt") as file:
        for row in map(json.loads, file):
            yield row["lang"], row["question"]


def test_real_questions_in_eleven_languages_are_told_as_often_as_the_docs_say() -> None:
    right = Counter[int]()
    for code, text in questions():
        for count in (5, 10, 20, 50):
            right[count] += language_of(beginning(text, code, count)).code == code
    assert dict(right) == {5: 517, 10: 544, 20: 549, 50: 549}


def beginning(text: str, code: str, count: int) -> str:
    """Return the first words; where none are written, as many characters as they have on average."""
    signs = {"zh": 1.6, "ja": 2.0, "th": 4.5}
    return text[: int(count * signs[code])] if code in signs else " ".join(text.split()[:count])
