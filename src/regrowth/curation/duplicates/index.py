"""An index on disk: each round is compared with all earlier ones, whose records are not read again.

    index = Index(folder)
    found = index.add(records, "round 1")       # an Examination, as of `near_duplicates`
    found = index.add(more, "round 2")          # evidence: twin, kind, similarity, why, and the round of the twin

What earlier rounds kept stays: it was trained on. So the result is that of `near_duplicates` over all rounds, if the
earlier round survives in any case. The index holds survivors only: hashes of their texts, never a text (and their
vectors, where meanings are compared).

    index.json      which rounds there are, and the settings; written last
    0001/ …         a round's survivors (`shelves.py`)
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.record import Record, digest
from regrowth.curation.duplicates.engine import Fallen, compared, read, shelf_of
from regrowth.curation.duplicates.examination import GATE, Text, finding, ranked, said, settings_of
from regrowth.curation.duplicates.semantic import Semantic
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.shelves import findings_at, mapped, saved
from regrowth.curation.duplicates.standing import Judge, Place, standing, why
from regrowth.curation.duplicates.twins import KINDS, told
from regrowth.curation.findings import Examination, Finding

__all__ = ["Index"]

VERSION = 1
MANIFEST = "index.json"
EARLIER = "an earlier round kept it"


class Index:
    """Hold what was kept of earlier rounds. One process adds at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        near: Near | None = Near(),  # noqa: B008
        semantic: Semantic | None = None,
        judge: Judge = standing,
        text: Text = said,
    ) -> None:
        """Open an index, or name the folder of a new one; the arguments are those of `near_duplicates`.

        Raises:
            DataError: what is in the folder cannot be read.
            SettingsError: the index was made with other settings.
        """
        self.folder = folder
        self._near, self._semantic, self._judge, self._text = near, semantic, judge, text
        self._settings = settings_of(near, semantic, judge, text)
        self._rounds = self._read()
        self._kept = [mapped(self._place(number)) for number in range(len(self._rounds))]

    def __len__(self) -> int:
        """Return how many records were kept."""
        return sum(len(one.ids) for one in self._kept)

    @property
    def rounds(self) -> tuple[str, ...]:
        """Return the names of the rounds, in order."""
        return tuple(one["name"] for one in self._rounds)

    def add(self, records: Iterable[Record], name: str) -> Examination:
        """Compare the records of a round with each other and with what is here; keep those that survive.

        The same round again changes nothing and returns what was found the first time.

        Raises:
            SettingsError: a round of this name was added with other records.
            StoreError: the folder cannot be written.
        """
        rows, places = ranked([records], self._judge)
        content = digest("round", sorted(one.id for one in rows))
        if name in self.rounds:
            return self._again(self.rounds.index(name), content)
        fresh = read([self._text(one) for one in rows], self._near or Near(), self._semantic)
        fallen = compared(fresh, [one.shelf for one in self._kept], self._near, self._semantic)
        findings = self._findings(rows, places, fallen, name)
        stay = np.flatnonzero((fallen.row < 0) & (fresh.number >= 0))
        place = self._place(len(self._rounds))
        saved(shelf_of(fresh, fresh.number[stay]), [rows[number].id for number in stay.tolist()], findings, place)
        self._write([*self._rounds, {"name": name, "records": content, "examined": len(rows), "kept": len(stay)}])
        self._kept.append(mapped(place))
        return Examination(GATE, self._settings, len(rows), tuple(findings))

    def without(self, name: str) -> None:
        """Take a round, and all that came after it, out of the index.

        Raises:
            SettingsError: there is no such round.
        """
        if name not in self.rounds:
            raise SettingsError(f"{self.folder}: no round {name!r} (found: {', '.join(self.rounds) or 'none'}).")
        stay, count = self.rounds.index(name), len(self._rounds)
        self._write(self._rounds[:stay])
        del self._kept[stay:]
        for number in range(stay, count):
            rmtree(self._place(number), ignore_errors=True)

    def _findings(self, rows: Sequence[Record], places: Sequence[Place], fallen: Fallen, name: str) -> list[Finding]:
        found, similar = [], told(fallen)
        for number in np.flatnonzero(fallen.row >= 0).tolist():
            shelf, twin = int(fallen.shelf[number]), int(fallen.row[number])
            other, among = (
                (rows[twin].id, name) if shelf < 0 else (self._kept[shelf].ids[twin].decode(), self.rounds[shelf])
            )
            reason = why(places[twin], places[number]) if shelf < 0 else EARLIER
            kind, similarity = KINDS[similar.kind[number]], float(similar.similarity[number])
            one = finding(rows[number], other, kind, similarity, reason, self._near)
            found.append(Finding(one.record, one.reason, {**one.evidence, "round": among}))
        return found

    def _again(self, number: int, content: str) -> Examination:
        known = self._rounds[number]
        if known["records"] != content:
            raise SettingsError(
                f"{self.folder}: round {known['name']!r} was added with other records. Add these under another name, "
                f"or take it and what came after it out: index.without({known['name']!r})."
            )
        return Examination(GATE, self._settings, known["examined"], findings_at(self._place(number)))

    def _place(self, number: int) -> Path:
        return self.folder / f"{number + 1:04}"

    def _read(self) -> list[dict[str, Any]]:
        path = self.folder / MANIFEST
        try:
            manifest = json.loads(path.read_text("utf-8"))
            version, settings, rounds = manifest["version"], manifest["settings"], list(manifest["rounds"])
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: no index of duplicates ({error!r}). Choose another folder.") from error
        if version != VERSION:
            raise DataError(f"{path}: version {version}, expected {VERSION}. Delete the folder, add the rounds anew.")
        if settings != self._settings:
            raise SettingsError(f"{path}: made with {settings}, opened with {self._settings}. Use another folder.")
        return rounds

    def _write(self, rounds: list[dict[str, Any]]) -> None:
        manifest = {"version": VERSION, "settings": self._settings, "rounds": rounds}
        write_text(self.folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        self._rounds = rounds
