"""The prompts of `lab`: in English, in German, and brief ones for a small model that was trained on just these lines.

asked("brief", "question", document="Eva lives in Rome.")      # "Ask about this.\\nEva lives in Rome."
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from regrowth.core.protocols import Sampling
from regrowth.gates.prompt_files import fence, load
from regrowth.seeds.taxonomy import Leaf

__all__ = ["SAMPLING", "Persona", "Voice", "asked", "bounded", "listed", "persona"]

Voice: TypeAlias = Literal["en", "de", "brief"]
Persona: TypeAlias = Literal["precise", "creative"]

SAMPLING: Mapping[Voice, Sampling] = {
    "en": Sampling(temperature=1.0, max_tokens=1024),
    "de": Sampling(temperature=1.0, max_tokens=1024),
    "brief": Sampling(temperature=1.0, max_tokens=80),
}
"""How everything is drawn: the teacher as it is. A list of thirty from one greedy reply repeats itself."""


def asked(voice: Voice, name: str, **values: str) -> str:
    """Return a prompt with those of the values that it takes; what it fences off, it fences by itself."""
    prompt = load(f"lab/{voice}/{name}", "regrowth.recipes")
    known = {**values, "fence": fence(values.values())}
    return prompt.render(**{key: value for key, value in known.items() if key in prompt.variables})


def bounded(voice: Voice, words: int, *, wide: bool = False) -> str:
    """Return the sentence that bounds a length; `wide` asks for a question whose answer is long."""
    return "" if voice == "brief" else asked(voice, "wide" if wide else "at_most", words=str(words))


def listed(texts: Sequence[str], voice: Voice) -> str:
    """Return examples one below the other."""
    return "\n".join(texts) if voice == "brief" else "\n\n".join(f"- {text.strip()}" for text in texts)


def persona(leaf: Leaf, voice: Voice, chosen: Mapping[str, Persona]) -> str:
    """Return how the teacher is to write for a leaf: as was chosen for the longest prefix of its id.

    Nothing chosen: creative for compositional skills without a context, precise for all others.
    """
    if voice == "brief":
        return ""
    fitting = [prefix for prefix in chosen if leaf.id.startswith(prefix)]
    free = leaf.kind == "skill" and not leaf.grounded
    name = chosen[max(fitting, key=len)] if fitting else "creative" if free else "precise"
    return asked(voice, name)
