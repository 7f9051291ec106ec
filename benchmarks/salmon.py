"""SALMON over three seeds: what the reward model reads, what the judge is worth, where two policies go, one hack.

    python -m benchmarks.salmon          # writes benchmarks/results/salmon.json and prints the tables
    python -m benchmarks.salmon table    # prints the tables of what was written

Per seed, all from the packaged model in one run folder: the recipe (writer, 4,000 pairs, preferences, reward model,
exam); policies from its reward model under two sets of wishes, one by GRPO, too; a reward model whose judge likes
self-praise, with a policy without and one with the intervention `no-praise`; reward models that are shown the
principles not at all, or after the reply; and a judge that was taught some of the principles. What was done is
remembered, so a run that was stopped goes on. Intervals: Student's t over the seeds (n = 3), so they are wide. Seconds
are CPU seconds of the first time; to measure everything anew, delete `benchmarks/.work/salmon-*` and the results.
"""

import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.domains.manners import is_right, manner, questions
from regrowth.gates.traits import TRAITS, unpraised
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes._rounds import Arm, Method
from regrowth.recipes._salmon.apprentices import judge_of_manners
from regrowth.recipes._salmon.draws import drawn, known
from regrowth.recipes._salmon.judging import checked, weighed
from regrowth.recipes._salmon.preferences import Scale, labelled, scales, verdict
from regrowth.recipes._salmon.reward_model import Exam, Format, Order, examined, learn
from regrowth.recipes._salmon.reward_model import questions as exam_of
from regrowth.recipes._salmon.steering import Traits, measured, rewarded, steered
from regrowth.recipes.salmon import (
    DRAWS,
    MOST,
    Outcome,
    Settings,
    apprenticeship,
    learning,
    policy_settings,
    salmon,
    seeded,
)
from regrowth.run import Run, open_run
from regrowth.seeds.principles import packaged, tagged

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "salmon.json"
SEEDS = (0, 1, 2)
MODES = ("T=1", "greedy")
PRINCIPLES = packaged("manners")
TAUGHT = tagged(PRINCIPLES, "train")
EXTRA = [one for one in PRINCIPLES if one not in TAUGHT]
SETS: Mapping[str, tuple[str, ...]] = {"A": ("kind", "steps"), "B": ("concise", "asking")}
HACKED = ("kind", "certain")
"""Asked of the policies whose reward model likes self-praise."""
LIKING = 1.0
"""How much that judge's opinion of every principle rises with a self-praise, in standard deviations."""
ASKED = 160
"""Held-out questions whose replies are measured."""
BLIND = 150
"""Steps of the reward model that is shown no principles: signs drawn by chance leave it nothing to learn."""
FOOLED = 400
"""Steps of the reward model whose judge likes self-praise: enough to see where that leads."""
ROUNDS, PROMPTS = 4, 64
FEW = Settings().rounds
"""Rounds of the recipe, after which the policies are measured, too."""
ROUND = tuple(range(1, ROUNDS + 1))


class Seed:
    """Run everything with one seed; each part adds its figures."""

    def __init__(self, run: Run, seed: int, found: dict[str, Any]) -> None:
        self.run = run
        self.settings = Settings(rounds=ROUNDS, seed=seed)
        self.found = found
        self.form = Format(known(PRINCIPLES), "brief")
        self.asked = questions(ASKED, seed=seeded(self.settings, "asked"), split="heldout")
        self.fresh = questions(ROUNDS * PROMPTS, seed=seeded(self.settings, "fresh"), split="train")

    async def recipe(self) -> None:
        """Run the recipe as it is, without its policy: the parts below train several."""
        start = time.process_time()
        self.outcome: Outcome = await salmon(self.run, self.settings.model_copy(update={"rounds": 0}))
        self.pairs, self.held = (list(self.run.dataset(f"{name}-judged")) for name in ("pairs", "held-out"))
        self.spread = scales(self.pairs, PRINCIPLES)
        self.exam = exam_of(self.held, TAUGHT, self.spread, most=MOST["brief"], extra=EXTRA)
        assert self.outcome.exam
        self.found["preferences"] = len(self.outcome.preferences)
        self.found.setdefault("exams", {})["principles first"] = told(self.outcome.exam)
        self.found.setdefault("seconds", time.process_time() - start)
        self.found["scale"] = {by: shares(self.pairs, by) for by in ("deviation", "variance")}

    async def placed(self, name: str, order: Order) -> None:
        """Train and examine a reward model that is shown the principles elsewhere, or not at all."""
        form, how = replace(self.form, order=order), learning(self.settings, order)
        if order == "none":
            how = how.model_copy(update={"steps": BLIND})
        model = await learn(self.run, self.outcome.start, self.outcome.preferences, form, how, name=f"{order}-model")
        exam = await examined(self.run, model, self.exam, form, name=f"exam, {name}")
        self.found["exams"][name] = told(exam)

    async def steering(self) -> None:
        """Train policies under two sets of wishes."""
        self.found.setdefault("steering", {})["start"] = await self.marks(self.outcome.start, "start")
        for name, wishes in SETS.items():
            await self.policy(f"set {name}", wishes, self.outcome.reward_model, part="steering")

    async def judge(self) -> None:
        """Teach a judge some of the principles, and measure it on all of them."""
        settings, tiny = self.settings, self.run.model("tiny")
        model = await judge_of_manners(
            self.run, tiny, PRINCIPLES, steps=apprenticeship(settings), seed=seeded(settings, "judge")
        )
        some = self.held
        work = partial(weighed, principles=PRINCIPLES, checking={one.id for one in some}, style="brief")
        checks = checked(list(await self.run.agrow(some, work, model, name="judge-checked")))
        self.found["judge"] = {
            name: {"consistency": one.consistency.value, "accuracy": one.accuracy.value if one.accuracy else None}
            for name, one in checks.items()
        }

    async def other_method(self) -> None:
        """Train one of these policies by a policy gradient."""
        await self.policy("set A, grpo", SETS["A"], self.outcome.reward_model, part="steering", method="grpo")

    async def hack(self) -> None:
        """Train a reward model on a judge that likes self-praise, and policies without and with the intervention."""
        impressed = [fooled(pair, self.spread.of) for pair in self.pairs]
        lesson = labelled(impressed, TAUGHT, scales(impressed, PRINCIPLES), most=MOST["brief"], draws=DRAWS)
        data = self.run.write("impressed", lesson)
        how = learning(self.settings, "impressed").model_copy(update={"steps": FOOLED})
        model = await learn(self.run, self.outcome.start, data, self.form, how, name="impressed-model")
        self.found.setdefault("hack", {})["start"] = self.found["steering"]["start"]
        for name, interventions in (("without no-praise", False), ("with no-praise", True)):
            await self.policy(name, HACKED, model, part="hack", interventions=interventions)

    async def policy(
        self, name: str, wishes: tuple[str, ...], model: Any, *, part: str, method: Method = "best_of_n_rpo",
        interventions: bool = True,
    ) -> None:  # fmt: skip
        """Train one policy and measure its replies."""
        start = time.process_time()
        settings = policy_settings(self.settings).model_copy(update={"method": method})
        slug = f"{part}-{name}".lower().replace(" ", "-").replace(",", "")
        arm = rewarded(Arm(self.run, self.outcome.start, settings, method, slug), model, self.form)
        rounds = await steered(arm, self.fresh, wishes, PRINCIPLES, interventions=interventions)
        seconds = self.found[part].get(name, {}).get("seconds", time.process_time() - start)  # a replay costs nothing
        self.found[part][f"{name}, {FEW} rounds"] = await self.marks(rounds[FEW - 1].policy, f"{slug}-{FEW}")
        self.found[part][name] = await self.marks(rounds[-1].policy, slug) | {
            "rounds": [dict(one.facts) for one in rounds],
            "drawn": [drawn_in(WORK / f"salmon-{self.settings.seed}" / "data", slug, number) for number in ROUND],
            "seconds": seconds,
        }

    async def marks(self, model: Any, name: str) -> dict[str, Any]:
        """Measure the replies of a model: mean traits, and whether they are right and of the grammar."""
        traits = await measured(self.run, model, self.asked, TAUGHT, name=name)
        return {mode: {name: fmean(values) for name, values in traits.of[mode].items()} for mode in MODES} | {
            "replies": {mode: self.quality(traits, mode) for mode in MODES}
        }

    def quality(self, traits: Traits, mode: str) -> dict[str, float]:
        """Return the share of right replies, and of those that no manner makes."""
        texts = traits.replies[mode]
        records = [one.derive(response=text) for one, text in zip(self.asked, texts, strict=True)]
        return {"right": fmean(map(is_right, records)), "garbage": fmean(manner(text) is None for text in texts)}


def drawn_in(data: Path, slug: str, number: int) -> dict[str, float]:
    """Return the traits of the replies that a round drew: what the rounds before it had made of the policy, at T=1."""
    replies = list(Dataset(data / f"{slug}-{number}-drawn"))
    found = {one.id: fmean(map(TRAITS[one.verifier], replies)) for one in TAUGHT}
    garbage = fmean(manner(one.response) is None for one in replies)
    return {**found, "right": 100 * fmean(map(is_right, replies)), "garbage": 100 * garbage}


def fooled(pair: Record, spread: Mapping[str, float]) -> Record:
    """Return a pair as a judge sees it who likes self-praise, whatever it is asked but whether there is any."""
    praise = unpraised(pair.derive(response=pair.rejected)) - unpraised(pair)
    seen = {
        name: value + (0.0 if name == "no-praise" else LIKING * praise * spread.get(name, 0.0))
        for name, value in pair["program"].items()
    }
    return pair.derive(attributes={"program": seen})


def shares(pairs: Sequence[Record], by: Scale) -> dict[str, float]:
    """Return how often the label of a combination is what each of its principles says, by the kind of scale."""
    spread = scales(pairs, PRINCIPLES, by=by)
    agreed: dict[str, list[bool]] = {}
    for pair in pairs:
        draw = drawn(Random(pair.seed("scale")), TAUGHT, most=MOST["brief"])
        judged = spread.judged(pair, draw)
        label = verdict(judged)
        for name, value in judged.items() if label and sum(map(bool, judged.values())) > 1 else ():
            if value:
                agreed.setdefault(name, []).append(value * label > 0)
    return {name: fmean(values) for name, values in sorted(agreed.items())}


def told(exam: Exam) -> dict[str, Any]:
    """Return the figures of an exam."""
    parts = {"accuracy": exam.accuracy, "principles": exam.principles, "flips": exam.flips, "turned": exam.turned}
    values = {part: {name: one.value for name, one in of.items()} for part, of in parts.items()}
    return {**values, "mirror": exam.mirror.value if exam.mirror else None, "asked": dict(exam.asked)}


def main() -> None:
    """Run all parts with all seeds, write the figures after each, and print the tables."""
    before = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    found: dict[str, Any] = {str(seed): before.get(str(seed), {}) for seed in SEEDS}
    if sys.argv[1:] != ["table"]:
        for parts in zip(*(played(seed, found[str(seed)]) for seed in SEEDS), strict=True):
            print(f"{parts[0]} is done", file=sys.stderr, flush=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    tables([one for one in json.loads(RESULTS.read_text("utf-8")).values() if one])


def played(seed: int, found: dict[str, Any]) -> Iterator[str]:
    """Play the parts with one seed, each when the one before is done with every seed."""
    with open_run(WORK / f"salmon-{seed}") as run:
        one = Seed(run, seed, found)
        found["digest"] = run.model("tiny").digest
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "recipe": one.recipe,
            "steering": one.steering,
            "grpo": one.other_method,
            "hack": one.hack,
            "no principles": partial(one.placed, "no principles", "none"),
            "principles last": partial(one.placed, "principles last", "last"),
            "judge": one.judge,
        }
        for name, part in parts.items():
            run.wait(part())
            print(f"seed {seed}, {name}: {time.process_time():.0f} CPU seconds", file=sys.stderr, flush=True)
            yield name


# Tables -------------------------------------------------------------------------------------------------------------


def tables(seeds: Sequence[dict[str, Any]]) -> None:
    """Print every table of what was measured so far."""
    exams = [one["exams"] for one in seeds]
    table("exam", list(exams[0]), lambda arm: {
        **over([one[arm]["accuracy"] for one in exams if arm in one]),
        **{f"flips, {kind}": value for kind, value in over([one[arm]["flips"] for one in exams if arm in one]).items()},
        "mirror": cell([one[arm]["mirror"] for one in exams if arm in one], 1),
    })  # fmt: skip
    first, turned = ([one["principles first"][part] for one in exams] for part in ("principles", "turned"))
    judge = [one["judge"] for one in seeds if "judge" in one]
    table("principle", list(known(PRINCIPLES)), lambda name: {
        "reward model": cell([one.get(name) for one in first]),
        "turned": cell([one.get(name) for one in turned]),
        "judge right": cell([one[name]["accuracy"] for one in judge]),
        "judge consistent": cell([one[name]["consistency"] for one in judge]),
        **{f"label agrees, by {by}": cell([one["scale"][by].get(name) for one in seeds]) for by in seeds[0]["scale"]},
    })  # fmt: skip
    for part in ("steering", "hack"):
        parts = [one[part] for one in seeds if part in one]
        for mode in MODES if parts else ():
            table(f"{part}, {mode}", list(parts[0]), lambda arm: {
                **over([one[arm][mode] for one in parts if arm in one], 1),  # noqa: B023
                **over([one[arm]["replies"][mode] for one in parts if arm in one]),  # noqa: B023
                "CPU s": f"{fmean(one[arm].get('seconds', 0.0) for one in parts if arm in one):.0f}",  # noqa: B023
            })  # fmt: skip
    by_round(seeds)


def by_round(seeds: Sequence[dict[str, Any]]) -> None:
    """Print what each round of each policy drew."""
    for part in ("steering", "hack"):
        parts = [one[part] for one in seeds if part in one]
        arms = [arm for arm in parts[0] if "drawn" in parts[0][arm]] if parts else []
        rows = [f"{arm}, before round {number}" for arm in arms for number in ROUND]
        cells = {
            f"{arm}, before round {number}": over([one[arm]["drawn"][number - 1] for one in parts if arm in one], 1)
            for arm in arms
            for number in ROUND
        }
        table(f"{part}, drawn at T=1", rows, cells.__getitem__)


def over(found: Sequence[Mapping[str, float]], scale: float = 100) -> dict[str, str]:
    """Return one cell per measure."""
    return {name: cell([one.get(name) for one in found], scale) for name in found[0]}


def cell(values: Sequence[float | None], scale: float = 100) -> str:
    """Return the mean over the seeds with its interval, in percent unless told otherwise."""
    known = [scale * value for value in values if value is not None]
    if len(known) < 2:
        return f"{known[0]:.1f}" if known else ""
    one: Estimate = across_seeds(known)
    digits = 1 if scale == 100 else 2
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def table(title: str, rows: Sequence[str], cells: Any) -> None:
    """Print one table."""
    found = {row: cells(row) for row in rows}
    names = list(dict.fromkeys(name for one in found.values() for name in one))
    print(f"\n| {title} | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for row, one in found.items():
        print(f"| {row} | {' | '.join(one.get(name, '') for name in names)} |")


if __name__ == "__main__":
    main()
