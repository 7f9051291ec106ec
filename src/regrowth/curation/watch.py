"""What the models of successive rounds wrote is watched for collapse, without being asked to.

    watch = Watch(real, seed=0)
    watch.look(2, made).alarm          # None, or why no further round should be played

The sums stand in the ledger of the rounds. Too little text to tell anything is no alarm, and is not spoken of.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from regrowth.core.record import Record
from regrowth.texts import words

if TYPE_CHECKING:
    from regrowth.metrics.collapse.monitor import Look, Monitor

__all__ = ["Watch", "written"]


class Watch:
    """Follow the rounds of one game."""

    def __init__(self, real: Iterable[Record], *, false_alarms: float, seed: int = 0) -> None:
        """Take the real records, whose replies the models learn."""
        self.replies = {record.id: record.response for record in real}
        self._false_alarms, self._seed = false_alarms, seed
        self._monitor: Monitor | None = None

    def look(self, number: int, made: Iterable[Record], nll: Sequence[float] | None = None) -> "Look | None":
        """Look at what a round's model wrote; nothing where there are no real replies to hold it against."""
        texts = [reply for reply in self.replies.values() if reply.strip()]
        if not any(map(words, texts)):
            return None
        if self._monitor is None:
            from regrowth.metrics.collapse.monitor import Monitor  # numpy, on first use

            self._monitor = Monitor(texts, false_alarms=self._false_alarms, seed=self._seed)
        return self._monitor.read(written(made, self.replies), number=number, nll=nll)

    def restart(self) -> None:
        """Begin anew to add up: something was changed about the rounds."""
        if self._monitor is not None:
            self._monitor.restart()


def written(made: Iterable[Record], replies: dict[str, str]) -> list[str]:
    """Return the texts that a model wrote: the rejected reply of a pair, and replies that are not the real ones."""
    found = []
    for record in made:
        own = all(replies.get(parent) != record.response for parent in record.parents)
        found += [text for text in (record.response if own else "", record.rejected) if text]
    return found
