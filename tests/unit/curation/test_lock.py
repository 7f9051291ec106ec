"""A dataset is trained on once its mandatory examinations were made and passed, or somebody signs for it."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.examiners import EXAMINERS as PACKAGED
from regrowth.curation.examiners import NEED_FILES
from regrowth.curation.findings import Examination, Finding
from regrowth.curation.lock import Examiner, Override, Policy, Rule, admitted, examined, noted, verdicts_of
from regrowth.gates.taint import tainted


def shouting(records: Iterable[Record], rule: Rule) -> Examination:
    """Find records in capitals."""
    found = list(records)
    loud = tuple(Finding(one.id, "shouts") for one in found if one.response.isupper())
    return Examination("shouting", {"rule": rule.most}, len(found), loud)


EXAMINERS: dict[str, Examiner] = {"shouting": shouting}


def written(folder: Path, loud: int = 2, of: int = 100) -> Dataset:
    answers = ["LOUD" if number < loud else "quiet" for number in range(of)]
    records = [Record.of(f"question {number}", response=one) for number, one in enumerate(answers)]
    return Dataset.write(folder / "answers", records)


def policy(folder: Path, text: str) -> Policy:
    (folder / "policy.toml").write_text(text, "utf-8")
    return Policy.read(folder / "policy.toml")


def test_what_passes_is_admitted_and_its_verdict_is_in_the_manifest(tmp_path: Path) -> None:
    rules = policy(tmp_path, '[shouting]\nmost = "2%"')
    data = examined(written(tmp_path), rules, EXAMINERS)
    assert admitted(data, rules) == ""
    noted = json.loads((data.path / "manifest.json").read_text("utf-8"))["verdicts"]["gates"]["shouting"]
    assert (noted["found"], noted["examined"], noted["allowed"]) == (2, 100, 2)


def test_what_fails_is_refused_and_the_error_names_records_and_remedies(tmp_path: Path) -> None:
    rules = policy(tmp_path, "[shouting]\nmost = 1")
    data = examined(written(tmp_path), rules, EXAMINERS)
    with pytest.raises(DataError) as refusal:
        admitted(data, rules)
    said = str(refusal.value)
    assert "shouting: 2 of 100, allowed 1" in said
    assert "--override" in said
    assert next(iter(data)).id[:12] in said


def test_what_was_not_examined_is_refused(tmp_path: Path) -> None:
    rules = policy(tmp_path, "[judged_by_people]")
    data = examined(written(tmp_path), rules, EXAMINERS)
    with pytest.raises(DataError, match="judged_by_people: not examined"):
        admitted(data, rules)


def test_somebody_may_sign_and_only_what_was_needed_is_kept(tmp_path: Path) -> None:
    ada = Override.read("Ada Lovelace: they may shout")
    rules = policy(tmp_path, "[shouting]")
    loud = examined(written(tmp_path), rules, EXAMINERS)
    signed = admitted(loud, rules, ada)
    assert signed == "Ada Lovelace: they may shout [answers: shouting: 2 of 100, allowed 0]"
    quiet = examined(written(tmp_path, loud=0), rules, EXAMINERS)
    assert admitted(quiet, rules, ada) == ""


@pytest.mark.parametrize("text", ["", "Ada", "Ada:", ": why", " : "])
def test_a_signature_has_a_name_and_a_reason(text: str) -> None:
    with pytest.raises(SettingsError, match="who and why"):
        Override.read(text)


def test_verdicts_are_made_once_per_content_and_policy(tmp_path: Path) -> None:
    made = []

    def counting(records: Iterable[Record], rule: Rule) -> Examination:
        made.append(rule.most)
        return shouting(records, rule)

    rules = policy(tmp_path, "[shouting]\nmost = 5")
    data = examined(written(tmp_path), rules, {"shouting": counting})
    data = examined(data, rules, {"shouting": counting})
    assert made == [5]
    data = examined(data, policy(tmp_path, "[shouting]\nmost = 1"), {"shouting": counting})
    assert made == [5, 1]
    assert not verdicts_of(written(tmp_path, loud=3)), "other content: the old verdicts say nothing of it"


def test_what_others_examined_is_noted_and_judged_by_the_policy(tmp_path: Path) -> None:
    judged = Examination("judged", {}, 100, (Finding("5f0c", "unkind"),))
    data = noted(examined(written(tmp_path), policy(tmp_path, "[shouting]\nmost = 5"), EXAMINERS), judged)
    mild = policy(tmp_path, "[shouting]\nmost = 5\n[judged]\nmost = 1")
    assert admitted(examined(data, mild, EXAMINERS), mild) == ""
    strict = policy(tmp_path, "[shouting]\nmost = 5\n[judged]")
    with pytest.raises(DataError, match="judged: 1 of 100, allowed 0"):
        admitted(examined(data, strict, EXAMINERS), strict)


@pytest.mark.parametrize("name", sorted(set(PACKAGED) - set(NEED_FILES)))
def test_every_packaged_examination_can_be_mandatory(tmp_path: Path, name: str) -> None:
    words = (f"{number} {'abcdefghij'[number % 10] * 3} grew in field {number * 7}" for number in range(20))
    clean = Dataset.write(tmp_path / "clean", [Record.of(f"What about {one}?", response="Much.") for one in words])
    rules = policy(tmp_path, f"[{name}]")
    assert admitted(examined(clean, rules, PACKAGED), rules) == ""


def test_a_verdict_of_other_content_does_not_admit(tmp_path: Path) -> None:
    """As when records were forgotten, or somebody copied a manifest."""
    rules = policy(tmp_path, "[shouting]\nmost = 5")
    passed = examined(written(tmp_path), rules, EXAMINERS)
    other = written(tmp_path / "other", loud=50)
    manifest = {**other.manifest, "verdicts": passed.manifest["verdicts"]}
    (other.path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(DataError, match="not examined"):
        admitted(Dataset(other.path), rules)


def test_a_benchmark_that_changed_makes_another_policy(tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text("{}", "utf-8")
    rules = policy(tmp_path, '[contamination]\nagainst = ["exam.jsonl"]')
    assert rules.rules["contamination"].against == (tmp_path / "exam.jsonl",), "paths are from the policy's folder"
    before = rules.digest
    (tmp_path / "exam.jsonl").write_text("{ }", "utf-8")
    assert rules.digest != before
    (tmp_path / "exam.jsonl").unlink()
    with pytest.raises(DataError, match=r"exam\.jsonl: no file"):
        _ = rules.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[shouting]\nmost = -1", "found -1"),
        ('[shouting]\nmost = "many"', "found 'many'"),
        ('[shouting]\nmost = "101%"', "found '101%'"),
        ("[shouting]\nmots = 1", "mots"),
        ("shouting = 1", "shouting"),
    ],
)
def test_a_wrong_rule_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        policy(tmp_path, text)


LONG = " ".join(f"word{number} grew" for number in range(40))
SHORT = "Birds fly over the old harbour in the morning."


def seeded(folder: Path, text: str) -> Policy:
    (folder / "seeds.jsonl").write_text(json.dumps({"text": f"Once {LONG} again."}) + "\n", "utf-8")
    (folder / "apart.jsonl").write_text(json.dumps({"text": f"As the law says: {LONG}."}) + "\n", "utf-8")
    return policy(folder, f'[verbatim]\nagainst = ["seeds.jsonl"]\n{text}')


def test_passages_of_the_seeds_can_be_forbidden(tmp_path: Path) -> None:
    records = [Record.of("?", response=text, origin="synthetic") for text in (f"So {LONG.upper()}!", SHORT)]
    data = Dataset.write(tmp_path / "written", [*records, Record.of("?", response=LONG)])
    rules = seeded(tmp_path, "")
    (found,) = verdicts_of(examined(data, rules, PACKAGED))
    assert (found.found, found.examined, found.records) == (1, 2, (records[0].id,)), "the real record is a seed itself"
    with pytest.raises(DataError, match="verbatim: 1 of 2, allowed 0"):
        admitted(examined(data, rules, PACKAGED), rules)
    for mild in ("words = 81", 'apart = ["apart.jsonl"]', 'most = "50%"'):
        rules = seeded(tmp_path, mild)
        assert admitted(examined(data, rules, PACKAGED), rules) == "", mild


def test_a_passage_is_shown_with_its_place_and_documents_are_read(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(f"# Words\n\n{LONG}\n", "utf-8")
    rule = Rule(against=(tmp_path / "book.md",))
    found = PACKAGED["verbatim"]([Record.of("Tell me.", response=LONG), Record.of("?", response=SHORT)], rule)
    (one,) = found.findings
    assert one.reason == "80 words in a row of text 1 that the data grew from"
    assert (one.evidence["words"], one.evidence["text"]) == (80, 1)
    assert str(one.evidence["passage"]).startswith("word0 grew word1")


def test_many_records_are_looked_at_in_blocks_and_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regrowth.curation.examiners.BLOCK", 1)
    (tmp_path / "seeds.jsonl").write_text(json.dumps({"text": LONG}) + "\n", "utf-8")
    records = [Record.of(f"{number}?", response=LONG if number % 3 == 0 else SHORT) for number in range(20)]
    found = PACKAGED["verbatim"](records, Rule(against=(tmp_path / "seeds.jsonl",)))
    assert found.examined == 20
    assert [one.record for one in found.findings] == [one.id for one in records[::3]]


def test_tainted_rows_can_be_forbidden_but_for_some_reasons(tmp_path: Path) -> None:
    row = tainted(Record.of("Who flies?", response="Birds."), ["hidden: comment"])
    data = Dataset.write(tmp_path / "rows", [row, Record.of("Why?", response="They can.")])
    rules = policy(tmp_path, "[tainted]")
    with pytest.raises(DataError, match="tainted: 1 of 2"):
        admitted(examined(data, rules, PACKAGED), rules)
    rules = policy(tmp_path, '[tainted]\nallow = ["hidden: comment"]')
    assert admitted(examined(data, rules, PACKAGED), rules) == ""


@pytest.mark.parametrize("name", sorted(NEED_FILES))
def test_what_compares_with_files_does_not_pass_without_any(tmp_path: Path, name: str) -> None:
    rules = policy(tmp_path, f"[{name}]")
    with pytest.raises(SettingsError, match=rf"\[{name}\]: names no"):
        examined(written(tmp_path), rules, PACKAGED)


def test_no_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no policy that can be read"):
        Policy.read(tmp_path / "absent.toml")


def test_the_packaged_policy_can_be_read() -> None:
    assert {"secrets", "personal"} <= set(Policy.read().rules)


@pytest.mark.parametrize(("most", "of", "allowed"), [(3, 10, 3), ("10%", 25, 2), ("0.5%", 1000, 5), ("0%", 10, 0)])
def test_what_a_rule_allows(most: int | str, of: int, allowed: int) -> None:
    assert Rule(most=most).allowed(of) == allowed
