"""The generation side of `nemotron` on the packaged model: yields, refinement, topics, constraints; three seeds.

    python -m benchmarks.nemotron_prompts          # writes benchmarks/results/nemotron_prompts.json, prints the tables
    python -m benchmarks.nemotron_prompts table    # prints the tables of what was written

Per seed: the packaged model learns the brief roles (`lessons.py`), writes topics, prompts, refinements and dialogues,
and answers. Controls: the same prompts asked for without topics; the prompts before refinement. What was done is
remembered, so a run that was stopped goes on. Intervals: Student's t over the seeds (n = 3), so they are wide.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean as mean_of_some
from typing import Any

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Message, Messages, Record, digest
from regrowth.domains import manners
from regrowth.metrics.intervals import across_seeds
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.constraints import of
from regrowth.recipes._nemotron.dialogues import DialogueSettings, dialogues
from regrowth.recipes._nemotron.lessons import ANYTHING, COUNTS, POOLS, apprenticed, documents
from regrowth.recipes._nemotron.prompts import PromptSettings, prompts
from regrowth.recipes._nemotron.refinement import RefinementSettings, pairs, refined
from regrowth.recipes._nemotron.solving import AGAIN, constraints_in, solved
from regrowth.recipes._nemotron.topics import TopicSettings, topics
from regrowth.run import Run, open_run

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "nemotron_prompts.json"
SEEDS = (0, 1, 2)
STEPS = 400
EACH = 6
"""Topics per area."""
PER_KIND = 30
REPEATED = ("open_qa", "maths", "code")
"""Kinds whose prompts are asked for once more, without topics."""
CHANCE = "greedy, not told"
"""The control: replies to the same prompts without the constraint."""
MODES = {"greedy": Sampling(temperature=0.0, max_tokens=64), "T=1": Sampling(temperature=1.0, max_tokens=64)}


async def figures_of(run: Run, seed: int) -> dict[str, Any]:
    """Play the whole generation side with one seed; return what was measured."""
    base = run.model("tiny")
    writer = await apprenticed(run, base, seed=seed, steps=STEPS)
    about = await topics(run, writer, TopicSettings(each=EACH, seed=seed))
    counts = dict.fromkeys(COUNTS, PER_KIND)
    asks = PromptSettings(counts=counts, seed=seed)
    written = await prompts(run, writer, about, asks, documents(PER_KIND, seed=seed), solved)
    free = await _without_topics(run, writer, asks)
    both = pairs(await refined(run, writer, written, RefinementSettings(seed=seed), solved))
    chosen = [one for one in written if one["kind"] in ("maths", "code", "open_qa")][:60]
    played = await dialogues(run, writer, chosen, DialogueSettings(seed=seed), solved)
    whole = ("apprentice", "topics", "macro-topics", "prompts", "refined")
    stages = [one for one in run.datasets() if one.path.name not in whole]
    return {
        "digest": base.digest,
        "yields": {one.path.name: _yield(one) for one in stages},
        "wanted": {"topics": EACH * len(POOLS), "prompts": PER_KIND * len(counts)},
        "kinds": dict(Counter(one["kind"] for one in written)),
        "kept": {"topics": len(about), "prompts": len(written), "dialogues": len(played), "refined": len(both)},
        "asks the same": sum(before.target == after.target for before, after in both),
        "refinement": await _refinement(run, both, {"base": base, "writer": writer}),
        "topics": _diversity(written, free),
        "constraints": await _following(run, [one for one in written if of(one)], writer),
        "dialogues": {"right": fmean(_right(one) for one in played), "n": len(played)},
    }


async def _without_topics(run: Run, writer: RememberedModel, asks: PromptSettings) -> list[Record]:
    """Ask for as many prompts, with the same gates, about anything."""
    one_each = [Record.of(ANYTHING, topic=ANYTHING, macro="", field=field) for field in ("general", "maths", "code")]
    settings = asks.model_copy(update={"counts": dict.fromkeys(REPEATED, PER_KIND), "on_topic": 0.0})
    path = WORK / f"{run.folder.name}-free"
    with open_run(path) as other:
        model = RememberedModel(writer.backend, other.store, "writer")
        return list(await prompts(other, model, one_each, settings, None, solved))


def _yield(data: Dataset) -> dict[str, Any]:
    refused = Counter(entry.gate for entry in data.ledger())
    return {"accepted": len(data), "refused": dict(refused.most_common())}


def _right(record: Record) -> bool:
    return manners.is_right(record)


def fmean(values: Iterable[float]) -> float:
    """Return the mean; of nothing, 0."""
    some = list(values)
    return mean_of_some(some) if some else 0.0


def distinct(texts: Iterable[str], n: int) -> float:
    """Return the share of different runs of n words among all of them."""
    runs = [tuple(words[at : at + n]) for text in texts for words in [text.split()] for at in range(len(words) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0


def likeness(texts: Sequence[str]) -> float:
    """Return the mean over all pairs of the share of common words."""
    sets = [set(text.casefold().split()) for text in texts]
    gaps = [len(a & b) / len(a | b) for place, a in enumerate(sets) for b in sets[:place]]
    return fmean(gaps)


async def _refinement(
    run: Run, both: Sequence[tuple[Record, Record]], models: Mapping[str, Model]
) -> dict[str, dict[str, float]]:
    """Compare prompts with their refinements: length, variety, and how often they are answered rightly."""
    found: dict[str, dict[str, float]] = {}
    for side, some in (("before", [one for one, _ in both]), ("after", [one for _, one in both])):
        texts = [one.prompt for one in some]
        found[side] = {
            "words": fmean(len(text.split()) for text in texts),
            "distinct-1": distinct(texts, 1),
            "distinct-2": distinct(texts, 2),
            "likeness": likeness(texts),
            "constraint": fmean(bool(constraints_in(text)) for text in texts),
        }
        for name, model in models.items():
            marks = await run.aeach(some, lambda one, model=model: _solves(model, one), name=f"{name}, {side}")
            found[side][f"right, {name}"] = fmean(marks)
    return found


async def _solves(model: Model, one: Record) -> float:
    """Return whether a reply's last line ends on the right answer, whatever its manner."""
    reply = await model.ask(one.messages, MODES["greedy"], seed=0)
    plain = manners.answer_of(reply) or reply.strip().splitlines()[-1:][0:1]
    answered = one.derive(response=reply)
    return float(manners.is_right(answered) or plain == manners.answer_of(one.target) or reply.strip() == one.target)


def _diversity(written: Iterable[Record], free: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Compare as many prompts of the same kinds with and without topics."""
    found: dict[str, dict[str, float]] = {}
    by_kind = {kind: [one.prompt for one in written if one["kind"] == kind] for kind in REPEATED}
    loose = {kind: [one.prompt for one in free if one["kind"] == kind] for kind in REPEATED}
    sizes = {kind: min(len(by_kind[kind]), len(loose[kind])) for kind in REPEATED}
    for arm, texts in (("with", by_kind), ("without", loose)):
        some = [text for kind in REPEATED for text in sorted(texts[kind], key=digest)[: sizes[kind]]]
        found[arm] = {
            "n": float(len(some)),
            "distinct-1": distinct(some, 1),
            "distinct-2": distinct(some, 2),
            "likeness": likeness(some),
        }
    return found


async def _following(run: Run, asked: Sequence[Record], writer: Model) -> dict[str, Any]:
    """Count how often the writer obeys the constraint of a prompt, and how often it is right as well.

    The control is its reply to the same prompt without the constraint, judged by the constraint.
    """

    async def answer(one: Record, mode: str) -> tuple[str, bool, bool]:
        asks = _unbound(one) if mode == CHANCE else one.messages
        reply = await writer.ask(asks, MODES.get(mode, MODES["greedy"]), seed=one.seed("following", mode))
        constraint = of(one)
        assert constraint is not None
        return constraint.kind, constraint.check(reply) is None, _right(one.derive(response=reply))

    found: dict[str, Any] = {}
    for mode in (*MODES, CHANCE):
        marks = await run.aeach(asked, lambda one, mode=mode: answer(one, mode), name=f"following, {mode}")
        kinds = sorted({kind for kind, _, _ in marks})
        found[mode] = {
            "n": len(marks),
            "obeyed": fmean(kept for _, kept, _ in marks),
            "right": fmean(right for _, _, right in marks),
            "both": fmean(kept and right for _, kept, right in marks),
            "by kind": {kind: [kept for one, kept, _ in marks if one == kind] for kind in kinds},
        }
    return found


def _unbound(one: Record) -> Messages:
    """Return a conversation without the constraint of its last turn."""
    return (*one.messages[:-1], Message("user", one["task"] if one["kind"] == "instruction" else AGAIN))


# The tables -----------------------------------------------------------------------------------------------------------


def told(estimate: Estimate, scale: float = 1.0, digits: int = 2) -> str:
    """Write an estimate with its interval."""
    low, value, high = (f"{scale * one:.{digits}f}" for one in (estimate.low, estimate.value, estimate.high))
    return f"{value} [{low}, {high}]"


def table(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what was measured."""
    seeds = list(found.values())
    print("| stage | accepted | refused, by gate |\n|---|---|---|")
    for name in dict.fromkeys(name for one in seeds for name in one["yields"]):
        some = [one["yields"][name] for one in seeds if name in one["yields"]]
        refused: Counter[str] = Counter()
        for one in some:
            refused.update(one["refused"])
        why = ", ".join(f"{gate} {count:,}" for gate, count in refused.most_common()) or "none"
        print(f"| {name} | {sum(one['accepted'] for one in some):,} | {why} |")
    _compared(seeds, "refinement", ("before", "after"))
    _compared(seeds, "topics", ("without", "with"))
    print("\n| constraints | obeyed | right | both |\n|---|---|---|---|")
    for mode in (*MODES, CHANCE):
        some = [one["constraints"][mode] for one in seeds]
        cells = [told(across_seeds([one[name] for one in some]), 100, 1) for name in ("obeyed", "right", "both")]
        print(f"| {mode} | {' | '.join(cells)} |")
    pooled: dict[str, list[bool]] = {}
    for one in seeds:
        for kind, marks in one["constraints"]["greedy"]["by kind"].items():
            pooled.setdefault(kind, []).extend(marks)
    print("\nby kind, greedy, pooled:", ", ".join(f"{kind} {fmean(m):.0%} of {len(m)}" for kind, m in pooled.items()))
    same, made = (
        sum(some) for some in zip(*((one["asks the same"], one["kept"]["refined"]) for one in seeds), strict=True)
    )
    print(f"refinements with the answer of before: {same} of {made}")
    rights = [one["dialogues"]["right"] for one in seeds]
    print(f"dialogues, last answer right: {told(across_seeds(rights), 100, 1)}")


def _compared(seeds: Sequence[Mapping[str, Any]], name: str, arms: tuple[str, str]) -> None:
    print(f"\n| {name} | {arms[0]} | {arms[1]} | difference |\n|---|---|---|---|")
    for measure in seeds[0][name][arms[0]]:
        sides = [[one[name][arm][measure] for one in seeds] for arm in arms]
        gaps = [last - first for first, last in zip(*sides, strict=True)]
        print(f"| {measure} | {' | '.join(told(across_seeds(some)) for some in (*sides, gaps))} |")


def main() -> None:
    """Run all seeds, write the figures and print the tables."""
    if sys.argv[1:] == ["table"]:
        table(json.loads(RESULTS.read_text("utf-8")))
        return
    found: dict[str, Any] = {}
    for seed in SEEDS:
        start = time.process_time()
        with open_run(WORK / f"nemotron-prompts-{seed}") as run:
            found[str(seed)] = run.wait(figures_of(run, seed))
        print(f"seed {seed}: {time.process_time() - start:.0f} CPU seconds", file=sys.stderr, flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if len(found) > 1:
        table(found)


if __name__ == "__main__":
    main()
