"""Texts in six languages, edits of them, and how alike two texts are, counted without the code under test."""

import random
from collections.abc import Sequence

from regrowth.texts import words

__all__ = ["ENGLISH", "TEXTS", "changed", "corpus", "jaccard", "sentences"]

ENGLISH = (
    "The keeper of the light walked down to the harbour every morning before the boats came in, counted the nets that "
    "hung along the wall, wrote their number into a small grey book and asked each of the fishermen about the weather "
    "beyond the islands, because he had promised his daughter to warn her when the autumn storms were near."
)
GERMAN = (
    "Der Wärter des Leuchtturms ging jeden Morgen zum Hafen hinunter, bevor die Boote einliefen, zählte die Netze, die "
    "an der Mauer hingen, schrieb ihre Zahl in ein kleines graues Buch und fragte jeden Fischer nach dem Wetter hinter "
    "den Inseln, denn er hatte seiner Tochter versprochen, sie vor den Stürmen des Herbstes zu warnen."
)
RUSSIAN = (
    "Смотритель маяка каждое утро спускался в гавань до прихода лодок, считал сети, висевшие вдоль стены, записывал их "
    "число в маленькую серую книгу и спрашивал каждого рыбака о погоде за островами, потому что обещал дочери "
    "предупредить её, когда приблизятся осенние бури, и всегда держал своё слово."
)
HINDI = (
    "प्रकाशस्तंभ का रखवाला हर सुबह नावों के आने से पहले बंदरगाह तक जाता था और दीवार पर टंगे जाल गिनता था और उनकी "
    "संख्या एक छोटी किताब में लिखता था और हर"
    " मछुआरे से द्वीपों के पार के मौसम के बारे में पूछता था क्योंकि उसने अपनी बेटी को वचन दिया था।"
)
CHINESE = (
    "灯塔的看守人每天早晨在渔船进港之前走到港口，数一数挂在墙上的渔网，"
    "把数目写进一本灰色的小册子，"
    "再向每一位渔夫打听群岛以外的天气，因为他答应过女儿，秋天的风暴临近时一定会提前告诉她，让她早早做好准备。"
)
THAI = (
    "ผู้ดูแลประภาคารเดินลงไปที่ท่าเรือทุกเช้าก่อนเรือจะเข้าเทียบท่า"
    "นับอวนที่แขวนอยู่ตามกำแพงและจดจำนวนลงในสมุดเล่มเล็กสีเทาแล้วถามชาวประมงทุกคนเรื่องอากาศนอกหมู่เกาะ"
)
TEXTS = {"en": ENGLISH, "de": GERMAN, "ru": RUSSIAN, "hi": HINDI, "zh": CHINESE, "th": THAI}


def changed(text: str, rate: float, rng: random.Random) -> str:
    """Return a text with some of its words, or characters where there are no spaces, replaced; at least one."""
    spaced = " " in text
    parts = text.split() if spaced else list(text)
    alphabet = sorted(set(text) - {" "})
    for place in rng.sample(range(len(parts)), max(1, round(rate * len(parts)))):
        parts[place] = "".join(rng.choices(alphabet, k=7)) if spaced else rng.choice(alphabet)
    return (" " if spaced else "").join(parts)


def sentences(rng: random.Random, count: int, vocabulary: Sequence[str]) -> str:
    """Return a text of so many words."""
    return " ".join(rng.choices(vocabulary, k=count))


def corpus(seed: int, size: int = 24) -> list[str]:
    """Return texts of which many are like another one, some in chains: each an edit of one before it."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("abcdefghijk", k=5)) for _ in range(300)] + [str(one) for one in range(20)]
    found: list[str] = []
    for _ in range(size):
        if found and rng.random() < 0.7:
            found.append(changed(rng.choice(found), rng.choice((0.0, 0.02, 0.1)), rng))
        else:
            found.append(sentences(rng, rng.choice((3, 30, 60)), vocabulary))
    return found


def jaccard(first: str, second: str) -> float:
    """Return the similarity of two texts, counted without any of the code under test."""
    one, two = ({tuple(said[at : at + 2]) for at in range(len(said) - 1)} for said in (words(first), words(second)))
    return len(one & two) / len(one | two) if one | two else 0.0
