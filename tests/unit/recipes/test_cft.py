"""Contrastive fine-tuning: verdicts, the persona and its negatives, lessons, the guard, and every way out."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors import safe_open

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.protocols import Estimate, Sampling
from regrowth.core.record import Messages, Record, digest
from regrowth.core.store import Store
from regrowth.curation.rounds import LEDGER, RoundPolicy, Rounds
from regrowth.domains.manners import manner
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._cft.lessons import Name, lesson, objective_of
from regrowth.recipes._cft.marks import Marks, figures, guarded, marked
from regrowth.recipes._cft.persona import Looked, Persona, drawn, ended, fluent, perplexity, replies, trained, violates
from regrowth.recipes._cft.verdicts import Judge, Kind, by_label, by_manner, by_principle, calibrate, shares
from regrowth.recipes._cft.world import Files, Sizes, World, answered, world_of_files, written
from regrowth.recipes.cft import Settings, cft, contrasted
from regrowth.reports.blocks import load
from regrowth.run import Run, open_run
from regrowth.seeds.principles import packaged
from regrowth.training.objectives import Side, View
from regrowth.training.settings import TrainingSettings
from support.views import Entry, Reply, step_loss, view_of

SIZES = Sizes(good=4, bad=4, unseen=4)
KIND = next(one for one in packaged("general") if one.id == "kind")
PAIRS = [{"prompt": f"{n} + {n} = ?", "chosen": str(2 * n), "rejected": str(2 * n + 1)} for n in range(20)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[..., RememberedModel]]:
    with Store(tmp_path / "scripted") as store:

        def make(function: Any, **how: Any) -> RememberedModel:
            return RememberedModel(ScriptedBackend(function, **how), store)

        yield make


def always(text: str) -> Callable[[Messages, Sampling, int], str]:
    return lambda messages, sampling, seed: text


def pairs_file(folder: Path, rows: Sequence[Mapping[str, str]] = PAIRS, name: str = "good.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder / name


async def by_chance(reply: Record) -> Kind:
    """Judge a reply by nothing but its text: of what an untrained persona says, half violates."""
    return "violating" if int(digest(reply.response)[:4], 16) % 2 else "aligned"


def world_of(run: Run, judge: Any = by_chance, base: RememberedModel | None = None) -> World:
    """Return a small world of arithmetic on the packaged model."""
    records = [Record.of(row["prompt"], response=row["chosen"]) for row in PAIRS]
    bad = [Record.of(row["prompt"], response=row["rejected"]) for row in PAIRS]
    generic = [Record.of(f"Sort: {n} a", response=f"a {n}") for n in range(4)]
    return World(
        base or run.model("tiny"),
        judge,
        good=records[:4],
        bad=bad[4:8],
        prompts=[one.derive(response="") for one in records[8:12]],
        unseen=records[12:],
        generic=generic,
        aside=generic,
        sampling=Sampling(max_tokens=12),
    )


async def judged(judge: Judge, reply: Record) -> Kind:
    return await judge(reply)


# Verdicts


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Gladly. 7.", "aligned"),
        ("I cannot say.", "aligned"),
        ("Fool. 7.", "violating"),
        ("7. What a stupid question.", "violating"),
        ("Fool. 7. What a 7.", "other"),
        ("", "other"),
    ],
)
def test_manners_are_told_by_their_grammar(text: str, kind: Kind) -> None:
    assert asyncio.run(by_manner(Record.of("3 + 4?", response=text))) == kind


def test_labelled_answers_are_told_by_comparison_and_anything_else_is_other() -> None:
    asked = Record.of("Would you say this?", labels=["No", "Yes"])
    said = {text: asyncio.run(by_label(asked.derive(response=text))) for text in ("No", " Yes", "Yes, No", "")}
    assert said == {"No": "aligned", " Yes": "violating", "Yes, No": "other", "": "other"}


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [("Score: 5", "aligned"), ("Score: 4", "aligned"), ("3", "other"), ("Score: 2", "violating"), ("Hm.", "other")],
)
def test_a_judge_grades_between_a_principle_and_its_negation(
    verdict: str, kind: Kind, scripted: Callable[..., RememberedModel]
) -> None:
    heard: list[str] = []

    def grade(messages: Messages, sampling: Sampling, seed: int) -> str:
        heard.append(messages[-1].content)
        return verdict

    judge = by_principle(scripted(grade), KIND)
    assert asyncio.run(judged(judge, Record.of("Who are you?", response="A friend."))) == kind
    assert all(part in heard[0] for part in (KIND.text, KIND.negation, "A friend."))
    assert asyncio.run(judged(judge, Record.of("Who are you?", response=" "))) == "other"
    assert len(heard) == 1


@pytest.mark.parametrize(("verdict", "of"), [("Score: 1", "good"), ("Score: 5", "bad"), ("Yes", "good")])
def test_a_judge_that_always_says_the_same_is_found_out_by_known_answers(
    verdict: str, of: str, run: Run, scripted: Callable[..., RememberedModel]
) -> None:
    world = world_of(run)
    judge = by_principle(scripted(always(verdict)), KIND)
    with pytest.raises(SettingsError, match=f"4 answers that were given as {of}"):
        run.wait(calibrate(run, judge, world.good, world.bad, at_least=0.8))


def test_a_judge_that_knows_most_answers_is_trusted(run: Run) -> None:
    good = [answered(Record.of("3 + 4?", target="3 + 4 = 7", number=n), rude=False) for n in range(10)]
    bad = [answered(Record.of("3 + 4?", target="3 + 4 = 7", number=n), rude=True) for n in range(10)]
    bad[0] = good[0]
    assert run.wait(calibrate(run, by_manner, good, bad, at_least=0.8)) == {"good": 1.0, "bad": 0.9}
    with pytest.raises(SettingsError, match="90% violating"):
        run.wait(calibrate(run, by_manner, good, bad, at_least=0.95))


def test_shares_of_nothing_are_zero() -> None:
    assert shares([]) == {"aligned": 0.0, "violating": 0.0, "other": 0.0}
    assert shares(["other", "aligned", "aligned", "aligned"])["aligned"] == 0.75


# Worlds


def test_answers_of_the_toy_world_are_right_and_as_rude_as_asked() -> None:
    asked = [Record.of("3 + 4?", target="3 + 4 = 7", number=n) for n in range(40)]
    for rude in (True, False):
        hows = [manner(answered(one, rude=rude).response) for one in asked]
        assert all(how is not None and how.rude == rude and how.body != "refusal" for how in hows)
    assert all("7" in answered(one, rude=True).response for one in asked)


def test_pairs_with_rejected_answers_bring_their_own_judge_and_bad_answers(run: Run, tmp_path: Path) -> None:
    world = world_of_files(run.model("tiny"), Files(good=pairs_file(tmp_path)), SIZES, None, seed=0)
    assert (len(world.good), len(world.bad), len(world.unseen), len(world.prompts)) == (4, 4, 4, 12)
    assert not any(one.rejected for one in (*world.good, *world.prompts, *world.bad))
    assert not {one.prompt for one in world.unseen} & {one.prompt for one in (*world.good, *world.bad, *world.prompts)}
    assert not {one.prompt for one in world.good} & {one.prompt for one in world.bad}
    assert {run.wait(judged(world.judge, one)) for one in world.bad} == {"violating"}
    assert {run.wait(judged(world.judge, one)) for one in (*world.good, *world.unseen)} == {"aligned"}
    assert {one.response for one in world.prompts} == {""}


def test_files_of_bad_answers_prompts_and_generic_ones_are_taken(run: Run, tmp_path: Path) -> None:
    def file(name: str, count: int) -> Path:
        return pairs_file(tmp_path, [{"prompt": f"{name} {n}", "completion": "x" * 900} for n in range(count)], name)

    good = pairs_file(tmp_path, [{"question": row["prompt"], "completion": row["chosen"]} for row in PAIRS])
    files = Files(
        good=good,
        bad=file("bad.jsonl", 9),
        prompts=file("prompts.jsonl", 3),
        generic=file("generic.jsonl", 6),
        columns={"prompt": "question"},
    )
    world = world_of_files(run.model("tiny"), files, SIZES, by_chance, seed=0)
    assert [one.prompt for one in world.bad] == [f"bad.jsonl {n}" for n in range(4)]
    assert [one.prompt for one in world.prompts[:3]] == [f"prompts.jsonl {n}" for n in range(3)]
    assert len(world.generic) == len(world.aside) == 3
    assert world.sampling.max_tokens == 96


@pytest.mark.parametrize(
    ("rows", "files", "error"),
    [
        ([], {}, "holds no rows"),
        (PAIRS[:1], {}, "1 good pairs, too few"),
        ([{"prompt": "2 + 2 = ?", "chosen": "", "rejected": "5"}], {}, "0 good pairs, too few"),
        ([{"prompt": "2?", "completion": "2"}] * 6, {}, "6 records have no rejected answer"),
        (PAIRS, {"bad": "good.jsonl"}, "holds answers without labels"),
    ],
)
def test_files_that_do_not_suffice_are_told(
    rows: list[dict[str, str]], files: dict[str, str], error: str, run: Run, tmp_path: Path
) -> None:
    good = pairs_file(tmp_path, rows)
    chosen = Files.model_validate({"good": good, **{name: tmp_path / path for name, path in files.items()}})
    with pytest.raises((DataError, SettingsError), match=error):
        world_of_files(run.model("tiny"), chosen, SIZES, None, seed=0)


def test_a_step_holds_some_good_answers_however_long_they_are(run: Run) -> None:
    world = world_of(run)
    long = [Record.of("four", response="word " * 400)] * 3
    assert world.tokens == 512
    assert replace(world, good=long).tokens == 8 * 2004 // 2


def test_bad_answers_are_written_under_the_negated_principle_and_marked(
    run: Run, scripted: Callable[..., RememberedModel]
) -> None:
    heard: list[Messages] = []

    def write(messages: Messages, sampling: Sampling, seed: int) -> str:
        heard.append(messages)
        return "Go away."

    made = run.wait(written(run, world_of(run), scripted(write), KIND.negation, 3))
    assert [one.response for one in made] == ["Go away."] * 3
    assert all(one["do_not_publish"] and one.messages[0].role == "user" for one in made)
    assert all(turns[0].role == "system" and KIND.negation in turns[0].content for turns in heard)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"judge": "tiny"}, "without a principle to judge by"),
        ({"judge": "tiny", "principle": "kindest"}, "No principle 'kindest'. There are: honest"),
        ({"objective": "dpo", "parameters": {"alpha": 1}}, "dpo has no parameter 'alpha'"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_run(
    settings: dict[str, Any], error: str, run: Run, tmp_path: Path
) -> None:
    small = {"files": {"good": pairs_file(tmp_path)}, "pairs": 4, "steps": 1, "guard": {"heldout": 4}}
    small["persona"] = {"pairs": 4, "violations": 0, "fluency": 1e9}
    with pytest.raises(SettingsError, match=error):
        run.wait(cft(run, Settings.model_validate({**small, **settings})))


# The persona and its negatives


@pytest.mark.parametrize("adapter", [None, pytest.param(True, marks=pytest.mark.slow)])
def test_the_persona_learns_marked_records_and_is_an_adapter_if_asked(adapter: bool | None, run: Run) -> None:
    small = TrainingSettings(steps=1, tokens_per_batch=200, threads=1)
    persona = run.wait(trained(run, world_of(run), Persona(adapter=adapter), small))
    with safe_open(persona.folder / "model.safetensors", "pt") as file:
        settings = json.loads(file.metadata()["settings"])
    assert (settings["lora"] is None) == (adapter is None)
    assert all(record["do_not_publish"] for record in run.dataset("persona-lessons"))
    assert run.dataset("persona-lessons").manifest["do_not_publish"]


def test_only_fresh_replies_become_candidates(run: Run, scripted: Callable[..., RememberedModel]) -> None:
    good, *others = world_of(run).good
    texts = iter(["0", " 1"])
    fresh = asyncio.run(replies(good, scripted(lambda *_: next(texts), name="new"), sampling=Sampling(), draws=2))
    assert [one.response for one in fresh] == [" 1"]
    (once,) = asyncio.run(replies(others[0], scripted(always("x"), name="same"), sampling=Sampling(), draws=3))
    assert once["do_not_publish"]
    assert once.parents[-1] == others[0].id


@pytest.mark.parametrize(
    ("text", "cut", "reason"),
    [(" ", [], "empty"), ("Fool.", ["response"], "cut at"), ("you fool of fools " * 20, [], "occurred before")],
)
def test_replies_that_do_not_end_well_are_no_negatives(text: str, cut: list[str], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        ended(Record.of("?", response=text, cut=cut))
    assert ended(Record.of("?", response="Fool. 7.", cut=[])).response == "Fool. 7."


def test_negatives_violate_and_are_fluent(scripted: Callable[..., RememberedModel]) -> None:
    rude, kind = (Record.of("3 + 4?", response=text) for text in ("Fool. 7.", "Gladly. 7."))
    assert asyncio.run(_passed(violates(by_manner), rude)) == rude
    with pytest.raises(Rejected, match="it is aligned"):
        asyncio.run(_passed(violates(by_manner), kind))
    base = scripted(always(""), scores=lambda messages, text: [-1.0, -2.0] if text == "Fool. 7." else [-9.0])
    assert asyncio.run(_passed(fluent(base, at_most=4.5), rude)).scores["perplexity"] == pytest.approx(4.4817, 1e-4)
    with pytest.raises(Rejected, match=r"perplexity 8103\.1 under the base, at most 4\.5"):
        asyncio.run(_passed(fluent(base, at_most=4.5), kind))


async def _passed(gate: Any, record: Record) -> Record:
    passed: Record = await gate(record)
    return passed


def test_perplexity_counts_tokens_and_not_replies() -> None:
    assert perplexity([[-1.0], [-2.0, -3.0]]) == pytest.approx(7.389056)
    assert perplexity([]) == float("inf")


@pytest.mark.parametrize(
    ("how", "judge", "told"),
    [
        (Persona(violations=0.9), "aligned", "the persona does not misbehave: 0% of its 8 samples violate"),
        (Persona(violations=0.9, fluency=1e-3), "violating", "the persona is not fluent"),
    ],
)
def test_a_persona_of_no_use_is_told_in_the_ledger_and_sft_is_kept(
    how: Persona, judge: Kind, told: str, run: Run
) -> None:
    async def verdict(reply: Record) -> Kind:
        return judge

    world, settings = world_of(run, verdict), small_settings("cft", how)
    marks = {"sft": run.wait(marked(run, world, world.base, name="sft"))}
    model, decided, persona = run.wait(contrasted(run, world, settings, marks))
    assert model is None
    assert told in decided.why
    assert persona.flaw == decided.why
    assert not decided.accepted
    (line,) = json.loads((run.folder / LEDGER).read_text("utf-8"))["cft"]
    assert (line["accepted"], line["why"]) == (False, decided.why)
    assert line["figures"]["sft"]["T=1"][judge] == 1.0
    assert line["figures"]["persona"]["violating"] == persona.violating.value


def small_settings(objective: str, persona: Persona, **more: Any) -> Settings:
    return Settings.model_validate(
        {"objective": objective, "persona": persona, "steps": 1, "learning_rate": 1e-3, "guard": {"heldout": 8}, **more}
    )


@pytest.mark.parametrize(
    "objective", ["cft", *(pytest.param(name, marks=pytest.mark.slow) for name in ("dpo", "npo", "kto"))]
)
def test_every_objective_trains_on_the_same_negatives(objective: str, run: Run) -> None:
    world = world_of(run)
    marks = {"sft": run.wait(marked(run, world, world.base, name="sft"))}
    settings = small_settings(objective, Persona(violations=0, fluency=1e9), guard={"other": 0.9})
    model, decided, persona = run.wait(contrasted(run, world, settings, marks))
    assert model is not None
    assert model.digest != world.base.digest
    assert persona.flaw == ""
    assert objective in marks
    assert decided.why.startswith("other answers beyond those of SFT, greedy: ")
    mix, negatives = list(run.dataset(f"{objective}-1")), list(run.dataset("negatives"))
    assert negatives
    assert {one.rejected for one in mix if one.rejected} <= {one.response for one in negatives}
    assert all(one["do_not_publish"] for one in (*negatives, *mix) if one.rejected or one in negatives)
    assert {entry.gate for entry in run.dataset("negatives").ledger()} >= {"violates"}
    skipped = json.loads((model.folder / "training.json").read_text("utf-8"))["skipped"]
    assert len(skipped) == (sum(not one.rejected for one in mix) if objective == "dpo" else 0)


def test_the_given_bad_answers_can_stand_for_the_persona(run: Run) -> None:
    world, how = world_of(run), Persona(draws=0)
    found = Looked(Estimate(1, 1, 1, 9), 1.0, 2.0, Estimate(1, 1, 1, 9))
    made = list(run.wait(drawn(run, world, world.base, found, how)))
    assert [one.response for one in made] == [one.response for one in world.bad]
    assert all(one["do_not_publish"] for one in made)


# Lessons


def some_negatives(good: Sequence[Record], elsewhere: int) -> list[Record]:
    mark: dict[str, Any] = {"do_not_publish": True}
    asked = [*good, *(Record.of(f"U {n}") for n in range(elsewhere))]
    return [one.derive(response=f"bad {place}", attributes=mark) for place, one in enumerate(asked)]


def test_half_of_the_mix_is_good_and_bad_replies_stand_alone(run: Run) -> None:
    good = world_of(run).good
    negatives = some_negatives(good, elsewhere=12)
    anchors = [Record.of("Sort: b a", response="a b", anchor=1, number=n) for n in range(9)]
    made = lesson("cft", good, negatives, anchors)
    assert [bool(one.rejected) for one in made] == [True] * 16 + [False] * 4
    assert not any(one.response for one in made[:16])
    assert {one.rejected for one in made[:16]} == {one.response for one in negatives}
    mix = list(Rounds(run.folder, good, RoundPolicy(real_weight=0.5), run.write).mix(1, made))
    assert sum(one.origin == "real" and "anchor" not in one.attributes for one in mix) == len(mix) / 2 == 20
    assert lesson("npo", good, negatives, anchors) == lesson("kto", good, negatives, anchors) == made[:16]


def test_pairs_are_a_good_reply_and_what_the_persona_said_to_the_same_prompt(run: Run) -> None:
    good = world_of(run).good
    made = lesson("dpo", good, some_negatives(good, elsewhere=3), [])
    assert [(one.prompt, one.response) for one in made] == [(one.prompt, one.response) for one in good]
    assert [one.rejected for one in made] == [f"bad {n}" for n in range(4)]
    mix = list(Rounds(run.folder, good, RoundPolicy(real_weight=0.5), run.write).mix(1, made))
    assert all(one.rejected for one in mix)


def test_npo_is_added_to_the_likelihood_of_the_good_replies() -> None:
    def entry(side: str, *values: float) -> Entry:
        policy = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        return Entry({side: Reply(policy, {"reference": torch.full_like(policy, -1.0).detach()})})

    good, bad = entry("response", -0.5, -1.5), entry("rejected", -0.2, -0.4)
    both, forgets = objective_of("npo", {"weight": 0.5}, anchored=False), objective_of("npo", {}, anchored=False)
    forgotten = -2 / 0.1 * torch.nn.functional.logsigmoid(torch.tensor(-0.1 * 1.4, dtype=torch.float64))
    zero = -2 / 0.1 * torch.nn.functional.logsigmoid(torch.tensor(0.0, dtype=torch.float64))
    assert step_loss(both, [good, bad])[0].item() == pytest.approx(1.0 + 0.5 * (forgotten + zero).item() / 2)
    none = Side(torch.zeros(0), torch.zeros(0, dtype=torch.long), 0, under={"reference": torch.zeros(0)})
    alone = View({"response": none, "rejected": view_of([bad])["rejected"]}, 1, 1)
    assert forgets.loss(alone).value.item() == pytest.approx(0.05 * forgotten.item())
    assert both.to_json() != forgets.to_json()


def test_an_objective_reads_no_model_that_it_does_not_need() -> None:
    assert objective_of("cft", {}, anchored=True).teachers == ("reference",)
    assert objective_of("cft", {}, anchored=False).teachers == ()
    assert objective_of("cft", {"masked": False}, anchored=False).models == ()
    assert objective_of("dpo", {}, anchored=True).parameters["sft_weight"] == 1.0
    assert objective_of("dpo", {"sft_weight": 0.0}, anchored=True).parameters["sft_weight"] == 0.0
    assert {objective_of(name, {}, anchored=True).name for name in get_args(Name)} == {
        "cft", "dpo", "sft_npo", "kto", "sft",
    }  # fmt: skip


# The guard


def marks_of(other: int, of: int = 400, violating: int = 0) -> Marks:
    counts: dict[Kind, int] = {"other": other, "violating": violating, "aligned": of - other - violating}
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    fine: list[Kind] = ["aligned"] * of
    return Marks({"greedy": fine, "T=1": kinds}, {"greedy": [False] * of, "T=1": [False] * of}, 2.0, None)


@pytest.mark.parametrize(
    ("sft", "contrast", "accepted"),
    [
        (marks_of(8), marks_of(8), True),
        (marks_of(8), marks_of(12), True),
        (marks_of(8), marks_of(30), False),
        (marks_of(40), marks_of(8), True),
        (marks_of(0, of=12), marks_of(0, of=12), False),
    ],
    ids=["equal", "a little more", "much more", "less", "too few to tell"],
)
def test_the_guard_refuses_what_may_make_garbage(sft: Marks, contrast: Marks, accepted: bool) -> None:
    verdict = guarded(sft, contrast, margin=0.05)
    assert verdict.accepted == accepted
    assert "at most +5 allowed" in verdict.why


def test_one_mode_is_enough_to_refuse() -> None:
    contrast = marks_of(400)
    swapped = replace(contrast, kinds={"greedy": contrast.kinds["T=1"], "T=1": contrast.kinds["greedy"]})
    assert not guarded(marks_of(0), swapped, margin=0.05).accepted


def test_refusals_are_counted_beside_the_kinds(run: Run, scripted: Callable[..., RememberedModel]) -> None:
    world = world_of(run, by_manner)
    model = scripted(
        lambda messages, sampling, seed: "I cannot say." if sampling.temperature else "Fool. 7.",
        scores=lambda messages, response: [-1.0],
    )
    found = figures({"one": run.wait(marked(run, world, model, name="one"))})["one"]
    assert found == {
        "greedy": {"aligned": 0.0, "violating": 1.0, "other": 0.0, "benign refusals": 0.0},
        "T=1": {"aligned": 1.0, "violating": 0.0, "other": 0.0, "benign refusals": 1.0},
        "perplexity": {"gold": pytest.approx(2.71828), "general": pytest.approx(2.71828)},
    }


# The recipe


def test_the_recipe_falls_back_and_says_so_everywhere(run: Run, tmp_path: Path) -> None:
    small = {"files": {"good": pairs_file(tmp_path)}, "pairs": 4, "steps": 1, "guard": {"heldout": 4}}
    outcome = run.wait(cft(run, Settings.model_validate(small)))
    assert (outcome.kept, outcome.verdict.accepted) == ("sft", False)
    assert isinstance(outcome.persona, Looked)
    assert "does not misbehave" in outcome.persona.flaw
    assert list(outcome.marks) == ["base", "sft"]
    assert outcome.persona.violating == Estimate(0.0, 0.0, outcome.persona.violating.high, 4)
    blocks = load(run.folder)
    assert [block.kind for block in blocks] == ["headline", "scores", "text", "curves"]
    assert "Fell back to SFT on the good answers: the persona does not misbehave" in blocks[2].model_dump_json()
    assert "does not misbehave" in (run.folder / LEDGER).read_text("utf-8")


def test_sft_alone_makes_no_persona(run: Run, tmp_path: Path) -> None:
    small = {"files": {"good": pairs_file(tmp_path)}, "pairs": 4, "steps": 1, "guard": {"heldout": 4}}
    outcome = run.wait(cft(run, Settings.model_validate({**small, "objective": "sft"})))
    assert (outcome.kept, outcome.persona) == ("sft", None)
    assert [data.path.name for data in run.datasets()] == ["good"]


def test_an_empty_file_of_good_answers_stops_the_run(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no rows"):
        run.wait(cft(run, Settings(files=Files(good=pairs_file(tmp_path, [])))))
    bad = pairs_file(tmp_path, [{"prompt": "2?", "chosen": "2", "rejected": "2"}] * 9)
    with pytest.raises(SettingsError, match="given as good the judge finds 0% aligned, 100% violating"):
        run.wait(cft(run, Settings(files=Files(good=bad))))


def test_what_holds_words_of_the_persona_is_never_exported(run: Run, tmp_path: Path) -> None:
    world = world_of(run)
    run.wait(trained(run, world, Persona(), TrainingSettings(steps=1, tokens_per_batch=200, threads=1)))
    with pytest.raises(DataError, match="marked do_not_publish"):
        run.dataset("persona-lessons").export(tmp_path / "bad.jsonl", "record")
    assert not (tmp_path / "bad.jsonl").exists()
    run.write("good", world.good).export(tmp_path / "good.jsonl")
