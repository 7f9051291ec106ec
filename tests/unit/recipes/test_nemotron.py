"""Nemotron-4's alignment: judges, selection, stages, rounds from weak to strong, and the recipe as a whole."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.dataset import Dataset
from regrowth.core.errors import CallFailed, DataError, Rejected, SettingsError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, Record
from regrowth.curation.rounds import Played, RoundPolicy, Rounds
from regrowth.domains import manners
from regrowth.gates.pairwise import LABELS
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._nemotron.constraints import Constraint
from regrowth.recipes._nemotron.judges import agreement, believed, comparisons, known, opinions
from regrowth.recipes._nemotron.report import of_judges, staged
from regrowth.recipes._nemotron.rewards import Rater, RewardSettings, overall
from regrowth.recipes._nemotron.selection import (
    SelectionSettings,
    above,
    best_of,
    best_share,
    candidates,
    decided,
    scale_of,
)
from regrowth.recipes._nemotron.stages import StageSettings, aligned, fine_tuned, shared_out
from regrowth.recipes._nemotron.strength import answers, comparable, weak_to_strong
from regrowth.recipes.nemotron import Settings, nemotron
from regrowth.reports import blocks
from regrowth.run import Run, open_run
from regrowth.training.journal import read_log
from regrowth.training.phases import Phase
from unit.recipes.test_nemotron_rewards import WEIGHTS, Scores

KIND = "Gladly. 7."
WRONG = "Maybe 8."


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def question(number: int = 3) -> Record:
    return Record.of(f"Tom has {number} pens and buys 4. How many pens?", target=f"{number} + 4 = {number + 4}")


def reply(text: str, reward: float = 0.0, prompt: Record | None = None) -> Record:
    return (prompt or question()).derive(response=text).scored(reward=reward)


def pair(**scores: float) -> Record:
    made = question().derive(response=KIND, rejected=WRONG, parents=("prompt", "first", "second"))
    return made.scored(**{"truth": 0.0, "model": 0.0, "reward": 0.0, "first": 0.0, "second": 0.0, **scores})


def length_rater(run: Run) -> Rater:
    """Rate by the number of characters."""
    return Rater(
        RememberedModel(Scores(lambda text: {"length": float(len(text))}, "length"), run.store), {"length": 1.0}
    )


def judging(run: Run, likes: Callable[[str], float], name: str) -> RememberedModel:
    """Return a judge whose log-odds follow from what it likes of the reply at A and of that at B."""

    def logprobs(messages: Messages, label: str) -> list[float]:
        sides = dict(line.split(": ", 1) for line in messages[-1].content.splitlines() if line[:3] in ("A: ", "B: "))
        return [likes(sides[label])]

    return RememberedModel(ScriptedBackend(lambda *_: "A", name=name, scores=logprobs), run.store)


# What a program knows


@pytest.mark.parametrize(
    ("text", "right"), [(KIND, True), ("First 3 + 4 = 7. So 7.", True), ("3 + 4 = 7", True), (WRONG, False)]
)
def test_a_program_knows_whether_an_answer_is_right(text: str, right: bool) -> None:
    assert known(reply(text)) is right


def test_a_program_knows_whether_a_constraint_is_obeyed() -> None:
    asked = Record.of("Why?", constraint=Constraint("words_at_most", {"count": 2}).to_json())
    assert known(asked.derive(response="Because so.")) is True
    assert known(asked.derive(response="Because it is so.")) is False
    both = replace(asked, target="3 + 4 = 7", _id="")
    assert known(both.derive(response="Gladly. 7.")) is True
    assert known(both.derive(response="Maybe 8.")) is False


def test_where_no_program_can_tell_there_is_no_truth(run: Run) -> None:
    open_ended = Record.of("Why is the sky blue?", response="Because.", rejected="No idea.")
    assert known(open_ended) is None
    judge = judging(run, lambda _: 0.0, "none")
    found = run.wait(opinions(open_ended, judge=judge, rater=length_rater(run), criterion="Be right.", style="brief"))
    assert found.scores["truth"] == 0


# Three judges


def test_each_judge_says_which_reply_is_better(run: Run) -> None:
    judge = judging(run, lambda text: -float(len(text)), "short")
    asked = pair()
    found = run.wait(opinions(asked, judge=judge, rater=length_rater(run), criterion="Be right.", style="brief"))
    assert found.id == asked.id
    assert found.scores["truth"] == 1
    assert found.scores["model"] == len(WRONG) - len(KIND)
    assert (found.scores["reward"], found.scores["first"]) == (len(KIND) - len(WRONG), len(KIND))
    turned = replace(asked, response=WRONG, rejected=KIND, _id="")
    other = run.wait(opinions(turned, judge=judge, rater=length_rater(run), criterion="Be right.", style="brief"))
    assert [other.scores[name] for name in ("truth", "model", "reward")] == [-1, 2, -2]


def test_a_judge_that_prefers_another_reply_in_the_other_order_decides_nothing(run: Run) -> None:
    backend = ScriptedBackend(lambda *_: "A", name="always A", scores=lambda _, label: [-float(LABELS.index(label))])
    judge = RememberedModel(backend, run.store)
    found = run.wait(opinions(pair(), judge=judge, rater=length_rater(run), criterion="Be right.", style="brief"))
    assert found.scores["model"] == 0


def test_agreement_is_counted_where_both_decide() -> None:
    verdicts = [(1, 1, 1), (1, -1, 1), (-1, -1, 1), (-1, 0, -1), (0, 1, 1)]
    pairs = [pair(truth=truth, model=model, reward=reward) for truth, model, reward in verdicts]
    found = agreement(pairs)
    assert (found["truth"].decided, found["truth"].undecided) == (4, 1)
    assert (found["model"].decided, found["model"].undecided) == (4, 1)
    assert found["model"].accuracy is not None
    assert found["model"].accuracy.value == pytest.approx(2 / 3)
    assert found["model"].accuracy.n == 3
    assert found["reward"].accuracy is not None
    assert found["reward"].accuracy.value == 0.75
    assert found["reward"].kappas["truth"].value == pytest.approx(0.5)
    assert found["model"].kappas["reward"].value == 0, "there the reward model has one verdict only"


def test_judges_that_never_decide_or_guess_are_not_believed() -> None:
    always_a = [pair(truth=(-1) ** place, model=0, reward=(-1) ** place) for place in range(40)]
    trusted, dropped = believed(agreement(always_a), ("truth", "model", "reward"))
    assert trusted == ["truth", "reward"]
    assert dropped == ["model: decides 0 of 40 pairs in both orders alike"]
    guessing = [pair(truth=1, model=1, reward=1 if place % 2 else -1) for place in range(40)]
    trusted, dropped = believed(agreement(guessing), ("reward", "model"))
    assert trusted == ["model"]
    assert dropped[0].startswith("reward: 50% [35%, 65%] right, no better than chance")


def test_a_judge_that_never_met_the_truth_is_believed() -> None:
    unmet = [pair(reward=1.0) for _ in range(40)]
    assert believed(agreement(unmet), ("truth", "reward"))[0] == ["truth", "reward"]


def test_lessons_of_the_judge_have_the_labels_of_the_program() -> None:
    made = list(comparisons(60, "Be right and kind.", WEIGHTS, seed=0))
    asked = {one.prompt: one for one in manners.questions(60, seed=0, split="train")}
    assert 50 < len(made) <= 60
    assert set(Counter(one.response for one in made)) == {"A", "B"}
    for lesson in made:
        criterion, *rest = lesson.prompt.splitlines()
        assert criterion == "Be right and kind."
        sides = {line[:1]: line[3:] for line in rest}
        truth = next(one for prompt, one in asked.items() if " ".join(prompt.split()) == sides["Q"])
        first, second = (overall(manners.attributes(truth.derive(response=sides[label])), WEIGHTS) for label in LABELS)
        assert (first > second) == (lesson.response == "A")


# Selection


def test_what_is_rated_too_low_or_was_cut_is_refused() -> None:
    gate = above(3.0)
    assert gate(reply(KIND, 3.0)).response == KIND
    with pytest.raises(Rejected, match=r"reward 2\.90, at least 3"):
        gate(reply(KIND, 2.9))
    with pytest.raises(Rejected, match="cut at its token limit"):
        gate(reply(KIND, 9.0).derive(attributes={"cut": ["response"]}, scores={"reward": 9.0}))


def test_the_best_reply_to_each_prompt_is_taken() -> None:
    first, second = question(3), question(5)
    drawn = [reply("a", 1, first), reply("b", 3, first), reply("c", 3, first), reply("d", 0, second)]
    assert [one.response for one in best_of(drawn)] == ["b", "d"]


def test_replies_are_paired_off_by_chance_each_once() -> None:
    prompts = [question(number) for number in range(30)]
    drawn = [reply(f"{text} {place}", 0, one) for place, one in enumerate(prompts) for text in ("a", "b", "c", "b")]
    pairs = candidates(drawn)
    assert len(pairs) == 30, "three different replies make one pair"
    texts = {text for one in pairs for text in (one.response, one.rejected)}
    assert len(texts) == 60
    assert len({one.response[0] for one in pairs}) == 3
    assert candidates(drawn) == pairs
    assert candidates(drawn, seed=1) != pairs
    assert not candidates([reply("a"), reply("a")])


def test_a_pair_knows_where_it_comes_from_and_which_side_was_cut() -> None:
    one, other = reply("a").derive(attributes={"cut": ["response"]}), reply("b")
    (made,) = candidates([replace(one, parents=other.parents, _id=""), other])
    names = {"a": replace(one, parents=other.parents, _id="").id, "b": other.id}
    assert made.parents[-2:] == (names[made.response], names[made.rejected])
    assert made["cut"] == ["response" if made.response == "a" else "rejected"]


def test_the_first_judge_that_can_tell_puts_a_pair_in_order() -> None:
    kept = decided(pair(truth=1, model=-1, reward=0.5, first=4.5, second=4), judges=("truth", "model"), least_gap=0.4)
    assert (kept.response, kept["reward_gap"], kept["decided_by"]) == (KIND, 0.5, "truth")
    turned = decided(
        replace(pair(reward=-2.0, first=1, second=3), attributes={"cut": ["rejected"]}, _id=""),
        judges=("truth", "reward"),
        least_gap=0.4,
    )
    assert (turned.response, turned.rejected) == (WRONG, KIND)
    assert (turned["reward_gap"], turned["decided_by"], turned["cut"]) == (2.0, "reward", ["response"])
    assert turned.parents == ("prompt", "second", "first")
    assert (turned.scores["first"], turned.scores["second"]) == (3, 1)


@pytest.mark.parametrize(
    ("scores", "judges", "why"),
    [
        ({"reward": 2.0}, ("truth",), "no verdict of truth"),
        ({"reward": 2.0}, (), "no verdict of any judge"),
        ({"truth": -1.0, "reward": 2.0}, ("truth",), "truth prefers one reply, the reward model the other by 2.00"),
        ({"reward": 0.3}, ("reward",), "a gap of 0.30 is within the reward model's error, 0.40"),
        ({"truth": 1.0}, ("truth",), "a gap of 0.00 is within"),
    ],
)
def test_pairs_whose_order_is_not_sure_are_refused(
    scores: Mapping[str, float], judges: Sequence[str], why: str
) -> None:
    with pytest.raises(Rejected, match=why):
        decided(pair(**scores), judges=judges, least_gap=0.4)


def test_the_pairs_with_the_best_chosen_replies_are_taken_in_their_order() -> None:
    pairs = [replace(pair(first=value), draw=place) for place, value in enumerate((1.0, 5.0, 3.0, 4.0))]
    assert [one.scores["first"] for one in best_share(pairs, 0.5)] == [5.0, 4.0]
    assert best_share(pairs, 1.0) == pairs
    assert len(best_share(pairs, 0.01)) == 1


@given(st.lists(st.floats(0.01, 8), min_size=1, max_size=30), st.floats(0.55, 0.95))
def test_the_scale_makes_the_mean_label_what_is_asked_for(gaps: list[float], sureness: float) -> None:
    scale = scale_of(gaps, sureness)
    assert math.fsum(1 / (1 + math.exp(-scale * gap)) for gap in gaps) / len(gaps) == pytest.approx(sureness, abs=1e-6)


def test_gaps_that_cannot_be_sure_are_told() -> None:
    with pytest.raises(DataError, match=r"No scale of 0 reward gaps .* there are none"):
        scale_of([], 0.775)
    with pytest.raises(DataError, match=r"at most 0\.750"):
        scale_of([0.0, 1.0], 0.775)


# Stages

FEW = RewardSettings(questions=20)
SHORT = StageSettings(steps=2, tokens=300, preference_steps=1, rpo=2, replay=0.5)


def worked(count: int, **attributes: str) -> list[Record]:
    made = manners.styled(count, seed=1, split="train")
    return [replace(one, attributes={**one.attributes, **attributes}, _id="") for one in made]


def graded(count: int) -> list[Record]:
    return [
        one.derive(rejected="Fool. none.", attributes={"reward_gap": 0.5 + place}).scored(first=float(place))
        for place, one in enumerate(worked(count))
    ]


def test_code_and_maths_are_learnt_first_and_come_again(run: Run) -> None:
    data = [*worked(6, kind="maths"), *worked(12, kind="open_qa")[6:]]
    model = run.wait(fine_tuned(run, run.model("tiny"), data, SHORT, name="student"))
    assert {one["kind"] for one in run.dataset("student-first")} == {"maths"}
    mix = Counter(one["kind"] for one in run.dataset("student-general-mix"))
    assert mix == {"open_qa": 6, "maths": 6}
    assert len(read_log(model.folder).losses) == SHORT.steps


def test_only_the_last_fine_tuning_cools_down(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Sequence[Phase]] = []

    async def planned(base: RememberedModel, plan: Sequence[Phase]) -> list[RememberedModel]:
        plans.append(plan)
        return [base]

    monkeypatch.setattr(run, "afit_phases", planned)
    for data in ([*worked(6, kind="maths"), *worked(12, kind="open_qa")[6:]], worked(6)):
        run.wait(fine_tuned(run, run.model("tiny"), data, SHORT, name=f"student-{len(plans)}"))
    assert [[phase.settings.schedule for phase in plan] for plan in plans] == [["constant", "cosine"], ["cosine"]]


@pytest.mark.slow
def test_one_kind_alone_is_one_stage(run: Run) -> None:
    run.wait(fine_tuned(run, run.model("tiny"), worked(6), SHORT, name="student"))
    assert [one.path.name for one in run.datasets()] == ["student-general"]


@pytest.mark.slow
def test_each_stage_of_preferences_starts_where_the_one_before_ended(run: Run) -> None:
    start = run.model("tiny")
    stages = run.wait(aligned(run, start, graded(10), SHORT, SelectionSettings(dpo_best=0.4, rpo_best=0.8)))
    assert list(stages) == ["dpo", "rpo-1", "rpo-2"]
    assert len({start.digest, *(one.digest for one in stages.values())}) == 4
    assert [one.scores["first"] for one in run.dataset("dpo-pairs")] == [6, 7, 8, 9]
    first, second = ({one.id for one in run.dataset(f"rpo-{number}-pairs")} for number in (1, 2))
    assert len(first) == len(second) == 4
    assert not first & second


@pytest.mark.slow
def test_the_reference_of_each_stage_is_its_own_start(run: Run) -> None:
    equal = [replace(one, attributes={**one.attributes, "reward_gap": 2.0}, _id="") for one in graded(10)]
    plain = SHORT.model_copy(update={"sft_weight": 0.0})
    choice = SelectionSettings(sureness=0.8)
    stages = run.wait(aligned(run, run.model("tiny"), equal, plain, choice))
    coin = 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    losses = {name: read_log(model.folder).losses[0] for name, model in stages.items()}
    assert losses == pytest.approx({"dpo": math.log(2), "rpo-1": coin, "rpo-2": coin}, abs=1e-5)


def test_pairs_are_shared_out_without_loss() -> None:
    pairs = graded(7)
    parts = shared_out(pairs, 3, seed=0)
    assert sorted(map(len, parts)) == [2, 2, 3]
    assert {one.id for part in parts for one in part} == {one.id for one in pairs}
    assert shared_out(pairs[:1], 3, seed=0) == [pairs[:1]]


# Weak to strong


class School:
    """Students that say what their name says: the longer, the better rated."""

    def __init__(self, run: Run, lengths: Sequence[int]) -> None:
        self.run, self.lengths, self.taught = run, list(lengths), list[Dataset]()
        self.base, self.teacher = self.speaker(1), self.speaker(5)

    def speaker(self, length: int) -> RememberedModel:
        def said(messages: Messages, sampling: Sampling, seed: int) -> str:
            return "x" * length + str(seed)[:1]

        return RememberedModel(ScriptedBackend(said, name=f"says {length}"), self.run.store)

    async def train(self, data: Sequence[Record] | Dataset, name: str) -> RememberedModel:
        assert isinstance(data, Dataset)
        self.taught.append(data)
        return self.speaker(self.lengths[len(self.taught) - 1])

    def play(self, count: int, least: float = 0.0) -> Played[RememberedModel]:
        prompts = [question(number) for number in range(20)]
        real = [question(number).derive(response="real", origin="real") for number in range(50, 60)]
        return self.run.wait(
            weak_to_strong(
                self.run,
                self.base,
                self.teacher,
                prompts[:12],
                Rounds(self.run.folder, real, RoundPolicy(), self.run.write, name="taught"),
                count,
                rater=length_rater(self.run),
                selection=SelectionSettings(samples=2, least=least),
                train=self.train,
                aside=prompts[12:],
            )
        )


def wrote(run: Run, number: int) -> set[int]:
    return {len(one.response) - 1 for one in run.dataset(f"taught-{number}-selected")}


def test_a_student_that_is_no_worse_than_its_teacher_teaches_the_next_round(run: Run) -> None:
    school = School(run, (7, 9))
    played = school.play(2)
    assert [turn.verdict.accepted for turn in played.turns] == [True, True]
    assert (wrote(run, 1), wrote(run, 2)) == ({5}, {7})
    assert played.model.digest == school.speaker(9).digest
    prompts = [{one.messages for one in run.dataset(f"taught-{number}-answers-drawn")} for number in (1, 2)]
    assert not prompts[0] & prompts[1]
    mix = Counter(one.origin for one in school.taught[1])
    assert mix == {"real": 10, "synthetic": 12}, "the real ones stay, those of the first round too"


def test_a_student_below_its_teacher_is_kept_but_does_not_teach(run: Run) -> None:
    school = School(run, (3, 4))
    played = school.play(2)
    assert [turn.verdict.accepted for turn in played.turns] == [True, True]
    assert (wrote(run, 1), wrote(run, 2)) == ({5}, {5})
    assert "got worse" in str(played.turns[0].figures["beside its teacher"])
    assert played.model.digest == school.speaker(4).digest


def test_a_round_that_makes_the_student_worse_is_rolled_back(run: Run) -> None:
    school = School(run, (7, 2))
    played = school.play(3)
    assert [turn.verdict.accepted for turn in played.turns] == [True, False]
    assert played.model.digest == school.speaker(7).digest


def test_replies_below_the_bar_are_in_the_ledger_with_the_reason(run: Run) -> None:
    School(run, (7,)).play(1, least=6.5)
    ledger = list(run.dataset("taught-1-selected").ledger())
    assert len(ledger) == 12
    assert {entry.reason for entry in ledger} == {"reward 6.00, at least 6.5"}


def test_models_are_compared_on_prompts_that_are_marked_for_all_of_them() -> None:
    marks = {"a": {"greedy": [1.0, math.nan, 3.0]}, "b": {"greedy": [4.0, 5.0, 6.0]}}
    assert comparable(marks) == {"a": {"greedy": [1.0, 3.0]}, "b": {"greedy": [4.0, 6.0]}}


def test_a_reply_that_cannot_be_measured_is_not_marked(run: Run) -> None:
    async def measure(reply: Record) -> float:
        if "3" in reply.prompt:
            raise CallFailed("too long")
        return 1.0

    speaker = School(run, ()).teacher
    found = run.wait(answers(run, speaker, [question(3), question(5)], measure, name="marking"))
    assert [math.isnan(value) for value in found["T=1"]] == [True, False]


# The report


def test_the_report_compares_every_stage_with_the_first_teacher() -> None:
    marks = {"teacher": {"T=1": [1.0, 2.0, 3.0]}, "student": {"T=1": [2.0, 2.0, 3.0]}, "dpo": {"T=1": [4.0, 4.0, 5.0]}}
    headline, table = staged(marks, "by hand")
    assert isinstance(headline, blocks.Headline)
    assert isinstance(table, blocks.Scores)
    assert headline.text == "Mean reward 2.00 → 4.33, first teacher to last stage (T=1)"
    assert [arm.role for arm in table.arms] == ["baseline", "control", "result"]
    assert [(gap.arm, round(gap.estimate.value, 2)) for gap in table.differences] == [("student", 0.33), ("dpo", 2.33)]


def test_the_report_says_which_judge_may_not_decide() -> None:
    found = agreement([pair(truth=(-1) ** place, reward=(-1) ** place) for place in range(40)])
    rows = dict(of_judges(found, ("truth", "model")).pairs)
    assert rows["who decides, the first that can"] == "truth"
    assert rows["does not decide"] == "model: decides 0 of 40 pairs in both orders alike"
    assert rows["reward"].startswith("40 pairs decided, 0 not; right where the truth is known: 1.00 [0.91, 1.00]")


# The recipe


def test_a_reward_model_at_chance_stops_the_run_before_anything_is_written(run: Run) -> None:
    settings = Settings.model_validate({"rewards": {"questions": 160, "steps": 1, "learning_rate": 1e-9}})
    with pytest.raises(DataError, match="The reward model is at chance"):
        run.wait(nemotron(run, settings))
    assert [one.path.name for one in run.datasets()] == ["reward-model-labels"]


def test_a_student_without_weights_is_refused_first(run: Run) -> None:
    with pytest.raises(SettingsError, match="no weights in this process"):
        run.wait(nemotron(run, Settings(student="openai:some@http://127.0.0.1:9/v1", rewards=FEW)))
    assert not list(run.store.effects())
