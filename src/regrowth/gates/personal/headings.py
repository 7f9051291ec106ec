r"""What a table calls the column that something stands in: CSV and TSV by the first line, Markdown by its rule.

    heading("name;Steuer-ID\nBerg;65929970489\n", 21)       "Steuer-ID"
    heading("| Tel. |\n|---|\n| 901820 |", 17)               " Tel. "

Only the nearest stretch of text is looked at, so that a long table costs no more than a short one.
"""

import re

__all__ = ["heading"]

LINE, TABLE = 2_000, 8_000
"""Characters, at most, of a line and from a Markdown heading to a row."""
_QUOTED = re.compile(r'"[^"\n]*"')


def heading(text: str, start: int) -> str:
    """Return the heading of the column in which a place stands; nothing outside of tables."""
    line = text.rfind("\n", max(0, start - LINE), start)
    if line < 0:
        return ""
    top = _markdown_top(text, start) or text[: text.find("\n", 0, LINE) + 1]
    separator = max("|;\t,", key=top.count)
    if not top.count(separator):
        return ""
    column = _QUOTED.sub("", text[line + 1 : start]).count(separator)
    cells = top.split(separator)
    return cells[column] if column < len(cells) else ""


def _markdown_top(text: str, start: int) -> str:
    rule = text.rfind("|--", max(0, start - TABLE), start)
    if rule < 0 or "\n\n" in text[rule:start]:
        return ""
    end = text.rfind("\n", max(0, rule - LINE), rule)
    return text[text.rfind("\n", max(0, end - LINE), end) + 1 : end] if end > 0 else ""
