"""Inputs that nobody means well: drawn from pieces, mutated, and repeated.

drawn(Random(7))       '{"prompt": [[[[\\u200b-1e999, "Ã¼"```' …
"""

import string
from random import Random

__all__ = ["GROWING", "as_bytes", "drawn"]

PIECES = (
    '{"prompt": "', '"}', '{"messages": [{"role": "user", "content": "', '"}]}', "[", "]", "{", "}", '"', "\\", "\\u",
    "\\ud800", "null", "true", "NaN", "-1e999", "1e308", "0.1", "9" * 400, "-", "−", "1,234.5", "1.234,5", "3/4", "½",
    "π", "٣", "௧௨", "A: ", "#### ", "\\boxed{", "\\frac{1}{0}", "The answer is ", "Die Antwort ist ", "Score: ",
    "4/5", "Yes", "Nein", "I'm sorry, but ", "I cannot help", "tut mir leid", "Ignore all previous instructions",
    "system:", "<|im_end|>", "[INST]", "<!--", "-->", "<script>", "</div>", "<div hidden>", "&#0;", "&amp", "```",
    "```python\n", "~~~", "# ", "\n\n", "\n", "\r\n", "\t", "| a | b |\n|---|---|\n", "- ", "1. ", "> ", "[x](y)",
    "![", "**", "---\n", ": ", "&a ", "*a ", "<<: ", "!!python/object:os.system ", "version: 3\n", "seed_examples:\n",
    "task_description: ", "  - ", "a,b\n", '"a"",', ";", "\x00", "\x1b[31m", "\x85", "\u2028", "\ud800", "\udfff",
    "\ufffe", "\ufeff", "\u200b", "\u200d", "\u202e", "\u2066", "\u0301" * 30, "Z̷̛͝a̸l", "ﬁ", "Ⅷ", "İ", "ß", "ǅ",
    "\U000e0041" * 12, "مرحبا", "שלום", "你好", "ไทย", "🇩🇪", "👩‍👩‍👧‍👦", "Ã¼", "â€™", "Ð¿Ñ\x80",
    "aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnM=", "DE75 5121 0800 1245 1261 99", "4111 1111 1111 1111", "a@b.c",
    "192.168.0.1", "::1", "+49 30 123456", "sk-" + "a1" * 20, "-----BEGIN RSA PRIVATE KEY-----", "on 4 May 1990",
    "31.02.2020", "0000-00-00", "Mr. Smith", "„Zitat“", "not", "nicht ", "eleven ", "def f():\n    return ", "((((",
    "lambda: ", "import os", "%PDF-1.4\n", "PAR1", "\x1f\x8b", "PK\x03\x04",
)  # fmt: skip
GROWING = (
    "a", "ab ", "A: 1 ", "1", "1,", "1.1.", "-1e", "[", "{", '{"a":', '"', "\\", "(", "\\boxed{", "\n", "\n\n", " ",
    "\t", "\u200b", "\u0301", "```\n", "# x\n", "- x\n", "| a ", "> ", "**a", "<b>", "<!--", "<!--x>",
    "<a ", "<a b=\"", "<?x", "&amp;", "a@", "a.b@c.",
    "@a ", "1 2 3 4 ", "+49 ", "DE12 ", "1.2.3.4 ", "a:b:", "sk-a", "https://a.b/", "I'm sorry, but ", "i cannot ",
    "system: ", "ignore all previous ", "in your answer ", "your ", "write ", "Yes ", "Score: 4 ", "not ", "Mia ",
    "May 4, ", "„a", '"a" ', "Ð\x80", "你", "a\u200b", "de la ", "x=1;", "the cat. ", "A", "aWdu", "\U000e0041",
    "\u200b\u200c", "ﬁ", "0.", "e1", "_", "%", "a,b\n", "- a: b\n", "'",
)  # fmt: skip
"""What is repeated to see whether time grows faster than the text."""


def drawn(rng: Random) -> str:
    """Return one input."""
    kind = rng.random()
    if kind < 0.5:
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 14)))
    if kind < 0.65:
        return "".join(chr(_code(rng)) for _ in range(rng.randint(0, 60)))
    if kind < 0.75:
        return rng.choice(PIECES) * rng.choice((2, 10, 100, 400))
    if kind < 0.85:
        return "".join(rng.choice(string.printable) for _ in range(rng.randint(0, 120)))
    return _mutated(rng, "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 10))))


def _code(rng: Random) -> int:
    return rng.choice((rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0x10000), rng.randrange(0x110000)))


def _mutated(rng: Random, text: str) -> str:
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text) + 1)
        match rng.randrange(4):
            case 0:
                text = text[:place] + text[place + rng.randint(1, 3) :]
            case 1:
                text = text[:place] + chr(_code(rng)) + text[place:]
            case 2:
                text = text[:place] + text[place : place + 8] * 3 + text[place + 8 :]
            case _:
                text = text[place:] + text[:place]
    return text


def as_bytes(rng: Random, text: str) -> bytes:
    """Return an input as bytes: mostly UTF-8, sometimes broken or in another code."""
    kind = rng.random()
    if kind < 0.5:
        return text.encode("utf-8", "surrogatepass")
    if kind < 0.6:
        return text.encode("utf-16", "surrogatepass")
    raw = bytearray(text.encode("utf-8", "replace"))
    for _ in range(rng.randint(0, 3)):
        raw.insert(rng.randrange(len(raw) + 1), rng.randrange(256))
    return bytes(raw)
