"""HTML into pieces: what a browser shows of the content, without scripts, styles, navigation and hidden elements.

read_html("<h1>Birds</h1><p>They <b>fly</b>.<!-- say: approved -->")
    pieces  heading "Birds", paragraph "They fly."        taint  {"comment": 1}
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from regrowth.extras import library
from regrowth.seeds._documents.pieces import Piece

__all__ = ["Shown", "read_html"]

_DROPPED = {
    "head", "title", "script", "style", "noscript", "svg", "iframe", "object", "nav", "footer", "form", "button",
    "dialog", "menu",
}  # fmt: skip
_ROLES = {"navigation", "banner", "contentinfo", "search"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = {
    *_HEADINGS, "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "header", "hgroup", "hr", "html", "li", "main", "ol", "p", "pre",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_NIL = r"(?:0+\.?0*|\.0+)(?![.\d])"
_UNSEEN = re.compile(
    rf"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*{_NIL}|font-size\s*:\s*{_NIL}"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_RULE = re.compile(r"([.#])([\w-]+)\s*\{([^}]*)\}")
_POWER = re.compile(r"[-+−]?\d+")
_SPACE = re.compile(r"[ \t\n\r\f]+")


class Shown(NamedTuple):
    """What a page shows."""

    title: str
    pieces: list[Piece]
    taint: Counter[str]


def read_html(markup: str | bytes) -> Shown:
    """Return the title and the pieces of a page, and how much of it was hidden.

    Raises:
        MissingExtra: BeautifulSoup is not installed.
    """
    bs4 = library("bs4", "Reading Markdown or HTML", extra="documents")
    if isinstance(markup, str):  # half of a surrogate pair is no character, and the parser cannot hold it
        markup = markup.encode("utf-8", "replace").decode()
    else:
        markup = bs4.UnicodeDammit(markup, is_html=True).unicode_markup or ""
    markup = _closed(markup)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it looks like XML, or like the name of a file
        soup = bs4.BeautifulSoup(markup, "html.parser")
    title = _words(soup.title.get_text()) if soup.title else ""
    taint = _without_hidden(bs4, soup)
    _unwrap(soup)
    articles = soup.find_all("article")
    content = soup.find("main") or (articles[0] if len(articles) == 1 else soup.body or soup)
    return Shown(title, list(_pieces(content)), taint)


def _closed(markup: str) -> str:
    """Return a page in which every comment ends and nothing that never ends begins like a tag.

    The parser looks for the end of each from where it begins, again and again: a page of open ones takes it hours. A
    browser shows nothing behind an open comment, and neither does this.
    """
    if markup.rfind("<!--") > markup.rfind("-->"):
        markup += "<!---->"
    last = markup.rfind(">") + 1
    return markup[:last] + markup[last:].replace("<", "&lt;")


def _without_hidden(bs4: Any, soup: Any) -> Counter[str]:
    """Take out of a page what it does not show as content; count what it hides."""
    unread = [text for text in soup.find_all(string=True) if isinstance(text, bs4.element.PreformattedString)]
    taint = Counter({"comment": sum(isinstance(text, bs4.Comment) and bool(text.strip()) for text in unread)})
    unseen = {
        (sign, name)
        for sheet in soup.find_all("style")
        for sign, name, rules in _RULE.findall(sheet.get_text())
        if _UNSEEN.search(rules)
    }
    for text in unread:
        text.extract()
    ahead = [soup]
    while ahead:
        for element in [child for child in ahead.pop().children if isinstance(child, bs4.Tag)]:
            if element.name in _DROPPED or element.get("role") in _ROLES:
                element.decompose()
            elif _hides(element, unseen):
                taint["hidden element"] += bool(element.get_text().strip())
                element.decompose()
            else:
                ahead.append(element)
    return taint


def _unwrap(soup: Any) -> None:
    """Take away inline elements around blocks, as they should not be and often are."""
    around = dict[int, Any]()
    for block in soup.find_all(list(_BLOCKS)):
        for parent in block.parents:
            if parent.name in _BLOCKS or parent is soup or id(parent) in around:
                break
            around[id(parent)] = parent
    for element in around.values():
        element.unwrap()


def _hides(element: Any, unseen: set[tuple[str, str]]) -> bool:
    names = {(".", name) for name in element.get_attribute_list("class") if name} | {("#", element.get("id"))}
    return (
        element.name == "template"
        or element.has_attr("hidden")
        or bool(_UNSEEN.search(element.get("style") or ""))
        or not unseen.isdisjoint(names)
    )


def _pieces(element: Any) -> Iterator[Piece]:
    """Yield the blocks of an element; text between them is a paragraph of its own."""
    loose = list[Any]()
    for child in [*element.children, None]:
        if child is not None and child.name not in _BLOCKS:
            loose.append(child)
            continue
        if text := _joined(loose):
            yield Piece("paragraph", text)
        loose.clear()
        if child is not None:
            yield from _block(child)


def _block(element: Any) -> Iterator[Piece]:
    if level := _HEADINGS.get(element.name):
        yield Piece("heading", _joined([element]).replace("\n", " "), level)
    elif element.name == "pre":
        yield Piece("code", element.get_text())
    elif element.name == "table" and not element.find("table"):
        yield from _table(element)
    elif element.name in ("ul", "ol") and not element.find(["pre", "table", *_HEADINGS]):
        yield Piece("list", "\n".join(_list(element, "")))
    else:
        yield from _pieces(element)


def _table(element: Any) -> Iterator[Piece]:
    """One row per line, its cells between bars."""
    if element.caption:
        yield Piece("paragraph", _joined([element.caption.extract()]))
    rows = [
        [_joined([cell]).replace("\n", " ") for cell in row.find_all(["td", "th"])] for row in element.find_all("tr")
    ]
    if rows := [row for row in rows if any(row)]:
        yield Piece("table", "\n".join(" | ".join(row) for row in rows))
    else:
        yield from (Piece("paragraph", text) for text in [_joined([element])] if text)


def _list(element: Any, indent: str) -> Iterator[str]:
    number = int(element.get("start", "1")) if str(element.get("start", "1")).isdecimal() else 1
    for child in element.children:
        if child.name in ("ul", "ol"):  # a list straight in a list, as careless pages have it
            yield from _list(child, indent + "  ")
        elif child.name is None or child.name != "li":
            yield from (indent + text for text in [_joined([child])] if text)
        else:
            inner = child.find_all(["ul", "ol"], recursive=False)
            nested = [one.extract() for one in inner]
            mark = f"{number}." if element.name == "ol" else "-"
            yield f"{indent}{mark} {_joined([child])}".rstrip()
            for one in nested:
                yield from _list(one, indent + "  ")
            number += 1


def _joined(nodes: list[Any]) -> str:
    """Return the text of inline nodes on one line, with the breaks that they ask for."""
    return "\n".join(line for line in (_words(line) for line in "".join(map(_said, nodes)).split("\0")) if line)


def _said(node: Any) -> str:
    if node.name is None:
        return str(node)
    if node.name == "br":
        return "\0"
    if node.name == "img":
        return str(node.get("alt") or "")
    text = "".join(map(_said, node.children))
    if node.name == "sup" and _POWER.fullmatch(text):  # 10 to the power of 6 is not 106
        return f"^{text}"
    return f" {text} " if node.name in _BLOCKS else text


def _words(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" ")
