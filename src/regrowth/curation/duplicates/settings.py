"""What counts as nearly the same, and what never does."""

from typing import Literal

from pydantic import Field, PositiveInt

from regrowth.core.settings import Frozen

__all__ = ["Near"]


class Near(Frozen):
    """Say from when on two texts are near duplicates. The defaults were chosen by measurement: `docs/duplicates.md`."""

    alike: float = Field(default=0.6, gt=0, le=1)
    """Jaccard similarity of their shingles from which on two texts count as one."""
    unit: Literal["word", "character"] = "word"
    """What shingles are made of. A character of a script without spaces is a word in any case."""
    width: PositiveInt = 2
    """Units in a shingle that similarity is counted over."""
    reach: PositiveInt = 3
    """Units in a shingle by which candidates are found; longer ones are rarer."""
    short: int = Field(default=24, ge=0)
    """Texts of fewer words are duplicates only if they are equal; a character that is a word is half a one here."""
    numbers: Literal["guarded", "equal", "free"] = "guarded"
    """`equal`: texts whose numbers differ are never near duplicates. `guarded`: nor are they where they are brief; up
    to twice as many words, where numbers are half of what differs; beyond, where half of the numbers differ, two at
    least. `free`: numbers are words like others."""
    brief: int = Field(default=48, ge=0)
    """Words below which `guarded` is `equal`."""
    passage: int = Field(default=8, ge=0)
    """Texts are different if each has a run of so many words of its own, whatever else they share: two questions about
    one document. 0: not asked."""
    keys: PositiveInt = 16
    """Shingles by which a text is looked up."""
    crowd: PositiveInt = 64
    """A key leads to the first so many survivors that hold it: bounds the work where a phrase is everywhere."""

    @property
    def shared(self) -> float:
        """Return the share of its keys that a text must share with another to be compared with it.

        It is somewhat more than half of what two texts have in common that are just alike enough.
        """
        replaced = (1 - self.alike) / (1 + self.alike) / self.width
        return 0.56 * max(0.0, (1 - self.reach * replaced) / (1 + self.reach * replaced))
