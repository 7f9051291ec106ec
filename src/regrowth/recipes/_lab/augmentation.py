"""Further shapes of a chunk that questions are asked about: a summary, its facts one by one, its telling sentences.

    chunk      "Eva lives in Rome. Eva has 12 coins."
    facts      "Eva lives in Rome.\\nEva has 12 coins."        # each line grounded in the chunk, or refused
    extract    "Eva has 12 coins."                                # copied letter by letter, or refused

A shape only serves to ask about; answers are written from the chunk, and judged against it.
"""

from collections.abc import Sequence

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.protocols import Model
from regrowth.core.record import Record
from regrowth.gates.form import not_empty
from regrowth.gates.grounding import faults
from regrowth.gates.spans import folded
from regrowth.recipes._lab.asking import SAMPLING, Voice, asked
from regrowth.recipes._lab.quotas import Augmentation
from regrowth.run import Run

__all__ = ["augmented", "extractive", "supported"]


async def augmented(
    run: Run, units: Sequence[Record], teacher: Model, shapes: Sequence[Augmentation], voice: Voice
) -> list[Record]:
    """Return the units, and further ones that show a shape of their chunk instead of the chunk.

    Raises:
        SettingsError: a small model that learnt brief prompts only cannot do it.
    """
    if not shapes:
        return list(units)
    if voice == "brief":
        raise SettingsError(
            "augment needs a model that understands the full prompts. Set prompts = 'full', or leave it."
        )
    chunks = [unit for unit in units if unit["kind"] == "knowledge"]

    async def reshaped(unit: Record) -> list[Record]:
        prompts = {shape: asked(voice, shape, document=unit["context"]) for shape in shapes}
        drawn = {
            shape: await teacher.ask(prompt, SAMPLING[voice], seed=unit.seed(shape))
            for shape, prompt in prompts.items()
        }
        return [
            unit.derive(response=text.strip(), attributes={"shape": text.strip(), "shaped": shape})
            for shape, text in drawn.items()
        ]

    made = await run.agrow(chunks, reshaped, name="shapes", gates=[not_empty, supported, extractive])
    return [*units, *(one.derive(response="", parents=one.parents, draw=one.draw) for one in made)]


def supported(record: Record) -> Record:
    """Refuse a summary or a list of facts of which a line says what the chunk does not."""
    if record["shaped"] != "extract":
        for line in filter(str.strip, record.response.splitlines()):
            if found := faults(record["context"], line, window=0):
                raise Rejected("supported", f"{found[0]}, in {line[:80]!r}")
    return record


def extractive(record: Record) -> Record:
    """Refuse an extract of which a line does not stand in the chunk as it is."""
    if record["shaped"] == "extract":
        whole = folded(record["context"])
        for line in filter(str.strip, record.response.splitlines()):
            if folded(line).strip(" .-") not in whole:
                raise Rejected("extractive", f"not in the document: {line[:80]!r}")
    return record
