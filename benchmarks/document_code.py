"""Documentation that must be good enough to write the code from: a writer of known honesty, then the packaged model.

    REGROWTH_DATA=/path/to/data python -m benchmarks.document_code     # writes benchmarks/results/document_code.json
    python -m benchmarks.document_code tiny 60                         # only what needs no data: the packaged model
    python -m benchmarks.document_code table                           # prints what was measured

Scripted: MBPP's functions (`code/mbpp.jsonl.gz`). The writer copies the code with probability c, else its words are
right with probability f; from right words a program is right with probability q, from wrong ones never: it is a
one-operator mutant of the original. So (1 − c) · f · (1 − (1 − q)^4) of the snippets should be kept; what is kept
beyond that are mutants that no sampled input tells from the original.

Tiny: fresh code tasks. Its own documentation, beside two controls on the same tasks: documentation that it wrote of
another task with the same kind of input, and the task in the words it was made with.
"""

import gzip
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, Record, digest
from regrowth.domains import problems
from regrowth.domains.code.benchmarks import read_benchmark
from regrowth.domains.code.lessons import is_description
from regrowth.domains.code.mutants import mutants
from regrowth.domains.code.steps import value
from regrowth.domains.code.tasks import hidden_inputs, pipeline_of
from regrowth.metrics.intervals import proportion
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._code.copying import copied
from regrowth.recipes._code.originals import observed
from regrowth.recipes.document_code import Settings, bare, document_code, request, written_again
from regrowth.run import Run, open_run

WORK = Path(__file__).parent / ".work" / "document_code"
RESULTS = Path(__file__).parent / "results" / "document_code.json"
COPIES, FAITHFUL, RIGHT, DRAWS = 0.15, 0.7, 0.5, 4
SNIPPETS = 200
TASKS = 120
"""Of the tiny model, a quarter of them of each difficulty."""


# A writer of known honesty ------------------------------------------------------------------------------------------


def chance(*parts: object) -> float:
    """Return a number in [0, 1) that stands for these parts."""
    return int(digest("document_code", *parts)[:12], 16) / 16**12


def script(snippets: Sequence[Record]) -> Any:
    """Return a writer that knows all snippets: its documentation names one and says whether it may be trusted."""
    by_code = {bare(one.target).strip(): number for number, one in enumerate(snippets)}

    def answer(messages: Messages, sampling: Sampling, seed: int) -> str:
        asked = messages[-1].content
        if asked.startswith("Document this"):
            code = asked.split("```python\n")[1].split("\n```")[0]
            number = by_code[code.strip()]
            if chance("copies", number) < COPIES:
                return f"It does what this does.\n{code}"
            said = "faithfully" if chance("faithful", number) < FAITHFUL else "wrongly"
            return f"Snippet number {number}, {said} described."
        number = int(asked.split("Snippet number ")[1].split(",")[0])
        right = "faithfully" in asked and chance("right", number, seed) < RIGHT
        return f"```python\n{snippets[number].target if right else wrong(snippets[number].target, seed)}\n```"

    return answer


def wrong(code: str, seed: int) -> str:
    """Return the code with one operator changed."""
    return Random(seed).choice(mutants(code)).code


def scripted(run: Run) -> dict[str, Any]:
    """Measure what is kept of the work of a writer whose honesty is known."""
    source = Path(os.environ["REGROWTH_DATA"]) / "code" / "mbpp.jsonl.gz"
    snippets = [one for one in read_benchmark(source) if mutants(one.target)][:SNIPPETS]
    path = run.folder / "mbpp.jsonl"
    write_snippets(path, snippets)
    model = RememberedModel(ScriptedBackend(script(snippets), name="honesty"), run.store, "scripted")
    run.model = lambda *_, **__: model  # type: ignore[method-assign]
    data = run.wait(document_code(run, Settings(snippets=path, model="scripted", rows="documentation", draws=DRAWS)))
    refused = [entry.gate for entry in data.ledger()]
    tried = len(data) + sum(gate != "inputs" for gate in refused)
    kept = list(data)
    mutants_kept = sum("wrongly" in record.response for record in kept)
    copies = sum(not record.response.startswith("Snippet number") for record in kept)
    expected = (1 - COPIES) * FAITHFUL * (1 - (1 - RIGHT) ** DRAWS)
    return {
        "snippets": len(snippets),
        "no behaviour": refused.count("inputs"),
        "expected": expected,
        "kept": [len(kept) - mutants_kept - copies, tried],
        "copied": refused.count("copied"),
        "copies made": sum(chance("copies", number) < COPIES for number in range(len(snippets))),
        "copies kept": copies,
        "wrong kept": [mutants_kept, tried - refused.count("copied")],
        "score": sum(record.scores["faithful"] for record in kept) / max(1, len(kept)),
    }


def write_snippets(path: Path, snippets: Sequence[Record]) -> None:
    """Write functions as rows of MBPP."""
    rows = [
        {"task_id": number, "text": one.prompt, "code": one.target, "test_list": list(one["checks"])}
        for number, one in enumerate(snippets)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


# Copies ---------------------------------------------------------------------------------------------------------------


def copies() -> dict[str, Any]:
    """Count what the rule against copies refuses: what people wrote of their functions, and copies in several forms."""
    texts = dict[str, list[tuple[str, str]]]()
    for description, code in described():
        lines = [line.strip() for line in code.splitlines() if line.strip()]
        forms = {
            "what people wrote": description,
            "the code": code,
            "every name changed": re.sub(
                r"[^\W\d]\w*", lambda name: name[0] if iskeyword(name[0]) else f"v_{name[0]}", code
            ),
            "a numbered list": "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)),
            "in backticks": " then ".join(f"`{line}`" for line in lines),
            "the first half": "\n".join(lines[: max(1, len(lines) // 2)]),
        }
        for name, text in forms.items():
            texts.setdefault(name, []).append((text, code))
    limit = Settings.model_fields["copied"].default
    return {name: [sum(copied(*one) >= limit for one in pairs), len(pairs)] for name, pairs in texts.items()}


def described() -> Iterator[tuple[str, str]]:
    """Yield what people wrote of functions, with the functions."""
    for row in rows("mbpp"):
        yield row["text"], row["code"]
    for row in rows("humaneval"):
        text = re.search(r"(\"\"\"|\'\'\')(.*?)\1", row["prompt"], re.DOTALL)
        yield text[2] if text else "", row["canonical_solution"]


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a real file."""
    path = Path(os.environ["REGROWTH_DATA"]) / "code" / f"{name}.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


# The packaged model -------------------------------------------------------------------------------------------------


def task(problem: Record) -> Record:
    """Return a task with its function, and tests that show what it takes."""
    pipeline = pipeline_of(problem)
    checks = [f"assert f({given!r}) == {value(pipeline, given)!r}" for given in hidden_inputs(pipeline)]
    return Record.of(problem.prompt, target=problem.target, function="f", checks=checks, kind=problem["kind"])


def tiny(run: Run, tasks: int) -> dict[str, Any]:
    """Measure how much of the packaged model's documentation survives, beside its controls."""
    drawn = list(problems(["code"], tasks, seed=7, split="heldout"))
    model = run.model("tiny")
    settings = Settings(snippets=run.folder, model="tiny", prompts="brief", draws=DRAWS, rows="documentation", copied=1)

    async def survives(problem: Record, text: str) -> float:
        snippet = task(problem)
        original = await observed(run.sandbox, snippet, settings.inputs, code=bare(snippet.target))
        row = snippet.derive(prompt=request(original, "brief"), response=text)
        (row,) = await written_again(row, original, model, run.sandbox, settings)
        return row.scores["faithful"]

    async def told(problem: Record) -> str:
        original = await observed(run.sandbox, task(problem), settings.inputs, code=bare(problem.target))
        asked = request(original, "brief")
        return (await model.generate(asked, Sampling(temperature=1.0, max_tokens=96), seed=problem.seed("doc"))).text

    async def shares(texts: Sequence[str]) -> list[float]:
        pairs = list(zip(drawn, texts, strict=True))
        return await run.aeach(pairs, lambda pair: survives(*pair), name="writing again")

    own = run.wait(run.aeach(drawn, told, name="documenting"))
    words = [one.prompt for one in drawn]
    written = {"its own": own, "of another task": another(drawn, own), "the task's words": words}
    found = {}
    for name, texts in written.items():
        kept = run.wait(shares(texts))
        rows = zip(drawn, texts, kept, strict=True)
        found[name] = [[one["difficulty"], share, is_description(one, text)] for one, text, share in rows]
    return {"digest": model.digest, "draws": DRAWS, "rows": found}


def another(drawn: Sequence[Record], texts: Sequence[str]) -> list[str]:
    """Return for each task the text of the next one with the same kind of input and the same difficulty."""
    groups: dict[tuple[str, int], list[int]] = {}
    for place, one in enumerate(drawn):
        groups.setdefault((one["kind"], one["difficulty"]), []).append(place)
    following = {place: group[(n + 1) % len(group)] for group in groups.values() for n, place in enumerate(group)}
    return [texts[following[place]] for place in range(len(drawn))]


# What was measured --------------------------------------------------------------------------------------------------


def table(found: dict[str, Any]) -> None:
    """Print what was measured."""
    if "scripted" in found:
        one = found["scripted"]
        kept, wrongly = (proportion(*one[name]) for name in ("kept", "wrong kept"))
        print(f"{one['snippets']} snippets, {one['no behaviour']} left out: their behaviour cannot be sampled.")
        print(f"kept {told(kept)}, expected {one['expected']:.1%}")
        print(f"copies made {one['copies made']}, refused {one['copied']}, kept {one['copies kept']}")
        score = RIGHT / (1 - (1 - RIGHT) ** DRAWS)
        print(f"kept though wrong {told(wrongly)}; mean score {one['score']:.2f}, expected {score:.2f}")
    for name, (refused, count) in found.get("copies", {}).get("refused", {}).items():
        print(f"copies: {name}: {refused} of {count} refused")
    if "tiny" in found:
        print(
            "\n| documentation | right | kept | right, of what is kept | kept, of what is right | kept, by difficulty |"
        )
        print("|---|---|---|---|---|---|")
        for name, rows in found["tiny"]["rows"].items():
            print(f"| {name} | {' | '.join(cells(rows))} |")


def cells(rows: Sequence[tuple[int, float, bool]]) -> Iterator[str]:
    """Yield what a row of the table says: of every text its difficulty, the share that agrees, whether it is right."""
    right, kept = sum(true for *_, true in rows), sum(share > 0 for _, share, _ in rows)
    both = sum(true and share > 0 for _, share, true in rows)
    for some, of in ((right, len(rows)), (kept, len(rows)), (both, kept), (both, right)):
        yield told(proportion(some, of)) if of else "–"
    levels = [[share > 0 for level, share, _ in rows if level == wanted] for wanted in (1, 2, 3, 4)]
    yield ", ".join(f"{sum(shares)}/{len(shares)}" for shares in levels)


def told(estimate: Any) -> str:
    """Return a share with its interval."""
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


def main() -> None:
    """Measure what was asked for, write it down and print it."""
    asked = [word for word in sys.argv[1:] if not word.isdecimal()] or ["scripted", "copies", "tiny"]
    tasks = next((int(word) for word in sys.argv[1:] if word.isdecimal()), TASKS)
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for name in (one for one in asked if one != "table"):
        if name == "copies":
            found[name] = {"refused": copies()}
            continue
        start = time.process_time()
        rmtree(WORK / name, ignore_errors=True)
        with open_run(WORK / name) as run:
            found[name] = tiny(run, tasks) if name == "tiny" else scripted(run)
            found[name] |= {"isolation": run.sandbox.tier, "cpu seconds": round(time.process_time() - start)}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    table(found)


if __name__ == "__main__":
    main()
