"""Documents: Markdown, text, HTML and PDF read as what a person sees of them.

    read_document(Path("birds.md"))
        title     "Birds"
        text      "Birds\\n\\nThey fly.\\n\\nname | wing span\\nwren | 14 cm"
        sections  (Section("Birds", 1, 0, 46),)
        blocks    heading, paragraph, table: where each stands in the text
        sha256    of the file: whoever has the hash can tell whether the text is the one that was used
        taint     {"comment": 1}

Headings become sections, tables rows, lists lines; code stays as it is, and link addresses go. Scripts, styles and
navigation are dropped. What a person cannot see (comments, hidden elements, characters without width, text that a PDF
paints invisibly) is taken out and counted in `taint`: it may be meant for a model that reads the document. Not found
are letters in the colour of the paper, and words beyond the page's edge.
"""

import hashlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from regrowth.core.errors import DataError
from regrowth.seeds._documents.html import Shown, read_html
from regrowth.seeds._documents.markdown import read_markdown
from regrowth.seeds._documents.pdf import read_pdf
from regrowth.seeds._documents.pieces import Block, Document, Piece, Section, assembled

__all__ = ["SUFFIXES", "Block", "Document", "Format", "Section", "parse_document", "read_document"]

Format: TypeAlias = Literal["markdown", "text", "html", "pdf"]
SUFFIXES: dict[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".rst": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
}
LARGEST = 50_000_000
"""Bytes of a document; beyond is a mistake more often than a document."""


def read_document(path: Path, *, source: str = "") -> Document:
    """Read a file as a document; `source` is what it shall be called, its name if nothing is given.

    Raises:
        DataError: there is none, its kind is unknown, it is broken, encrypted, or holds no text.
        MissingExtra: a library that its kind needs is not installed.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{path}: unknown kind of document. Its name must end with one of: {', '.join(SUFFIXES)}.")
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: has {path.stat().st_size:,} bytes, expected at most {LARGEST:,}. Part it.")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error
    try:
        return parse_document(content, kind, source=source or path.name, title=path.stem)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def parse_document(content: bytes | str, kind: Format, *, source: str = "", title: str = "") -> Document:
    """Read a document that is in memory; `title` is for one that has none itself.

    Raises:
        DataError: it is not what its kind says, or holds no text.
        MissingExtra: a library that its kind needs is not installed.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        shown = _shown(content, raw, kind)
    except RecursionError:
        raise DataError("is nested too deeply to be read, expected a document that people write.") from None
    made = assembled(
        shown.pieces, title=shown.title, source=source, sha256=hashlib.sha256(raw).hexdigest(), taint=shown.taint
    )
    if not made.text:
        raise DataError("holds no text that a person can see, expected at least a sentence.")
    return made if made.title else replace(made, title=title)


def _shown(content: bytes | str, raw: bytes, kind: Format) -> Shown:
    match kind:
        case "pdf":
            return read_pdf(raw)
        case "html":
            return read_html(content)
        case "markdown":
            return read_markdown(_decoded(content))
        case "text":
            parts = re.split(r"\n[ \t]*\n", _decoded(content).replace("\r\n", "\n"))
            return Shown("", [Piece("paragraph", part) for part in parts], Counter())


def _decoded(content: bytes | str) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x} in line {line}"
        raise DataError(f"is not UTF-8 ({found}). Save it as UTF-8.") from error
