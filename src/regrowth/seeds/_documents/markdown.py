"""Markdown into pieces, by way of the HTML that it stands for: headings, lists, tables, code, and HTML written in it.

    read_markdown("# Birds\\n\\nThey [fly](wings.html).")        heading "Birds", paragraph "They fly."

A word in angle brackets that is no element of HTML, such as `<name>`, is text and stays.
"""

import html
import re
from typing import Any

from regrowth.extras import library
from regrowth.seeds._documents.html import Shown, read_html

__all__ = ["read_markdown"]

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_TAG = re.compile(r"</?([A-Za-z][\w:.-]*)[^>]*>")
_HTML = """
a abbr acronym address article aside audio b base bdi bdo big blockquote body br button canvas caption center cite code
col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure font footer form h1
h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark menu meta meter
nav noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp script section select
small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr
track tt u ul var video wbr
"""
_ELEMENTS = frozenset(_HTML.split())


def read_markdown(text: str) -> Shown:
    """Return the title and the pieces of a Markdown text, and how much of it was hidden.

    Raises:
        MissingExtra: markdown-it-py or BeautifulSoup is not installed.
    """
    reader = library("markdown_it", "Reading Markdown", extra="documents").MarkdownIt("commonmark", {"html": True})
    reader.enable(["table", "strikethrough"])
    reader.add_render_rule("html_inline", _raw)
    reader.add_render_rule("html_block", _raw)
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    front = _FRONT.match(text)
    shown = read_html(reader.render(text[front.end() :] if front else text))
    title = _TITLE.search(front[1]) if front else None
    return shown._replace(title=title[1].strip("\"'") if title else "")


def _raw(_: Any, tokens: Any, place: int, *__: Any) -> str:
    """Let HTML through; what is in angle brackets and is none, is text."""
    return _TAG.sub(lambda tag: tag[0] if tag[1].lower() in _ELEMENTS else html.escape(tag[0]), tokens[place].content)
