"""Whether models that learn from their own writing lose what people wrote: signs, and an alarm over rounds."""

from regrowth.metrics.collapse.look import Alarm, Look
from regrowth.metrics.collapse.monitor import Monitor
from regrowth.metrics.collapse.ngram import NGram, Vocabulary
from regrowth.metrics.collapse.readings import collapse, nll_readings

__all__ = ["Alarm", "Look", "Monitor", "NGram", "Vocabulary", "collapse", "nll_readings"]
