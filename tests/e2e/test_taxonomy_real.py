"""The real taxonomy and the real documents: what is read, what is refused and why, and no word lost in chunks."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from regrowth.seeds.chunks import chunks, count_words
from regrowth.seeds.documents import Document, parse_document, read_document
from regrowth.seeds.taxonomy import check_taxonomy, read_taxonomy, write_taxonomy
from support.data import shared_data

LEAVES = {
    "compositional_skills->freeform->palindrome": ("skill", 2, 7, False),
    "compositional_skills->grounded->extraction->employee": ("skill", 2, 6, True),
    "compositional_skills->grounded->linguistics->inclusion": ("skill", 3, 6, True),
    "compositional_skills->linguistics->synonyms": ("skill", 3, 6, False),
    "foundational_skills->reasoning->common_sense_reasoning": ("foundational", 1, 3, False),
    "foundational_skills->reasoning->linguistics_reasoning->logical_sequence_of_words": ("foundational", 1, 3, False),
    "foundational_skills->reasoning->linguistics_reasoning->object_identification": ("foundational", 1, 3, False),
    "foundational_skills->reasoning->logical_reasoning->general": ("foundational", 1, 15, False),
    "foundational_skills->reasoning->logical_reasoning->tabular": ("foundational", 1, 3, False),
    "foundational_skills->reasoning->mathematical_reasoning": ("foundational", 1, 3, False),
    "foundational_skills->reasoning->temporal_reasoning": ("foundational", 1, 3, False),
    "knowledge->astronomy->phoenix": ("knowledge", 3, 5, True),
    "knowledge->science->animals->birds->black_capped_chickadee": ("knowledge", 3, 5, True),
}


def test_every_leaf_of_the_real_taxonomy_is_read_and_what_is_missing_is_told() -> None:
    tree = read_taxonomy(shared_data("taxonomy"), documents=shared_data("documents"))
    assert {leaf.id: (leaf.kind, leaf.version, len(leaf.seeds), leaf.grounded) for leaf in tree} == LEAVES
    assert [one.title for one in tree["knowledge->astronomy->phoenix"].documents] == ["Phoenix (constellation)"]
    told = [f"{one.file.parent.name}:{one.line}: {one.text.partition(',')[0]}" for one in tree.warnings]
    assert [one.partition(" in /")[0] for one in told] == [
        "phoenix:1: no attribution.txt beside it",
        "black_capped_chickadee:185: no document that matches chickadee.md",
    ]
    assert len(tree.records()) == sum(
        len(pairs) for leaf in tree for pairs in (seed.pairs for seed in leaf.seeds)
    ) == 58 + 30  # fmt: skip


def test_the_values_are_those_that_another_reader_of_yaml_finds() -> None:
    root = shared_data("taxonomy")
    for leaf in read_taxonomy(root):
        content = yaml.safe_load(root.joinpath(*leaf.path, "qna.yaml").read_text("utf-8"))
        for seed, other in zip(leaf.seeds, content["seed_examples"], strict=True):
            assert seed.context == other.get("context", "").strip()
            pairs = other.get("questions_and_answers") or [other]
            assert [tuple(pair) for pair in seed.pairs] == [
                (pair["question"].strip(), pair["answer"].strip()) for pair in pairs
            ]


def test_each_real_leaf_without_one_of_its_keys_is_refused(tmp_path: Path) -> None:
    """The rules hold on real files, too: no required key can be missed."""
    root = shared_data("taxonomy")
    for file in sorted(root.rglob("qna.yaml")):
        content = yaml.safe_load(file.read_text("utf-8"))
        for key in content:
            copy = tmp_path / file.parent.relative_to(root) / "qna.yaml"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(yaml.safe_dump({name: value for name, value in content.items() if name != key}))
            errors = [one for one in check_taxonomy(tmp_path) if one.severity == "error"]
            # a skill without its version is one of version 1, knowledge is a deprecated one
            knowledge = file.is_relative_to(root / "knowledge")
            assert bool(errors) == (key != "version" or knowledge), (file, key)
        copy.unlink()


def test_the_template_with_its_gaps_is_refused_at_every_gap(tmp_path: Path) -> None:
    place = tmp_path / "knowledge/template"
    place.mkdir(parents=True)
    (place / "qna.yaml").write_bytes(shared_data("taxonomy/template_qna.yaml").read_bytes())
    errors = [one for one in check_taxonomy(tmp_path) if one.severity == "error"]
    empty = [one for one in errors if "is empty, expected text" in one.text or "is nothing, expected text" in one.text]
    assert len(empty) > 20
    assert any("'questions_and_answers' of seed 4 has 2, expected at least 3" in one.text for one in errors)


def test_the_real_taxonomy_is_written_and_read_the_same(tmp_path: Path) -> None:
    tree = read_taxonomy(shared_data("taxonomy"), documents=shared_data("documents"))
    write_taxonomy(tree, tmp_path)
    assert read_taxonomy(tmp_path, documents=shared_data("documents")) == tree


# Documents ----------------------------------------------------------------------------------------------------------


def bare(markdown: str) -> str:
    """Take the marks off the Markdown of the document on Phoenix, by other means than the reader's."""
    for _ in range(3):  # a link may have brackets of its own in its address, and stand in emphasis
        markdown = re.sub(r'\[([^\[\]]*)\]\((?:[^()"]|\([^()]*\))*"[^"]*"\)', r"\1", markdown)
    markdown = re.sub(r"<sup>([−\d]+)</sup>", r"^\1", markdown)
    return re.sub(r"^#+ |\*|</?sup>|\\", "", markdown, flags=re.MULTILINE)


def test_no_word_of_the_real_markdown_is_lost() -> None:
    path = shared_data("documents/phoenix.md")
    found = read_document(path)
    assert found.text.split() == bare(path.read_text("utf-8")).split()
    assert [one.title for one in found.sections][:4] == [
        "Phoenix (constellation)",
        "History",
        "Characteristics",
        "Features",
    ]
    assert not found.taint
    _law(found)


@pytest.mark.parametrize("name", ["ssa", "dmv"])
def test_no_word_of_the_real_texts_is_lost(name: str) -> None:
    for text in _texts(shared_data(f"documents/multidoc2dial_{name}_documents.jsonl.gz")):
        found = parse_document(text, "text")
        assert found.text.split() == text.split()
        _law(found)


def _texts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def _law(document: Document) -> None:
    """Hold chunks of several sizes against the document they were made from."""
    for size in (40, 120, 300):
        made = chunks(document, words=size)
        assert " ".join(chunk.text for chunk in made).split() == document.text.split()
        assert all(count_words(chunk.text) <= size for chunk in made)
        full = [count_words(chunk.text) for chunk in made[:-1]]
        assert not full or sum(full) / len(full) >= 0.5 * size, "chunks are filled"
