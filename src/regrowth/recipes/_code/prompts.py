"""The prompts of the recipes that work with code: `prompts/full/` for large models, `prompts/brief/` for small ones.

asked("brief", "tests", problem="Write f(x). x is a number. Add 3.")     # "Write tests.\\nWrite f(x). …"
"""

from typing import Literal, TypeAlias

from regrowth.core.protocols import Sampling
from regrowth.gates.prompt_files import load

__all__ = ["SAMPLING", "Style", "asked"]

Style: TypeAlias = Literal["full", "brief"]
"""`full` explains everything; `brief` is a line, for a model that was trained on just these lines."""

SAMPLING: dict[Style, Sampling] = {
    "full": Sampling(temperature=1.0, max_tokens=2048),
    "brief": Sampling(temperature=1.0, max_tokens=96),
}
"""How programs and tests are drawn: the model as it is, for a lower temperature makes the same mistake twice."""


def asked(style: Style, name: str, **values: str) -> str:
    """Return a prompt with those of the values that it takes."""
    prompt = load(f"{style}/{name}", "regrowth.recipes")
    return prompt.render(**{key: value for key, value in values.items() if key in prompt.variables})
