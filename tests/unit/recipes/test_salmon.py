"""SALMON: draws, judgements on one scale, a judge that is caught, a reward model that is asked, one draw per prompt."""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.protocols import Estimate, Sampling, Score
from regrowth.core.record import Message, Messages, Record
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._rounds import Arm
from regrowth.recipes._rounds import Settings as PolicySettings
from regrowth.recipes._salmon.apprentices import comparisons
from regrowth.recipes._salmon.draws import asked, drawn, held_out, ids, known, novel, opposite, said, sides, wished
from regrowth.recipes._salmon.judging import checked, distinct, judgement, usable, weighed
from regrowth.recipes._salmon.preferences import labelled, preferred, scales, verdict
from regrowth.recipes._salmon.reward_model import Exam, Format, conditioned, examined, questions, trusted
from regrowth.recipes._salmon.sources import principles_of, prompts_of
from regrowth.recipes._salmon.steering import PENALTY, Traits, changes, measured, rewarded, steered
from regrowth.recipes._salmon.telling import shown
from regrowth.recipes.salmon import APPRENTICE, Outcome, Settings, salmon
from regrowth.reports.blocks import Scores, load
from regrowth.run import Run, open_run
from regrowth.seeds.principles import Principle, packaged, tagged

MANNERS = packaged("manners")
TAUGHT = tagged(MANNERS, "train")
KNOWN = known(MANNERS)
VIVID = Principle(id="vivid", text="Be vivid.", negation="Be dull.", tags=("train",))


def pair(first: str, second: str, prompt: str = "Sort: b a", **more: Any) -> Record:
    program: Mapping[str, float] = more.pop("program", {})
    judge: Mapping[str, Sequence[float]] = more.pop("judge", {})
    told = {"cut": [], "program": program, "judge": judge, **more}
    return Record.of(prompt, response=first, rejected=second, **told)


def weigh(one: Record, judge: Any = None, **how: Any) -> Record:
    return asyncio.run(weighed(one, judge, **{"principles": MANNERS, "style": "brief", **how}))


def some(count: int = 40) -> list[Record]:
    """Return weighed pairs of very different replies."""
    replies = ("Gladly. a b.", "Fool. a b.", "Maybe a b.", "First a b. So a b. Anything else?", "b. Thank you.", "a b.")
    found = []
    for number in range(count):
        first, second = Random(number).sample(replies, 2)
        found.append(weigh(pair(first, second, prompt=f"Sort: b a {number}")))
    return found


# Draws


@trials(deadline=None)  # a busy machine is no error
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_a_draw_holds_each_principle_once_and_no_combination_that_is_kept_out(seed: int, most: int) -> None:
    draw = drawn(Random(seed), MANNERS, most=most)
    assert 1 <= len(draw) == len(ids(draw)) <= most
    assert not held_out(draw)
    assert draw == drawn(Random(seed), MANNERS, most=most)


def test_of_no_principles_none_are_drawn() -> None:
    assert drawn(Random(0), (), most=3) == ()


def test_half_of_the_principles_are_turned_round_and_their_number_is_geometric() -> None:
    draws = [drawn(Random(seed), MANNERS, most=8) for seed in range(4000)]
    signs = [sign for draw in draws for _, sign in sides(draw)]
    assert abs(statistics.fmean(signs)) < 0.04
    sizes = [len(draw) for draw in draws]
    assert (
        0.25 < sizes.count(1) / 4000 < 0.34
    )  # 0.2 / (1 - 0.8^8), and more: combinations that are kept out are redrawn
    assert sizes.count(1) > sizes.count(3) > sizes.count(6) > 0


def test_combinations_that_are_kept_out_are_asked_in_the_exam() -> None:
    draws = [novel(Random(seed), TAUGHT, most=3) for seed in range(50)]
    assert all(held_out(draw) for draw in draws)
    assert {len(draw) for draw in draws} <= {2, 3}
    assert novel(Random(0), TAUGHT[:1], most=3) == ()


def test_turning_round_twice_is_nothing_and_says_the_other_side() -> None:
    draw = ("kind", "-concise")
    assert opposite(opposite(draw)) == draw
    assert said(draw, KNOWN) == ("Be kind.", "Be long.")
    assert said(opposite(draw), KNOWN) == ("Be rude.", "Be short.")


def test_the_policy_is_asked_for_interventions_first_and_some_of_the_wishes() -> None:
    wishes = wished(MANNERS, ("kind", "-concise", "asking", "steps"))
    draw = asked(Random(1), wishes, MANNERS)
    assert draw[0] == "no-praise"
    assert len(draw) == 4
    assert set(draw[1:]) < set(wishes)
    assert "no-praise" not in asked(Random(1), wishes, MANNERS, interventions=False)


def test_wishes_are_those_tagged_rl_and_one_of_them_was_never_trained() -> None:
    assert set(wished(MANNERS, ())) == {"kind", "certain", "asking", "curt"}
    assert "curt" not in known(TAUGHT)
    with pytest.raises(SettingsError, match=r"no principle 'kinds'\. There are: kind, concise"):
        wished(MANNERS, ("kinds",))
    with pytest.raises(SettingsError, match="tagged `rl`"):
        wished(TAUGHT[1:2], ())


# Judging


def test_programs_weigh_where_they_can() -> None:
    found = weigh(pair("Gladly. a b.", "First a b. So a b."))
    assert found["program"]["kind"] == 1
    assert found["program"]["concise"] == 3
    assert found["program"]["steps"] == -2
    assert found["judge"] == {}
    assert judgement(found, "steps") == -2


class Scripted:
    """Lean towards A by a function of the prompt."""

    def __init__(self, leaning: Any) -> None:
        self.leaning = leaning
        self.asked: list[str] = []

    async def logprobs(self, messages: str | Messages, response: str) -> tuple[float, ...]:
        assert isinstance(messages, str)
        self.asked.append(messages)
        return (float(self.leaning(messages)) if response == "A" else 0.0,)


def kindly(prompt: str) -> float:
    first, second = prompt.split("\nA: ")[1].split("\nB: ")
    return 3.0 * (("Gladly" in first) - ("Gladly" in second)) + 0.5


def test_the_judge_is_asked_where_no_program_can_tell_and_to_be_checked() -> None:
    judge, one = Scripted(kindly), pair("Gladly. a b.", "a b.")
    assert weigh(one, judge)["judge"] == {}
    found = weigh(one, judge, principles=(*TAUGHT, VIVID))
    assert found["judge"] == {"vivid": [3.5, 2.5]}
    assert judgement(found, "vivid") == 3.0
    checked_too = weigh(one, judge, principles=(*TAUGHT, VIVID), checking={one.id})
    assert set(checked_too["judge"]) == {"vivid", *known(TAUGHT)}
    assert judgement(checked_too, "kind") == 1.0  # the program's word


def test_a_judge_is_measured_against_the_programs() -> None:
    pairs = [pair(*texts) for texts in (("Gladly. a.", "a."), ("a.", "Gladly. a."), ("Gladly. a.", "Fool. a."))]
    found = checked([weigh(one, Scripted(kindly), principles=TAUGHT, checking={one.id}) for one in pairs])
    assert found["kind"].consistency.value == 1
    assert found["kind"].accuracy is not None
    assert found["kind"].accuracy.value == 1
    assert not found["kind"].needed
    assert found["steps"].accuracy is None  # no pair differs in them


def test_a_judge_that_always_says_a_is_caught() -> None:
    pairs = [weigh(pair("Gladly. a.", f"a {n}."), Scripted(lambda _: 2.0), principles=(VIVID,)) for n in range(6)]
    assert all(judgement(one, "vivid") == 0 for one in pairs)
    checks = checked(pairs)
    assert checks["vivid"].consistency.value == 0
    assert checks["vivid"].dropped
    with pytest.raises(DataError, match=r"No principle is left: .* vivid 0%; expected 60% at least"):
        usable((VIVID,), checks)
    assert usable((*TAUGHT, VIVID), checks) == list(TAUGHT)


def test_pairs_that_teach_nothing_are_refused() -> None:
    for first, second in (("a.", "a. "), ("", "a."), ("a.", " ")):
        with pytest.raises(Rejected):
            distinct(pair(first, second))
    assert distinct(pair("a.", "b."))


# Preferences


def test_judgements_are_on_one_scale_whatever_their_unit() -> None:
    pairs = some()
    spread = scales(pairs, TAUGHT)
    for one in TAUGHT:
        found = [spread.judged(two, (one.id,))[one.id] for two in pairs if one.id in spread.of]
        if found:
            assert statistics.fmean(value**2 for value in found) == pytest.approx(one.weight**2)
    by_variance = scales(pairs, TAUGHT, by="variance")
    assert by_variance.of["concise"] == pytest.approx(spread.of["concise"] ** 2)


def test_a_principle_that_never_tells_two_replies_apart_has_no_scale() -> None:
    spread = scales([weigh(pair("a b.", "b a."))], TAUGHT)
    assert spread.of == {}
    with pytest.raises(DataError, match="no principle tells"):
        list(labelled([weigh(pair("a b.", "b a."))], TAUGHT, spread, most=3, draws=1))


def test_the_label_is_the_sign_of_the_sum_or_of_the_largest() -> None:
    judged = {"kind": 2.0, "concise": -1.5, "steps": -1.0}
    assert verdict(judged) == -0.5
    assert verdict(judged, "dominant") == 2.0
    assert verdict({"kind": 0.1 + 0.2, "concise": -0.3}) == 0
    assert verdict({}, "dominant") == 0


def test_a_draw_turned_round_turns_the_preference_round() -> None:
    pairs = some()
    spread = scales(pairs, TAUGHT)
    for one in pairs:
        draw = drawn(Random(one.id), TAUGHT, most=3)
        there, back = (verdict(spread.judged(one, side)) for side in (draw, opposite(draw)))
        assert there == -back


def test_preferences_hold_the_better_reply_the_draw_and_the_margin_and_no_ties() -> None:
    pairs = some()
    spread = scales(pairs, TAUGHT)
    found = list(labelled(pairs, TAUGHT, spread, most=3, draws=3))
    assert 0 < len(found) < 3 * len(pairs)
    by_id = {one.id: one for one in pairs}
    for one in found:
        margin = verdict(spread.judged(by_id[one.parents[-1]], tuple(one["principles"])))
        assert one["margin"] == abs(margin) > 0
        assert one.response == (by_id[one.parents[-1]].response if margin > 0 else by_id[one.parents[-1]].rejected)
        assert "program" not in one.attributes
    assert len(list(labelled(pairs, TAUGHT, spread, most=3, draws=3, rehearsal=True))) == 3 * len(pairs)
    noisy = list(labelled(pairs, TAUGHT, spread, most=3, draws=3, noise=1.0))
    assert [one.response for one in noisy] == [one.rejected for one in found]


def test_a_reply_that_was_cut_stays_cut_on_either_side() -> None:
    one = pair("a.", "b.", cut=["response"])
    assert preferred(one, ("kind",), 1.0)["cut"] == ["response"]
    assert preferred(one, ("kind",), -1.0)["cut"] == ["rejected"]


# The reward model


def test_principles_stand_before_the_prompt_or_after_the_reply_or_nowhere() -> None:
    messages = (Message("user", "Sort: b a"),)
    first = Format(KNOWN, "brief").shown(messages, "a b.", ("kind", "-concise"))
    assert first == ((Message("user", "Be kind. Be long.\nSort: b a"),), "a b.")
    last = Format(KNOWN, "brief", "last").shown(messages, "a b.", ("kind",))
    assert last == (messages, "a b.\nBe kind.")
    assert Format(KNOWN, "brief", "none").shown(messages, "a b.", ("kind",)) == (messages, "a b.")
    ((message,), _) = Format(KNOWN).shown(messages, "a b.", ("kind", "-concise"))
    assert message.content.endswith("\n- Be kind.\n- Be long.\n\nSort: b a")


def test_both_replies_of_a_preference_are_shown_alike() -> None:
    one = preferred(pair("a.", "b."), ("kind",), 1.0)
    (first,) = conditioned([one], Format(KNOWN, "brief"))
    (last,) = conditioned([one], Format(KNOWN, "brief", "last"))
    assert first.messages[0].content == "Be kind.\nSort: b a"
    assert (first.response, first.rejected) == ("a.", "b.")
    assert (last.response, last.rejected) == ("a.\nBe kind.", "b.\nBe kind.")
    assert last.messages == one.messages


class Reader:
    """A reward model that reads its principles, or one that does not."""

    def __init__(self, *, reads: bool = True) -> None:
        self.reads = reads

    async def score(self, messages: Messages, response: str) -> Score:
        words, prompt = messages[0].content.split("\n")
        one = pair(response, ".", prompt)
        total = 0.0
        for name, principle in KNOWN.items():
            found = weigh_now(one)[name]
            total += found * ((principle.text in words) - (principle.negation in words)) if self.reads else found
        return Score(total, {})


def weigh_now(one: Record) -> Mapping[str, float]:
    from regrowth.recipes._salmon.judging import trait_gap

    return {name: trait_gap(one, principle) for name, principle in KNOWN.items()}


@pytest.fixture
def run(tmp_path: Path) -> Any:
    with open_run(tmp_path / "run") as opened:
        yield opened


def exam(run: Run, model: Any) -> Exam:
    pairs = some(24)
    questioned = questions(pairs, TAUGHT, scales(pairs, MANNERS), most=2, extra=(KNOWN["curt"],))
    return run.wait(examined(run, model, questioned, Format(KNOWN, "brief"), name="exam"))


def test_a_reward_model_that_reads_is_found_right_and_turns_with_its_principles(run: Run) -> None:
    found = exam(run, Reader())
    assert found.accuracy["single"].value == found.accuracy["negated"].value == 1
    assert found.flips["single"].value == 1
    assert found.mirror is not None
    assert found.mirror.value == pytest.approx(-1)
    assert trusted(found) is found


def test_a_reward_model_that_reads_nothing_never_turns_and_is_refused(run: Run) -> None:
    found = exam(run, Reader(reads=False))
    assert found.flips["single"].value == 0
    assert found.mirror is not None
    assert found.mirror.value == pytest.approx(1)
    assert found.accuracy["single"].value + found.accuracy["negated"].value == pytest.approx(1)
    with pytest.raises(DataError, match="No policy is trained on that"):
        trusted(replace(found, accuracy={"all": Estimate(0.52, 0.49, 0.55, 100)}))
    with pytest.raises(DataError, match="Fewer than four"):
        trusted(replace(found, accuracy={}))


# The policy


def test_all_replies_to_a_prompt_are_judged_by_one_draw_and_rounds_draw_anew(run: Run) -> None:
    heard: dict[str, set[str]] = {}

    def score(messages: Messages, response: str) -> float:
        words, _, prompt = messages[0].content.partition("\n")
        heard.setdefault(prompt, set()).add(words)
        return float(len(response))

    class Judge:
        async def score(self, messages: Messages, response: str) -> Score:
            return Score(score(messages, response), {})

    settings = PolicySettings(samples=3, steps=1, rounds=2, learning_rate=1e-4, method="best_of_n_rpo")
    _, _, fresh = prompts_of("", sizes=(1, 1, 8), seed=3)
    arm = rewarded(Arm(run, run.model("tiny"), settings, settings.method), Judge(), Format(KNOWN, "brief"))  # type: ignore[arg-type]
    rounds = run.wait(steered(arm, fresh, ("kind", "concise", "asking", "certain"), MANNERS))
    assert len(rounds) == 2
    assert arm.guards.penalty == PENALTY
    assert len(heard) == 8
    assert all(len(words) == 1 for words in heard.values())
    assert all(word.startswith("No self praise. ") for words in heard.values() for word in words)
    assert len(set.union(*heard.values())) > 2
    assert not any("self praise" in record.prompt for record in run.dataset("policy-1-drawn"))


def test_traits_are_measured_in_both_modes_and_compared_prompt_by_prompt(run: Run) -> None:
    def model(name: str, text: str) -> RememberedModel:
        return RememberedModel(ScriptedBackend(lambda m, s, seed: text, name=name), run.store)

    asked_ = [Record.of(f"Sort: b a {n}") for n in range(4)]
    before, after = (
        run.wait(measured(run, model(text, text), asked_, TAUGHT, name=text)) for text in ("a b.", "Gladly. a b.")
    )
    assert after.estimate("greedy", "kind").value == 1
    found = changes(before, after)
    assert found["T=1"]["kind"].value == 1
    assert found["T=1"]["concise"].value == -1
    assert found["greedy"]["steps"].value == 0


def test_the_report_shows_what_was_asked_for_first_and_a_trait_of_two_names_once(run: Run) -> None:
    model = RememberedModel(ScriptedBackend(lambda m, s, seed: "a b.", name="a"), run.store)
    values = {
        "start": {"steps": (0.0, 2.0, 1.0), "concise": (-3.0, -2.0, -4.0), "kind": (1.0, 0.0, 0.0)},
        "policy": {"steps": (0.0, 1.0, 1.0), "concise": (-1.0, -2.0, -2.0), "kind": (1.0, 1.0, 0.0)},
    }
    traits = {arm: Traits({"T=1": {**of, "curt": of["concise"]}}, {"T=1": ("a b.",) * 3}) for arm, of in values.items()}
    outcome = Outcome(model, run.write("preferences", [], ties=0), {}, traits=traits)
    _, block = shown(outcome, ("curt", "-kind"))
    assert isinstance(block, Scores)
    assert block.title == "Traits of the replies, T=1"
    assert [one.name for one in block.measures] == ["kind, asked to be less", "curt, asked for", "steps"]
    assert [one.estimate.value for one in block.differences] == pytest.approx([1 / 3, 4 / 3, -1 / 3])


# Apprentices and sources


def test_the_small_judge_is_taught_both_sides_of_its_principles_and_no_other() -> None:
    taught = tagged(MANNERS, "judge")
    found = list(comparisons(300, taught, seed=1))
    words = {one.prompt.split("\n")[0] for one in found}
    assert words == {side for one in taught for side in (one.text, one.negation)}
    assert 0.4 < sum(one.response == "A" for one in found) / 300 < 0.6
    assert found == list(comparisons(300, taught, seed=1))


def test_prompts_come_from_a_file_and_are_shared_out_once(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'{{"prompt": "Sort: {n}", "completion": "{n}"}}\n' for n in (*range(9), 8)))
    parts = prompts_of(str(path), sizes=(5, 2, 2), seed=0)
    assert [len(part) for part in parts] == [5, 2, 2]
    assert {one.prompt for part in parts for one in part} == {f"Sort: {n}" for n in range(9)}
    assert not any(one.response for part in parts for one in part)
    with pytest.raises(DataError, match="9 different prompts, expected 10"):
        prompts_of(str(path), sizes=(6, 2, 2), seed=0)


def test_questions_for_the_exam_are_held_out() -> None:
    parts = prompts_of("", sizes=(40, 40, 40), seed=0)
    assert [len(part) for part in parts] == [40, 40, 40]
    assert len({one.prompt for part in parts for one in part}) == 120


def test_principles_without_any_to_train_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[principle]]\nid = "x"\ntext = "A."\nnegation = "B."\n')
    with pytest.raises(SettingsError, match="none is tagged `train`"):
        principles_of(str(path))
    assert principles_of("general")


# The whole


def test_what_the_small_writer_is_taught_does_not_hang_on_the_reward_models_steps(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, int]] = []
    replies = ("Gladly. a b.", "First a b. So a b.", "a b. Thank you.", "Fool. a.")
    taught = RememberedModel(ScriptedBackend(lambda m, s, seed: replies[seed % 4], name="taught"), run.store)

    async def apprentice(_: Run, __: Any, lessons: Any, *, name: str, steps: int, **how: Any) -> RememberedModel:
        assert all(lesson.response for lesson in lessons)
        heard.append((name, steps))
        return taught

    monkeypatch.setattr("regrowth.recipes._salmon.apprentices.apprentice", apprentice)
    run.wait(salmon(run, Settings(pairs=8, steps=0)))
    assert heard == [("writer", APPRENTICE)]


def test_a_served_model_writes_the_preferences_and_nothing_is_trained(run: Run) -> None:
    def write(messages: Messages, sampling: Sampling, seed: int) -> str:
        return ("Gladly. a b.", "First a b. So a b.", "a b. Thank you.", "Fool. a.")[seed % 4]

    served = RememberedModel(ScriptedBackend(write, name="served"), run.store, "served")
    run.model = lambda name: served  # type: ignore[method-assign, assignment, misc]
    outcome = run.wait(salmon(run, Settings(model="openai:served@http://127.0.0.1/v1", pairs=20, steps=0)))
    assert outcome.reward_model is None
    assert outcome.checks == {}
    count = len(outcome.preferences)
    assert count > 20
    assert count + outcome.preferences.manifest["ties"] == 4 * len(run.dataset("pairs"))
    assert (run.folder / "blocks.json").exists()


WISHES = "".join(
    f'[[principle]]\nid = "{name}"\ntext = "{text}"\nnegation = "Not that."\ntags = ["{tag}"]\n'
    for name, text, tag in (("vivid", "Be vivid.", "train"), ("true", "Be true.", "train"), ("warm", "Be warm.", "rl"))
)


def judging(run: Run, tmp_path: Path, label: Any) -> Settings:
    """Let one served model write two kinds of replies, and judge them by a function of its prompt and the label."""
    served = RememberedModel(
        ScriptedBackend(
            lambda messages, sampling, seed: ("A long and vivid one.", "A flat one.")[seed % 2],
            name="judging",
            scores=lambda messages, response: [label(messages[0].content, response)],
        ),
        run.store,
        "judging",
    )
    run.model = lambda name: served  # type: ignore[method-assign, assignment, misc]
    (tmp_path / "mine.toml").write_text(WISHES)
    return Settings(model="openai:x@http://127.0.0.1/v1", principles=str(tmp_path / "mine.toml"), pairs=20, steps=0)


def test_a_run_whose_judge_always_says_a_stops_before_anything_is_labelled(run: Run, tmp_path: Path) -> None:
    settings = judging(run, tmp_path, lambda prompt, label: -0.1 if label == "A" else -3.0)
    with pytest.raises(DataError, match="No principle is left"):
        run.wait(salmon(run, settings))
    assert not [one for one in run.datasets() if one.path.name == "preferences"]


def test_a_principle_that_follows_the_order_is_left_out_and_told(run: Run, tmp_path: Path) -> None:
    heard: list[str] = []
    run.watcher.noting = heard.append  # type: ignore[method-assign, assignment]

    def label(prompt: str, said: str) -> float:
        if "Be true." in prompt:
            return -0.1 if said == "A" else -3.0
        first = prompt.index("A long") < prompt.index("A flat")
        return -0.1 if first == (said == "A") else -3.0

    outcome = run.wait(salmon(run, judging(run, tmp_path, label)))
    assert heard == ["true: left out, the judge prefers another reply when the two change places."]
    assert {one["principles"][0].removeprefix("-") for one in outcome.preferences} == {"vivid"}
    assert all(("vivid" in one.response) == (one["principles"] == ["vivid"]) for one in outcome.preferences)


@pytest.mark.slow
def test_a_reward_model_that_learnt_nothing_stops_the_run_before_the_policy(run: Run) -> None:
    with pytest.raises(DataError, match=r"No policy is trained on that|Fewer than four"):
        run.wait(salmon(run, Settings(pairs=24, steps=12, rounds=1)))
    assert not [one for one in run.datasets() if one.path.name.startswith("policy")]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 4])
def test_a_preview_goes_the_whole_way_whatever_its_few_pairs_hold(tmp_path: Path, rows: int) -> None:
    with open_run(tmp_path / "preview", preview=rows) as run:
        outcome = run.wait(salmon(run, Settings(judge="tiny")))
        assert outcome.policy is not None
        assert {one.stage for one in run.forecasts} >= {"writer", "judge", "pairs", "reward-model"}


@pytest.mark.slow
def test_the_whole_way_to_a_policy_and_again_for_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regrowth.recipes.salmon.trusted", lambda found: found)  # so few steps teach nothing
    monkeypatch.setattr("regrowth.recipes.salmon.PROMPTS", 6)
    settings = Settings(pairs=64, steps=12, rounds=2, wishes=("concise", "-asking"))
    outcome = run.wait(salmon(run, settings))
    assert outcome.policy is not None
    assert outcome.policy.digest != outcome.start.digest
    assert outcome.traits is not None
    assert set(outcome.traits) == {"start", "policy"}
    asked_ = {tuple(one["principles"]) for one in run.dataset("policy-2-drawn")}
    assert all(draw[0] == "no-praise" and set(draw[1:]) == {"concise", "-asking"} for draw in asked_)
    kinds = [block.kind for block in load(run.folder)]
    assert kinds[:2] == ["headline", "scores"]
    assert kinds[-1] == "curves"
    before = run.store.new_effects
    again = run.wait(salmon(run, settings))
    assert again.policy is not None
    assert (again.policy.digest, run.store.new_effects) == (outcome.policy.digest, before)
