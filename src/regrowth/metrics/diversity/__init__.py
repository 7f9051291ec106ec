"""How diverse texts or rows are, and how much of the real ones they cover, at equal sizes."""

from regrowth.metrics.diversity.tables import table_diversity
from regrowth.metrics.diversity.texts import diversity

__all__ = ["diversity", "table_diversity"]
