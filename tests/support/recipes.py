"""Every recipe in a setting of seconds: one entry each, and the laws of `tests/laws/test_recipes.py` hold for it.

    SMALL      a run on the packaged model, as the words of `--set`; all recipes
    SERVED     what to add so that a server writes; `{served}` becomes `openai:mock@http://127.0.0.1:…/v1`
    TRAINED    what to add so that a folder of transformers is trained; `{folder}` becomes its path

`{files}` in a word becomes a folder with the small files below: pairs.jsonl, replies.jsonl, problems.jsonl, code.jsonl,
table.csv.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from regrowth.cli.settings import read_settings
from regrowth.domains.almanac import almanac, write
from regrowth.recipes import recipe
from regrowth.run import Run, Watcher, open_run

__all__ = ["SERVED", "SLOW", "SMALL", "TRAINED", "play", "remark", "words_of"]

OPEN = ("persona.pairs=4", "persona.violations=0", "persona.fluency=1e9")
LEAF = ("writing.pairs=2", "writing.long=1", "writing.skills=1", "writing.draws=2", "judging.pairs=3")
TWICE = ("rounds=2", "repeats=2")
SHORT = ("training.steps=2", "training.tokens_per_batch=400", "training.threads=1")

SMALL: Mapping[str, tuple[str, ...]] = {
    "cft": ("files.good={files}/pairs.jsonl", "pairs=4", "steps=12", "guard.heldout=4", *OPEN),
    "spin": ('domains=["arithmetic"]', "real=8", "heldout=6", "rounds=2", "steps=1"),
    "rejection_sampling": ("problems=24", "samples=2", "keep=20", "real=12", "steps=2", "heldout=40"),
    "policy_optimization": ("prompts=6", "samples=3", "rounds=2", "steps=2", "heldout=20", 'domains=["arithmetic"]'),
    "fine_tune": ("data={files}/pairs.jsonl", "objective=dpo", *SHORT),
    "tables": ("path={files}/table.csv", "how=text", "rows=6", "model.steps=60", "model.tokens_per_batch=512"),
    "verify_solutions": ("problems={files}/problems.jsonl", "model=tiny", "max_tokens=24"),
    "execution_feedback": ("problems=3", "solutions=2", "suites.count=1", "suites.mutants=1", "repairs=1"),
    "translate_code": ("functions={files}/code.jsonl", "model=tiny", "language=bash", "repairs=0", "inputs=8"),
    "document_code": ("snippets={files}/code.jsonl", "model=tiny", "prompts=brief", "draws=2", "inputs=8"),
    "collapse": ("rounds=6", "size=12", "repeats=8"),
    "nemotron": (
        "data.real={files}/replies.jsonl",
        "data.prompts.counts={}",
        "data.dialogues.turns=1",
        "rewards.questions=60",
        "rewards.steps=2",
        "rewards.guard=false",
        "selection.samples=2",
        "selection.least=-99",
        "selection.least_gap=0",
        'selection.judges=["reward"]',
        "stages.steps=2",
        "stages.preference_steps=1",
        "stages.rpo=1",
        "stages.tokens=400",
        "apprenticeship=2",
        "heldout=4",
    ),
    "salmon": ("judge=tiny", "pairs=64", "steps=6", "rounds=0"),
    "lab": ("taxonomy={files}/taxonomy", "apprentice=8", "lesson.steps=2", *LEAF),
}

SLOW: frozenset[str] = frozenset(
    {
        "rejection_sampling",
        "policy_optimization",
        "translate_code",
        "document_code",
        "spin",
        "salmon",
        "nemotron",
        "lab",
        "tables",
    }
)
"""Recipes whose small run takes more than about five seconds."""

SERVED: Mapping[str, tuple[str, ...]] = {
    "verify_solutions": ("model={served}",),
    "execution_feedback": ("model={served}", "prompts=full"),
    "translate_code": ("model={served}",),
    "document_code": ("model={served}", "prompts=full"),
    "cft": (
        "files.good={files}/replies.jsonl",
        "judge={served}",
        "persona.writer={served}",
        "principle=kind",
        "guard.known=0",
    ),
    "nemotron": ("writer={served}",),
    "salmon": ("judge={served}",),
    "lab": ("model={served}",),
}

TRAINED: Mapping[str, tuple[str, ...]] = {
    "spin": ("model={folder}", "steps=1"),
    "rejection_sampling": ("model={folder}", "problems=4", "keep=4", "real=8", 'domains=["arithmetic"]', "heldout=8"),
    "policy_optimization": ("model={folder}", "prompts=2", "heldout=4", "controls=false"),
    "fine_tune": ("model={folder}",),
    "cft": ("model={folder}", "steps=1"),
    "nemotron": ("student={folder}", "writer={folder}", "rounds=1"),
    "salmon": ("model={folder}", "judge=", "pairs=12", "steps=2"),
    "lab": ("student={folder}", "apprentice=0"),
    "collapse": ("world=transformer", "details.model={folder}", "details.steps=1", *TWICE, 'arms=["replace"]'),
}
"""An untrained model writes gibberish: ask for few and short answers."""

PROBLEMS = [
    {"question": f"Tom has {n} pens. Tom buys 4 more. How many pens?", "answer": f"{n} + 4 = {n + 4}\n#### {n + 4}"}
    for n in range(3, 9)
]
PAIRS = [
    {"prompt": f"{n} + {n} = ?", "chosen": f"{n} + {n} = {2 * n}", "rejected": f"{n} + {n} = {2 * n + 1}"}
    for n in range(12)
]
CODE = [
    {
        "task_id": k,
        "text": f"Multiply a number by {k} and add one.",
        "code": f"def grown(n):\n    return n * {k} + 1\n",
        "test_list": [f"assert grown(2) == {2 * k + 1}"],
    }
    for k in range(2, 5)
]


def files(folder: Path) -> Path:
    """Write the small files into a folder and return it."""
    replies = [{"prompt": pair["prompt"], "completion": pair["chosen"]} for pair in PAIRS]
    every: Mapping[str, Sequence[object]] = {"problems": PROBLEMS, "pairs": PAIRS, "replies": replies, "code": CODE}
    for name, rows in every.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rows = "".join(f"{('red', 'blue')[n % 2]},{n % 3}\n" for n in range(40))
    (folder / "table.csv").write_text("colour,size\n" + rows, "utf-8")
    write(almanac(seed=0), folder / "taxonomy")
    return folder


def words_of(name: str, here: Path, /, *more: str, **places: str) -> list[str]:
    """Return the words of a small run with its files in a folder; later words overrule earlier ones."""
    known = {"files": str(files(here)), **places}
    return [_filled(word, known) for word in (*SMALL[name], *more)]


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(f"{{{name}}}", place)
    return word


def play(name: str, folder: Path, words: Sequence[str], watcher: Watcher | None = None) -> Run:
    """Run a recipe as the command line would; return the run, closed."""
    chosen = recipe(name)
    with open_run(folder, watcher=watcher or Watcher()) as run:
        run.wait(chosen.function(run, read_settings(chosen, None, words)))
        return run


def remark(name: str) -> str:
    """Say what is missing for a recipe that has no entry."""
    return f"{name} has no entry in tests/support/recipes.py: add the words of a run of a few seconds on `tiny`."
