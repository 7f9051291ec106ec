"""Document code: documentation is kept if code written from it alone behaves like the original.

Source: the back-translation of Llama 3.1 (2024, arXiv:2407.21783, section 4.3.1). Departs from it in two points: what
decides is execution on sampled inputs, not the model's opinion of its own work; and documentation that holds the code
is refused, for from a copy anybody can write it again.

One snippet on its way:
    code             "def area(r):\\n    return 3.1415 * r * r"
    documentation    "Takes a radius and returns the area of its circle, with 3.1415 for pi."
    written from it  four programs, by a model that sees nothing else; three behave like the original
    kept             code → documentation and documentation → code, with the score faithful = 0.75
"""

import ast
from functools import partial
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from regrowth.core.dataset import Dataset
from regrowth.core.flow import Budget
from regrowth.core.protocols import Executor, Model
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.domains.code.benchmarks import read_benchmark
from regrowth.domains.code.extract import extracted
from regrowth.recipes._code.copying import copied
from regrowth.recipes._code.originals import Original, agreement, difference, failed, observed, proven
from regrowth.recipes._code.prompts import SAMPLING, Style, asked
from regrowth.run import Run

__all__ = ["Settings", "bare", "document", "document_code", "request", "request_code", "written_again"]


class Settings(Frozen):
    """Say which snippets, which model, and what counts as faithful."""

    snippets: Path
    """File of Python functions: HumanEval or MBPP as published, or rows with `code`, perhaps `function` and `tests`."""
    model: str
    """Who documents, and who writes code from the documentation."""
    prompts: Style = "full"
    """`brief` is what the packaged model was trained on."""
    draws: PositiveInt = 4
    """Programs written from each documentation."""
    agreeing: PositiveInt = 1
    """How many of them must behave like the original."""
    inputs: PositiveInt = 32
    """Inputs on which both are compared."""
    copied: float = Field(default=0.25, gt=0, le=1)
    """Share of the code from which on a text that repeats it is a copy."""
    rows: Literal["both", "documentation", "code"] = "both"
    """What a kept snippet gives: code → documentation, documentation → code, or both."""
    errors: bool = False
    """Whether a program has to fail where the original raises an error; else such inputs are left out."""
    count: PositiveInt | None = None
    """Records wanted; nothing documents every snippet once."""
    tokens: PositiveInt | None = None
    """Budget of tokens."""

    @model_validator(mode="after")
    def _enough_draws(self) -> Self:
        if self.agreeing > self.draws:
            raise ValueError(f"agreeing = {self.agreeing}, but only {self.draws} draws are made")
        return self


async def document_code(run: Run, settings: Settings) -> Dataset:
    """Return the documentation from which the code could be written again, and the code with it.

    Raises:
        DataError: the file cannot be read.
        NoIsolation: nothing here can isolate code.
    """
    return await run.agrow(
        list(read_benchmark(settings.snippets)),
        partial(document, settings=settings),
        run.model(settings.model),
        run.sandbox,
        name="documented",
        gates=[proven],
        count=settings.count,
        budget=Budget(tokens=settings.tokens),
    )


async def document(snippet: Record, model: Model, executor: Executor, *, settings: Settings) -> list[Record]:
    """Have a snippet documented, and written again from that alone; what failed says at what and why.

    Raises:
        Rejected: the snippet's behaviour cannot be told from sampled inputs.
    """
    original = await observed(executor, snippet, settings.inputs, code=bare(snippet.target), errors=settings.errors)
    wanted = request(original, settings.prompts)
    reply = await model.generate(wanted, SAMPLING[settings.prompts], seed=snippet.seed("document"))
    text = reply.text.strip()
    row = snippet.derive(prompt=wanted, response=text, attributes={"row": "documentation"})
    if reply.finish == "length" or not text:
        return [failed(row, "whole", "the documentation was cut" if text else "the documentation is empty")]
    row = row.scored(copied=(share := copied(text, original.code)))
    if share >= settings.copied:
        return [failed(row, "copied", f"{share:.0%} of the code stands in it, at most {settings.copied:.0%}")]
    return await written_again(row, original, model, executor, settings)


async def written_again(
    row: Record, original: Original, model: Model, executor: Executor, settings: Settings
) -> list[Record]:
    """Have a function written from its documentation, the record's response, and compare it with the original."""
    wanted = request_code(row.response, original, settings.prompts)
    seeds = [row.seed("write", index) for index in range(settings.draws)]
    drawn = await model.samples(wanted, SAMPLING[settings.prompts], seeds=seeds)
    codes = [extracted(one.text, function=original.function).code for one in drawn]
    found = [await agreement(executor, original, code) for code in codes]
    right = sum(one.complete for one in found)
    row = row.scored(
        faithful=right / settings.draws, inputs=float(len(original.inputs)), isolation=float(executor.tier)
    )
    if right < settings.agreeing:
        first = next(difference(original, one.first_difference) for one in found if one.first_difference)
        return [failed(row, "faithful", f"{right} of {settings.draws} programs behave like the original: {first}")]
    code = row.derive(prompt=wanted, response=original.code, attributes={"row": "code"})
    rows = {"documentation": [row], "code": [code], "both": [row, code]}
    return rows[settings.rows]


def request(original: Original, style: Style) -> str:
    """Ask for the documentation of a function."""
    name = "problem" if style == "brief" else "document"
    return asked(style, name, snippet=original.code, code=original.code, function=original.function)


def request_code(documentation: str, original: Original, style: Style) -> str:
    """Ask for a function, telling its documentation and, where the style has room, its first line."""
    name = "solve" if style == "brief" else "code_from_document"
    return asked(style, name, problem=documentation, documentation=documentation, signature=original.head)


def bare(code: str) -> str:
    """Return a program without its docstrings and comments: who documents it shall read the code."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
