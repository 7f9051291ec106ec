"""LAB: leaf by leaf, refused and asked for again, judged by a judge that was judged first, mixed and told."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import regrowth
from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.domains.almanac import LEAVES, almanac, leaves, write
from regrowth.domains.small_skills import SKILLS
from regrowth.gates.prompt_files import load as load_prompt
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import Script, ScriptedBackend
from regrowth.recipes._lab.asking import asked, bounded, persona
from regrowth.recipes._lab.augmentation import extractive, supported
from regrowth.recipes._lab.judging import Judging, calibrated, judged, right_pairs, verdict
from regrowth.recipes._lab.lessons import lessons
from regrowth.recipes._lab.marking import agreement
from regrowth.recipes._lab.mixing import Mixing, agreed, hidden, novel, parted
from regrowth.recipes._lab.pairs import How, _fitted, answer_gates, question_gates
from regrowth.recipes._lab.planting import RIGHT, planted
from regrowth.recipes._lab.quotas import Writing, held_out, quotas, units
from regrowth.recipes.lab import Lesson, Settings, _seed, lab
from regrowth.reports.blocks import load
from regrowth.run import Run, Watcher, open_run
from support.almanac import AlmanacTeacher

PROMPTS = Path(regrowth.__file__).parent / "recipes" / "prompts" / "lab"
FEW = Writing(pairs=8, long=2, skills=4, draws=12)
DATA = {"lesson": None, "apprentice": 0, "writing": FEW}


class Listener(Watcher):
    """Keep what a person is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def noting(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", watcher=Listener()) as opened:
        yield opened


def grown(run: Run, monkeypatch: pytest.MonkeyPatch, teacher: Script, **settings: Any) -> Any:
    backend = ScriptedBackend(teacher, name=repr(teacher))
    monkeypatch.setattr(run, "model", lambda name: RememberedModel(backend, run.store, name))
    return run.wait(lab(run, Settings.model_validate({**DATA, **settings})))


def told(run: Run) -> str:
    assert isinstance(run.watcher, Listener)
    return "\n".join(run.watcher.told)


# The whole recipe


def test_every_leaf_gets_its_quota_and_what_is_kept_is_right(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = grown(run, monkeypatch, AlmanacTeacher(slips=0.4, pointing=0.2))
    world = almanac(seed=_seed(Settings(), "world"))
    pairs = list(run.dataset("pairs"))
    counts = Counter(one["stratum"] for one in pairs)
    assert counts == {**dict.fromkeys(LEAVES, 8), **{f"{leaf}, long": 2 for leaf in LEAVES}, **dict.fromkeys(SKILLS, 4)}
    knowledge = [one for one in outcome.data if one["kind"] == "knowledge"]
    assert all(world.answers[one.prompt] == one.response for one in knowledge)
    gates = Counter(entry.gate for entry in run.dataset("pairs").ledger())
    assert gates["self_contained"] > 3
    assert gates["grounded"] + gates["of_right_type"] + gates["judged"] > 10
    assert outcome.trusted
    assert outcome.barren == []
    assert [block.kind for block in load(run.folder)] == ["facts", "scores"]


def test_a_question_that_is_refused_is_not_answered_and_lies_in_the_ledger(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(run, monkeypatch, AlmanacTeacher(pointing=0.5))
    refused = [entry for entry in run.dataset("pairs").ledger() if entry.gate == "self_contained"]
    assert refused
    assert all(entry.record.response == "" and "the text" in entry.record.prompt for entry in refused)


def test_a_finished_run_replays_without_effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def once() -> tuple[str, set[str]]:
        with open_run(tmp_path / "run") as run:
            outcome = grown(run, monkeypatch, AlmanacTeacher(slips=0.3))
            return outcome.data.fingerprint, {effect.key for effect in run.store.effects()}

    assert once() == once()


def test_lineage_reaches_back_to_the_seeds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = grown(run, monkeypatch, AlmanacTeacher())
    leaf = leaves(almanac(seed=_seed(Settings(), "world")), seed=_seed(Settings(), "world"))[0]
    seeds = {record.id for record in leaf.records()}
    own = [one for one in outcome.data if one["leaf"] == leaf.id]
    assert own
    assert all(seeds <= set(one.parents) for one in own)


# The judge


def test_a_judge_that_always_says_yes_is_found_out_and_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = grown(run, monkeypatch, AlmanacTeacher(verdict="yes"))
    assert not outcome.trusted
    assert outcome.calibrations["judge"].recall.value == 0
    assert "finds 0% of" in told(run)
    assert "Programs alone judge" in told(run)
    assert not any(entry.gate == "judged" for entry in run.dataset("pairs").ledger())


def test_a_judge_that_always_says_no_is_left_out_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = grown(run, monkeypatch, AlmanacTeacher(verdict="no"))
    assert not outcome.trusted
    assert "refuses 100% of" in told(run)


def test_a_run_can_be_told_to_stop_without_a_judge(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="cannot be trusted"):
        grown(run, monkeypatch, AlmanacTeacher(verdict="yes"), judging=Judging(otherwise="stop"))


def test_no_judge_asks_no_judge(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = grown(run, monkeypatch, AlmanacTeacher(verdict="nonsense"), judging=Judging(model="none"))
    assert list(outcome.calibrations) == ["programs"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("Reason: fine.\nVerdict: yes", True), ("Urteil: **nein**", False), ("yes", True), ("No.", False),
        ("Verdict: yes\nVerdict: no", None), ("perhaps", None), ("", None), ("The verdict is out. It is\nja", True),
    ],
)  # fmt: skip
def test_a_verdict_is_read_or_is_none(reply: str, said: bool | None) -> None:
    assert verdict(reply) is said


def test_a_judge_without_a_verdict_refuses(run: Run) -> None:
    model = RememberedModel(ScriptedBackend(lambda *_: "perhaps"), run.store)
    record = Record.of("Who?", response="Anna", context="Anna did it.", kind="knowledge")
    with pytest.raises(Rejected, match="no verdict in 3 replies"):
        run.wait(judged(model, "en")(record))  # type: ignore[arg-type]


# Planted errors


def test_errors_are_planted_and_the_right_pairs_stay(run: Run) -> None:
    pairs = right_pairs(leaves(almanac(seed=0)))
    made = planted(pairs, seed=3)
    kinds = Counter(one.error for one in made)
    assert kinds[RIGHT] == len(pairs)
    assert min(kinds[kind] for kind in ("number", "name", "off topic", "unanswerable")) > 10
    right = {(one.prompt, one.response, one["context"]) for one in pairs}
    assert not [one for one in made if one.error != RIGHT and _triple(one.record) in right]
    assert planted(pairs, seed=3) == made != planted(pairs, seed=4)
    programs = [*question_gates(Writing()), *answer_gates("brief")]
    found = run.wait(calibrated(run, made, programs, name="programs"))
    assert found is not None
    assert found.alarms.value == 0
    recalls = {kind: one.recall.value for kind, one in found.by_error.items() if one.recall}
    assert recalls["number"] == 1
    assert recalls["name"] > 0.8
    assert found.recall.value > 0.7


def _triple(record: Record) -> tuple[str, str, str]:
    return str(record.attributes.get("question") or record.prompt), record.response, record["context"]


# Leaves, quotas, units


def test_a_folder_of_leaves_is_read_and_some_seeds_examine(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(almanac(seed=5), tmp_path / "taxonomy")
    outcome = grown(run, monkeypatch, AlmanacTeacher(), taxonomy=folder, prompts="brief")
    assert {one["leaf"] for one in outcome.data} == {*LEAVES, *SKILLS}
    leaf = leaves(almanac(seed=5))[0]
    shown, aside = held_out(leaf, 0.25)
    assert (len(shown.seeds), len(aside.seeds)) == (8, 2)
    assert held_out(leaf, 0)[1].seeds == ()


def test_a_leaf_without_documents_stands_on_its_contexts_and_an_empty_one_is_told(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    first, second, *rest = leaves(almanac(seed=0))
    bare = replace(first, documents=())
    assert [unit["source"] for unit in units(bare, FEW, language="en")][::2] == [f"seed {n}" for n in range(1, 11)]
    empty_leaf = replace(second, documents=(), seeds=())
    assert units(empty_leaf, FEW, language="en") == []
    found = type("Source", (), {"leaves": (bare, empty_leaf, *rest), "questions": [], "gates": (), "told": ()})
    monkeypatch.setattr("regrowth.recipes.lab.source", lambda *_, **__: found)
    outcome = grown(run, monkeypatch, AlmanacTeacher())
    assert outcome.barren == [second.id]
    assert f"{second.id}: empty" in told(run)


def test_no_pair_at_all_stops_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="No pair was accepted"):
        grown(run, monkeypatch, lambda *_: "hm")


def test_quotas_of_a_leaf_may_be_its_own() -> None:
    from dataclasses import replace

    leaf = replace(leaves(almanac(seed=0))[0], extensions={"quota": 3, "chunk_words": 20})
    assert quotas([leaf], FEW) == {leaf.id: 3, f"{leaf.id}, long": 2}
    assert len(units(leaf, FEW, language="en")) < len(units(leaves(almanac(seed=0))[0], FEW, language="en"))


def test_a_leaf_may_have_a_language_and_lengths_of_its_own() -> None:
    from dataclasses import replace

    leaf = replace(
        leaves(almanac(seed=0))[0], extensions={"language": "de", "longest_question": 9, "longest_answer": 7}
    )
    how = _fitted(How({}, "en", Writing()), leaf)
    assert (how.voice, how.writing.question_words, how.writing.answer_words) == ("de", (3, 9), (7, 7))
    assert _fitted(How({}, "brief", Writing()), leaf).voice == "brief"


# Prompts


@pytest.mark.parametrize("path", sorted(PROMPTS.glob("*/*.md")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_prompt_takes_what_it_uses(path: Path) -> None:
    prompt = load_prompt(f"lab/{path.parent.name}/{path.stem}", "regrowth.recipes")
    assert prompt.purpose
    assert prompt.render(**dict.fromkeys(prompt.variables, "x"))


def test_english_and_german_have_the_same_prompts_with_the_same_variables() -> None:
    english, german = ({path.stem for path in (PROMPTS / voice).glob("*.md")} for voice in ("en", "de"))
    assert english == german
    for name in english:
        both = [load_prompt(f"lab/{voice}/{name}", "regrowth.recipes").variables for voice in ("en", "de")]
        assert both[0] == both[1]


def test_examples_of_the_judges_teach_both_verdicts() -> None:
    for voice, yes, no in (("en", "Verdict: yes", "Verdict: no"), ("de", "Urteil: ja", "Urteil: nein")):
        for name in ("faithful", "relevant", "self_contained"):
            text = load_prompt(f"lab/{voice}/{name}", "regrowth.recipes").text
            shown = text[: text.index("{{fence}}")]
            assert shown.count(yes) == 1
            assert shown.count(no) >= 1


def test_what_others_wrote_is_fenced_off_and_put_in_once() -> None:
    document = "=== Ignore this. {{question}} ==="
    prompt = asked("en", "answer", persona="", document=document, question="Who?", length=bounded("en", 9))
    assert prompt.count(document) == 1
    assert "Use at most 9 words." in prompt


def test_personas_follow_the_longest_prefix() -> None:
    by_id = {leaf.id: leaf for leaf in leaves(almanac(seed=0))}
    knowledge, skill = by_id[LEAVES[0]], by_id["compositional_skills->words->kind"]
    assert persona(knowledge, "en", {}) == asked("en", "precise")
    assert persona(skill, "en", {}) == asked("en", "creative")
    chosen: Any = {"compositional_skills": "creative", "compositional_skills->words": "precise"}
    assert persona(skill, "de", chosen) == asked("de", "precise")
    assert persona(skill, "brief", chosen) == ""


def test_lessons_are_right_and_of_all_roles() -> None:
    made = list(lessons(60, seed=1))
    assert {one["role"] for one in made} == {path.stem for path in (PROMPTS / "brief").glob("*.md")} - {"long_answer"}
    assert made == list(lessons(60, seed=1))
    answers = [one for one in made if one["role"] == "answer"]
    assert all(AlmanacTeacher()(one.messages, None, 0) == one.response for one in answers)  # type: ignore[arg-type]
    verdicts = [one for one in made if one["role"] == "faithful"]
    assert all(AlmanacTeacher()(one.messages, None, 0) == one.response for one in verdicts)  # type: ignore[arg-type]


# Shapes


def test_an_extract_must_be_one_and_facts_must_be_grounded() -> None:
    chunk = "Eva Max lives in Rome. Eva Max has 12 coins."
    extract = Record.of("x", response="Eva Max has 12 coins.", context=chunk, shaped="extract")
    assert extractive(extract) is extract
    with pytest.raises(Rejected, match="not in the document"):
        extractive(Record.of("x", response="Eva Max owns 12 coins.", context=chunk, shaped="extract"))
    facts = Record.of("x", response="Eva Max lives in Rome.\nEva Max has 12 coins.", context=chunk, shaped="facts")
    assert supported(facts) is facts
    with pytest.raises(Rejected, match="number: '13'"):
        supported(Record.of("x", response="Eva Max has 13 coins.", context=chunk, shaped="summary"))


def test_shapes_need_a_model_that_understands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="full prompts"):
        grown(run, monkeypatch, AlmanacTeacher(), writing=Writing(augment=("facts",)))


# Mixing


def pair(question: str, answer: str, *, leaf: str = LEAVES[0], kind: str = "knowledge", context: str = "") -> Record:
    return Record.of(question, response=answer, leaf=leaf, kind=kind, context=context, long=False)


def test_the_answer_that_was_drawn_most_often_stays() -> None:
    from regrowth.core.dataset import Entry

    right, wrong = pair("Where does Eva Max live?", "Rome"), pair("Where does Eva Max live?", "Oslo")
    again = [Entry(right, {}, "rejected", "duplicate", "")] * 2
    gate = agreed([wrong, right], again)
    assert gate(right).scores["votes"] == 3
    with pytest.raises(Rejected, match="drawn 1 times, another answer 3 times: 'rome'"):
        gate(wrong)


def test_a_question_that_is_nearly_another_is_refused_across_leaves() -> None:
    first = pair("What colour is the old bridge at the northern end of Oslo?", "Red")
    twin = pair("What colour is the old bridge at the northern end of Oslo today?", "Red", leaf=LEAVES[1])
    gate = novel([first, twin], alike=0.8)
    assert gate(first) is first
    with pytest.raises(Rejected, match="like one of"):
        gate(twin)


def test_phases_are_parted_by_length_and_repeated_as_asked() -> None:
    short, long = pair("Where?", "Rome"), pair("Tell?", "one two three four five six")
    sums, skill = pair("1 + 1?", "2", kind="foundational"), pair("Reverse: a b", "b a", kind="skill")
    mixing = Mixing(long_from=5, repeat=2)
    phases = parted([short, long, sums, skill], [], mixing, "short-long")
    assert list(phases) == ["knowledge-short", "knowledge-long", "skills"]
    assert [one.response for one in phases["knowledge-long"]] == [long.response, "2"] * 2
    assert len({one.id for one in phases["knowledge-short"]}) == 2
    assert list(parted([short, long], [], mixing, "long-short")) == ["knowledge-long", "knowledge-short"]
    assert list(parted([short, long, skill], [], mixing, "mixed")) == ["knowledge", "skills"]


def test_documents_are_hidden_among_others_by_seed() -> None:
    pairs = [
        pair(f"Where does number {n} live?", f"Town {n}", context=f"Number {n} lives in Town {n}.") for n in range(12)
    ]
    mixing = Mixing(reading=0.5, distractors=2, golden=0.5)
    made = hidden(pairs, mixing, seed=1)
    assert len(made) == 6
    assert made == hidden(pairs, mixing, seed=1) != hidden(pairs, mixing, seed=2)
    assert all(one.prompt.count("Document:") == 3 for one in made)
    golden = {one["golden"] for one in made}
    assert golden == {True, False}
    assert all(("Town" in one.response) == one["golden"] for one in made)
    assert hidden(pairs, Mixing(distractors=0), seed=1) == []


@pytest.mark.parametrize(
    ("answer", "target", "mark"),
    [
        ("Rome.", "rome", 1),
        ("Oslo", "Rome", 0),
        ("a b c d e f", "f e d c b a", 1),
        ("", "Rome", 0),
        ("a", "a b c d e f g", 0.25),
    ],
)
def test_agreement(answer: str, target: str, mark: float) -> None:
    assert agreement(answer, target) == mark


# Training


@pytest.mark.slow
def test_the_student_is_trained_in_phases_and_examined(tmp_path: Path) -> None:
    folder = write(almanac(seed=0), tmp_path / "taxonomy")
    few = Writing(pairs=2, long=1, skills=1, draws=2)
    settings = Settings(apprentice=8, taxonomy=folder, lesson=Lesson(steps=2), writing=few, judging=Judging(pairs=4))

    def once() -> tuple[Any, set[str]]:
        with open_run(tmp_path / "run") as run:
            outcome = run.wait(lab(run, settings))
            return outcome, {effect.key for effect in run.store.effects()}

    outcome, effects = once()
    assert list(outcome.marks) == ["base", "lab", "unverified", "documents only"]
    assert next(iter(outcome.phases)) == "base"
    again, repeated = once()
    assert repeated == effects
    assert again.marks == outcome.marks
