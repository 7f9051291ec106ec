"""What a run folder tells about itself, without anybody's help."""

import asyncio
import json
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from regrowth.core.dataset import Dataset, DatasetWriter, Entry, rewritten
from regrowth.core.errors import CallFailed, DataError, Rejected
from regrowth.core.flow import grow
from regrowth.core.protocols import Model
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.curation.findings import Examination, Finding
from regrowth.curation.lock import Override, Policy, Rule, admitted, examined, signed
from regrowth.gates.taint import tainted
from regrowth.models.model import RememberedModel
from regrowth.reports.blocks import (
    Block,
    CostTable,
    Examined,
    Facts,
    Funnel,
    Headline,
    Lineage,
    Provenance,
    Rejects,
    save,
)
from regrowth.reports.collect import collect
from regrowth.reports.report import write
from support.flows import ShufflingBackend, answer_twice, grown, hard_to_please, seeds

B = TypeVar("B", bound=Block)


def one(kind: type[B], blocks: list[Block]) -> B:
    """Return the only block of a kind."""
    (found,) = (block for block in blocks if isinstance(block, kind))
    return found


def collected(folder: Path) -> list[Block]:
    with Store(folder) as store:
        return collect(folder, store)


async def answer_or_break(seed: Record, model: Model) -> list[Record]:
    """Break on one seed in ten before anything is made; refuse one in ten by hand."""
    number = int(seed.prompt.split()[-1])
    if number % 10 == 3:
        raise ValueError("no such topic")
    if number % 10 == 4:
        raise Rejected("by hand", "not this one")
    return await answer_twice(seed, model)


def breaking_call(record: Record) -> Record:
    """Lose some records to a call that fails for good."""
    if record.response.endswith("0"):
        raise CallFailed("500 after 5 tries")
    return record


def ledger_of(dataset: Dataset) -> Counter[tuple[str, str]]:
    return Counter((entry.gate, entry.outcome) for entry in dataset.ledger())


def test_every_record_is_in_the_funnel(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(60), stratum="topic")
    funnel, ledger = one(Funnel, collected(tmp_path)), ledger_of(dataset)
    assert (funnel.attempted, funnel.made, funnel.accepted) == (60, 120, len(dataset))
    refused = {gate.gate: gate.refused for gate in funnel.gates}
    assert refused["thirds"] == ledger["thirds", "rejected"]
    assert refused["rare"] == ledger["rare", "rejected"]
    assert refused["hard_to_please"] == 0
    assert funnel.title == "What passed the gates"
    assert [stratum.name for stratum in funnel.strata] == ["topic 0", "topic 1", "topic 2"]
    assert sum(stratum.refused for stratum in funnel.strata) == ledger.total()


def test_two_gates_of_one_name_are_counted_once(tmp_path: Path) -> None:
    def thirds(record: Record) -> Record:
        raise Rejected("thirds", "by the second gate of this name")

    dataset, _ = grown(tmp_path, seeds(60), gates=[named_alike(thirds, hard_to_please), thirds], partial=True)
    (passage,) = (gate for gate in one(Funnel, collected(tmp_path)).gates if gate.gate == "thirds")
    assert passage.refused == ledger_of(dataset)["thirds", "rejected"] > 0


def named_alike(other: Callable[[Record], Record], gate: Callable[[Record], Record]) -> Callable[[Record], Record]:
    def alike(record: Record) -> Record:
        return gate(record)

    alike.__name__ = other.__name__
    return alike


def grown_with_failures(folder: Path) -> Dataset:
    async def go() -> Dataset:
        with Store(folder) as store:
            model = RememberedModel(ShufflingBackend(), store)
            return await grow(
                seeds(80),
                answer_or_break,
                model,
                gates=[breaking_call, hard_to_please],
                store=store,
                path=folder / "data" / "grown",
            )

    return asyncio.run(go())


def test_what_broke_is_told_apart_from_what_was_refused(tmp_path: Path) -> None:
    dataset = grown_with_failures(tmp_path)
    ledger = ledger_of(dataset)
    blocks = collected(tmp_path)
    funnel, rejects = one(Funnel, blocks), one(Rejects, blocks)
    assert funnel.broken == ledger["work", "failed"] == 8
    gates = {gate.gate: gate for gate in funnel.gates}
    assert next(iter(gates)) == "by hand"
    assert gates["breaking_call"].failed == ledger["breaking_call", "failed"] > 0
    assert {(gate.gate, gate.failed): gate.count for gate in rejects.gates} == {
        (gate, outcome == "failed"): count for (gate, outcome), count in ledger.items()
    }
    assert [gate.count for gate in rejects.gates] == sorted(ledger.values(), reverse=True)
    work = next(gate for gate in rejects.gates if gate.gate == "work")
    assert work.records[0].reason == "ValueError: no such topic"


def test_a_quota_is_the_last_gate(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(60), count=21, gates=[])
    funnel = one(Funnel, collected(tmp_path))
    assert (funnel.wanted, funnel.accepted) == (21, 21)
    assert funnel.gates[-1].gate == "quota"
    assert funnel.gates[-1].refused == ledger_of(dataset)["quota", "rejected"] > 0


def test_a_shortfall_is_said_under_its_funnel(tmp_path: Path) -> None:
    grown(tmp_path, seeds(5), count=40, draws=1, partial=True)
    assert "of 40 records after 5 attempts" in one(Funnel, collected(tmp_path)).note


def test_after_forgetting_the_funnel_still_tells_what_was_done(tmp_path: Path) -> None:
    dataset = grown_with_failures(tmp_path)
    gone = [entry.record.id for entry in dataset.entries()][:3]
    gone += [entry.record.id for entry in dataset.ledger() if entry.outcome == "failed" and entry.gate != "work"][:1]
    before = one(Funnel, collected(tmp_path))
    rewritten(dataset, set(gone))
    after = one(Funnel, collected(tmp_path))
    assert (after.made, after.accepted, after.broken) == (before.made, before.accepted, before.broken)
    assert after.note == "3 of the accepted were forgotten since."
    assert {gate.gate for gate in after.gates} >= {"(broken calls)"}


def test_records_are_shown_whose_reasons_differ_in_more_than_numbers(tmp_path: Path) -> None:
    record = Record.of("a question", response="an answer")
    reasons = [f"{n} tokens, limit 256" for n in range(300, 1800)] + ["empty", "in another language"]
    with DatasetWriter(tmp_path / "data" / "long") as writer:
        for index, reason in enumerate(reasons):
            writer.refuse(Entry(record.derive(attributes={"n": index}), {}, "rejected", "format", reason))
        writer.refuse(Entry(record, {}, "rejected", "rare gate", "the only one"))
        rejected = {"format": 1502, "rare gate": 1}
        counts = {"wanted": None, "attempted": 1503, "made": 1503, "accepted": 0, "failed": 0}
        tally = {**counts, "rejected": rejected}
        writer.publish(funnel={"gates": ["format"], "strata": {"": tally}}, cost={})
    frequent, rare = one(Rejects, collect(tmp_path)).gates
    assert [shown.reason for shown in frequent.records] == ["300 tokens, limit 256", "empty", "in another language"]
    assert [(shown.id, shown.prompt, shown.response) for shown in rare.records] == [
        (record.id, "a question", "an answer")
    ]


def test_every_effect_is_counted_once_in_the_cost(tmp_path: Path) -> None:
    grown(tmp_path, seeds(20))
    grown(tmp_path, seeds(20), order=1)
    with Store(tmp_path) as store:
        (total,) = store.totals().values()
    (step,) = one(CostTable, collected(tmp_path)).steps
    assert step.step == "generate, shuffling"
    assert (step.calls, step.prompt_tokens) == (total["count"], total["prompt_tokens"]) == (40, total["prompt_tokens"])


def test_without_its_store_a_folder_tells_what_the_manifests_know(tmp_path: Path) -> None:
    grown(tmp_path, seeds(20))
    blocks = collect(tmp_path)
    (step,) = one(CostTable, blocks).steps
    assert (step.step, step.calls) == ("grown", 40)
    assert one(Lineage, blocks).models == ()


def test_lineage_counts_origins_and_parents(tmp_path: Path) -> None:
    first, second = Record.of("a", response="1"), Record.of("b", response="2")
    children = [first.derive(response="3"), first.derive(response="4"), second.derive(response="5")]
    Dataset.write(tmp_path / "data" / "mix", [first, second, *children])
    Dataset.write(tmp_path / "data" / "empty", [])
    lineage = one(Lineage, collect(tmp_path))
    assert lineage.datasets == (
        Provenance(dataset="empty"),
        Provenance(dataset="mix", real=2, synthetic=3, children=3, parents=2),
    )


def test_verdicts_are_told_and_who_signed_for_them(tmp_path: Path) -> None:
    data = Dataset.write(tmp_path / "data" / "mix", [Record.of("a", response="Call 0"), Record.of("b")])
    policy = Policy({"numbers": Rule()})

    def numbered(records: Iterable[Record], rule: Rule) -> Examination:
        found = [Finding(record.id, "a number") for record in records if "0" in record.response]
        return Examination("numbers", {}, 2, tuple(found))

    data = examined(data, policy, {"numbers": numbered})
    signed(data, admitted(data, policy, Override("Ada", "not a number")))
    block = one(Examined, collect(tmp_path))
    (verdict,) = block.verdicts
    assert (verdict.dataset, verdict.found, verdict.examined, verdict.passed) == ("mix", 1, 2, False)
    assert block.signed == ("Ada: not a number [mix: numbers: 1 of 2, allowed 0]",)


def test_models_are_counted_by_their_answers(tmp_path: Path) -> None:
    grown(tmp_path, seeds(20))
    (model,) = one(Lineage, collected(tmp_path)).models
    assert (model.digest, model.answers) == ("shuffling", 40)


def test_several_grown_datasets_have_a_funnel_each_and_share_their_refusals(tmp_path: Path) -> None:
    grown(tmp_path, seeds(20))
    grown(tmp_path, seeds(30), path=tmp_path / "data" / "more")
    blocks = collected(tmp_path)
    assert [block.title for block in blocks if isinstance(block, Funnel)] == [
        "What passed the gates: grown",
        "What passed the gates: more",
    ]
    both = sum((ledger_of(Dataset(tmp_path / "data" / name)) for name in ("grown", "more")), start=Counter())
    assert one(Rejects, blocks).total == both.total()


def test_the_command_repeats_every_setting(tmp_path: Path) -> None:
    settings = {
        "model": "openai:m@http://localhost:8000/v1",
        "note": "two words, it's said",
        "name": "1",
        "yes": True,
        "parts": ["a b", "c"],
        "rate": 1e-05,
        "count": None,
        "empty": "",
    }
    (tmp_path / "run.json").write_text(
        json.dumps({"format": 1, "regrowth": "0.1.0", "recipe": "r", "settings": settings})
    )
    facts = one(Facts, collect(tmp_path))
    assert ("regrowth", "0.1.0") in facts.pairs
    words = shlex.split(facts.command.replace("\\\n", ""))
    assert words[:3] == ["regrowth", "run", "r"]
    sets = dict(word.split("=", 1) for word in words[4::2])
    assert {name: _read(text) for name, text in sets.items()} == {k: v for k, v in settings.items() if v is not None}


def _read(text: str) -> Any:
    """Read a value as the command line does."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def test_an_empty_folder_is_an_empty_report_and_not_an_error(tmp_path: Path) -> None:
    made = write(tmp_path)
    assert made.page.exists()
    assert made.lines == ()


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_run_description_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, "utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=r"run\.json"):
        collect(tmp_path)


def test_the_page_of_a_run_begins_with_what_passed(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(30), count=40, draws=1, partial=True)
    with Store(tmp_path) as store:
        made = write(tmp_path, store)
    assert made.page == tmp_path / "report.html"
    assert made.lines[0] == f"{len(dataset)} of 60 records passed every gate"
    assert made.lines[1].startswith(f"{len(dataset)} of 40 records")


def test_what_the_recipe_says_comes_first(tmp_path: Path) -> None:
    grown(tmp_path, seeds(30))
    save(tmp_path, [Headline(text="it works")])
    made = write(tmp_path)
    assert made.lines == ("it works",)
    blocks = json.loads((tmp_path / "report.json").read_text("utf-8"))["blocks"]
    assert [block["kind"] for block in blocks] == ["headline", "funnel", "rejects", "cost", "lineage", "facts"]


def test_a_replayed_run_has_the_same_report(tmp_path: Path) -> None:
    grown(tmp_path, seeds(30))
    with Store(tmp_path) as store:
        first = write(tmp_path, store).page.read_bytes()
    grown(tmp_path, seeds(30), order=5)
    with Store(tmp_path) as store:
        assert write(tmp_path, store).page.read_bytes() == first


def test_tainted_rows_are_counted_by_reason_and_clean_datasets_are_not_mentioned(tmp_path: Path) -> None:
    clean = Record.of("Who flies?", response="Birds.")
    rows = [
        clean,
        tainted(clean.derive(prompt="Why?"), ["hidden: comment"]),
        tainted(clean.derive(prompt="How?"), ["hidden: comment", "speaks to a model: override"]),
    ]
    Dataset.write(tmp_path / "data" / "from-documents", rows)
    Dataset.write(tmp_path / "data" / "sums", [Record.of('Is "tainted" a word?', response="Yes.")])
    pairs = dict(one(Facts, collected(tmp_path)).pairs)
    assert pairs["tainted in from-documents"] == "2 × hidden: comment, 1 × speaks to a model: override"
    assert "tainted in sums" not in pairs


def test_groups_of_settings_are_repeated_one_by_one(tmp_path: Path) -> None:
    settings = {"training": {"steps": 3, "lora": None, "epsilon": 8.0}, "parameters": {"beta": 0.1}, "columns": {}}
    (tmp_path / "run.json").write_text(json.dumps({"format": 1, "recipe": "fine_tune", "settings": settings}))
    words = shlex.split(one(Facts, collect(tmp_path)).command.replace("\\\n", ""))
    assert words[4::2] == ["training.steps=3", "training.epsilon=8.0", "parameters.beta=0.1"]
