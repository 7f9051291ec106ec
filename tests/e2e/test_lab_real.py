"""LAB on the real InstructLab taxonomy and a real document, in both languages' prompts, against a served teacher."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from regrowth.core.record import digest
from regrowth.gates.grounding import faults
from regrowth.recipes._lab.formats import Share, knowledge_rows, skill_rows, write_mix
from regrowth.recipes._lab.judging import Judging
from regrowth.recipes._lab.quotas import Writing
from regrowth.recipes.lab import Outcome, Settings, lab
from regrowth.run import Run, open_run
from support.data import shared_data
from support.server import Behaviour

PHOENIX = "knowledge->astronomy->phoenix"
FENCED = re.compile(r"^(=== [0-9a-f]{16} ===)\n(.*?)\n\1(?:\n|$)", re.DOTALL | re.MULTILINE)


class Teacher(Mapping[str, str]):
    """Reply to the full prompts: questions and answers out of the document's sentences, one in four of them faulty."""

    def get(self, prompt: str, default: object = None) -> str:
        rng = Random(digest("teacher", prompt))
        parts = prompt.split(_fence(prompt)) if _fence(prompt) else []
        document = parts[-2].strip() if len(parts) > 2 else ""
        if "Verdict: yes, or Verdict: no" in prompt or "Urteil: ja, oder Urteil: nein" in prompt:
            return _judged(prompt, parts)
        if "letter by letter" in prompt or "one fact a line" in prompt:
            told = [sentence for _, sentence in _facts(document)][:3]
            return "\n".join([*told, *(["It was all made up in 4096."] if rng.random() < 0.3 else [])])
        if "[UNANSWERABLE]" in prompt:
            question = re.search(r"(?:Question|Frage): (.*)", prompt[prompt.rindex(_fence(prompt)) :])
            return _answer(document, question[1] if question else "", rng)
        if "Reply with the question alone" in prompt or "Antworte nur mit der Frage" in prompt:
            return _question(document, rng)
        if "Reply with the new t" in prompt or "Antworte nur mit" in prompt:
            return f"Please treat case number {rng.randrange(10**6)} of this kind with care and say why."
        return f"Here is what was asked for, with care: {rng.randrange(10**6)}."

    def __getitem__(self, prompt: str) -> str:
        return self.get(prompt)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _fence(prompt: str) -> str:
    found = re.findall(r"=== [0-9a-f]{16} ===", prompt)
    return found[-1] if found else ""


def _facts(document: str) -> list[tuple[str, str]]:
    """Return a name and the sentence that holds it."""
    text = " ".join(document.split())
    told = [one for one in re.split(r"(?<=[.]) ", text) if 6 <= len(one.split()) <= 40]
    named = [(re.findall(r"(?<=[a-z] )[A-Z][a-z]{3,}(?: [A-Z][a-z]+)*", one), one) for one in told]
    return [(found[0], one) for found, one in named if found]


def _question(document: str, rng: Random) -> str:
    facts = _facts(document)
    if rng.random() < 0.12 or not facts:
        return f"What does the passage say above about {digest(document, rng.random())}?"
    name, sentence = rng.choice(facts)
    asked = rng.choice(("What", "Which things", "How much"))
    return f"{asked} is known about {name} and the {sentence.split()[-1].strip('.').lower()}?"


def _answer(document: str, question: str, rng: Random) -> str:
    fitting = [sentence for name, sentence in _facts(document) if f"about {name} and" in question]
    if not fitting or rng.random() < 0.05:
        return f"[UNANSWERABLE] {digest(document, question)}"
    sentence = rng.choice(fitting)
    if rng.random() < 0.3:
        return re.sub(r"\d", lambda found: str((int(found[0]) + 5) % 10), f"In 4096, {sentence}")
    return sentence


def _judged(prompt: str, parts: list[str]) -> str:
    texts = [part.strip() for part in parts[-5:]]
    yes, no = ("Verdict: yes", "Verdict: no") if "Verdict" in prompt else ("Urteil: ja", "Urteil: nein")
    if len(texts) == 5 and texts[2] and texts[1] and texts[3]:
        wrong = faults(texts[1], texts[3], question=texts[2])
        return f"{wrong[0] if wrong else 'All of it stands there.'} {digest(prompt)}\n{no if wrong else yes}"
    return f"It is clear. {digest(prompt)}\n{yes}"  # servers number their replies; equal ones look like an echo


def grown(folder: Path, serve: Callable[[Behaviour], str], **changes: object) -> tuple[Outcome, Run]:
    settings = Settings.model_validate(
        {
            "model": f"openai:mock@{serve(Behaviour(said=Teacher()))}",
            "taxonomy": shared_data("taxonomy"),
            "documents": shared_data("documents/phoenix.md").parent,
            "writing": Writing(pairs=6, long=2, skills=2, draws=8, chunk_words=120, answer_words=(60, 200)),
            "judging": Judging(pairs=16),
            **changes,
        }
    )
    with open_run(folder) as run:
        return run.wait(lab(run, settings)), run


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_real_taxonomy_gives_checked_pairs_of_every_leaf(
    language: str, tmp_path: Path, serve: Callable[[Behaviour], str]
) -> None:
    outcome, run = grown(tmp_path / "run", serve, language=language)
    kept = list(outcome.data)
    knowledge = [one for one in kept if one["leaf"] == PHOENIX]
    assert len(knowledge) >= 4
    assert all(not faults(one["context"], one.response, question=one.prompt) for one in knowledge)
    assert all("passage" not in one.prompt and "4096" not in one.response for one in knowledge)
    assert {one["kind"] for one in kept} == {"knowledge", "foundational", "skill"}
    assert len({one["leaf"] for one in kept}) >= 10
    refused = Counter(entry.gate for entry in run.dataset("pairs").ledger())
    assert refused["self_contained"] + refused["one_question"] > 0
    assert refused["grounded"] > 0
    assert outcome.model is None
    assert "programs" in outcome.calibrations
    assert outcome.calibrations["programs"].recall.value > 0.5
    assert outcome.calibrations["programs"].alarms.value < 0.2


def test_rows_have_the_formats_that_instructlab_reads(tmp_path: Path, serve: Callable[[Behaviour], str]) -> None:
    outcome, _ = grown(tmp_path / "run", serve)
    knowledge = [one for one in outcome.data if one["kind"] == "knowledge"]
    others = [one for one in outcome.data if one["kind"] != "knowledge"]
    rows = list(knowledge_rows(knowledge))
    assert all(set(row) == {"id", "messages", "metadata", "unmask"} for row in rows)
    assert all(
        row["unmask"] and row["messages"][0]["content"].startswith(one["context"][:20])
        for row, one in zip(rows, knowledge, strict=True)
    )
    assert all(json.loads(row["metadata"])["attributes"]["leaf"].startswith("knowledge") for row in rows)
    assert not any(row["unmask"] for row in skill_rows(others))
    paths = write_mix(tmp_path / "mix", "skills", [Share("knowledge", rows), Share("skills", list(skill_rows(others)))])
    lines = paths["mix"].read_text("utf-8").splitlines()
    assert len(lines) == len(rows) + len(others)
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)


def test_questions_are_asked_about_other_shapes_and_answered_from_the_chunk(
    tmp_path: Path, serve: Callable[[Behaviour], str]
) -> None:
    writing = Writing(pairs=12, long=1, skills=1, draws=3, chunk_words=120, augment=("facts", "extract"))
    outcome, run = grown(tmp_path / "run", serve, writing=writing)
    shapes, refused = list(run.dataset("shapes")), list(run.dataset("shapes").ledger())
    assert {one["shaped"] for one in shapes} == {"facts", "extract"}
    assert {entry.gate for entry in refused} <= {"supported", "extractive", "not_empty"}
    assert refused
    about = [one for one in outcome.data if one.attributes.get("shaped")]
    assert about
    assert all(one["shape"] != one["context"] and not faults(one["context"], one.response) for one in about)
