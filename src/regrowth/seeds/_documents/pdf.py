"""PDF into pieces, page by page: paragraphs where the file leaves a line empty, without text that it draws invisibly.

A scanned page often has its text a second time, invisible, from a program that read the picture. Such a page, which
shows next to no text itself, keeps it, and the document says so in its `taint`.
"""

import io
import re
from collections import Counter
from typing import Any

from regrowth.core.errors import DataError
from regrowth.extras import library
from regrowth.seeds._documents.html import Shown
from regrowth.seeds._documents.pieces import Piece

__all__ = ["read_pdf"]

_SHOWS = {b"Tj", b"TJ", b"'", b'"'}
_INVISIBLE = (3, 7)
"""Text rendering modes that paint nothing."""
_SCANNED = 0.2
"""A page whose visible text is at most this share of its invisible text is a picture with its text behind it."""
_HYPHEN = re.compile(r"(\w+)-\n(\w+)")


def read_pdf(content: bytes) -> Shown:
    """Return the title and the pieces of a PDF, one or more for each page, and how much of it was hidden.

    Raises:
        MissingExtra: pypdf is not installed.
        DataError: it is encrypted, broken, or holds no text.
    """
    pypdf = library("pypdf", "Reading PDF", extra="documents")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError("is encrypted, expected a PDF that opens without a password. Save it without one.")
        taint = Counter[str]()
        pages = [_page(pypdf, reader, page, taint) for page in reader.pages]
        title = str((reader.metadata or {}).get("/Title") or "")
    except DataError:
        raise
    except pypdf.errors.DependencyError as error:
        raise DataError(f"is encrypted in a way that takes one more library: {error}.") from error
    except Exception as error:  # whatever pypdf trips over in a broken or hostile file
        raise DataError(f"cannot be read as PDF ({type(error).__name__}: {error}). Is it whole?") from error
    if not any(page.strip() for page in pages):
        raise DataError(
            f"holds no text on its {len(pages)} pages, only pictures perhaps. "
            "Run a program that recognises text over it first, for instance ocrmypdf."
        )
    return Shown(title, [Piece("paragraph", text) for text in _paragraphs(pages)], taint)


def _page(pypdf: Any, reader: Any, page: Any, taint: Counter[str]) -> str:
    """Return the text of a page that it paints."""
    everything = str(page.extract_text())
    if not _without_invisible(pypdf, reader, page):
        return everything
    shown = str(page.extract_text())
    hidden = max(0, len(everything.split()) - len(shown.split()))
    if len(shown.split()) <= _SCANNED * hidden:
        taint["page with its text behind a picture"] += 1
        return everything
    taint["invisible text"] += bool(hidden)
    return shown


def _without_invisible(pypdf: Any, reader: Any, page: Any) -> bool:
    """Take the operations that paint nothing out of a page, in memory; tell whether there were any."""
    contents = page.get_contents()
    if contents is None:
        return False
    stream = pypdf.generic.ContentStream(contents, reader)
    mode, modes, kept = 0, list[int](), []
    for operands, operator in stream.operations:
        if operator == b"q":
            modes.append(mode)
        elif operator == b"Q" and modes:
            mode = modes.pop()
        elif operator == b"Tr" and operands:
            mode = int(operands[0])
        if operator not in _SHOWS or mode not in _INVISIBLE:
            kept.append((operands, operator))
    if len(kept) == len(stream.operations):
        return False
    stream.operations = kept
    page[pypdf.generic.NameObject("/Contents")] = stream
    return True


def _paragraphs(pages: list[str]) -> list[str]:
    """Part pages at empty lines; join a word that a line's end cut, if the document has it whole elsewhere."""
    known = {word.lower() for page in pages for word in re.findall(r"\w+", page)}

    def joined(found: re.Match[str]) -> str:
        whole = found[1] + found[2]
        return whole if whole.lower() in known else f"{found[1]}-{found[2]}"

    texts = [_HYPHEN.sub(joined, page.replace("\r", "")) for page in pages]
    parts = [part for text in texts for part in re.split(r"\n[ \t]*\n", text)]
    return ["\n".join(line.strip() for line in part.splitlines()).strip() for part in parts if part.strip()]
