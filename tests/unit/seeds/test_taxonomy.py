"""Taxonomies: every rule of every version, told with its line; what is read, and written back the same."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regrowth import extras
from regrowth.core.errors import DataError, MissingExtra
from regrowth.seeds._taxonomy.nodes import MOST
from regrowth.seeds.taxonomy import (
    Leaf,
    Pair,
    Problem,
    SeedExample,
    Taxonomy,
    check_taxonomy,
    read_taxonomy,
    write_taxonomy,
)

Content = dict[str, Any]


def pairs(count: int, start: int = 0) -> list[Content]:
    return [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(start, start + count)]


def skill(version: int | None = 3, count: int = 5) -> Content:
    head = {} if version is None else {"version": version}
    return {**head, "created_by": "me", "task_description": "Say it.", "seed_examples": pairs(count)}


def knowledge(count: int = 5) -> Content:
    return {
        "version": 3,
        "created_by": "me",
        "domain": "birds",
        "document_outline": "Of birds.",
        "document": {"repo": "https://example.org/birds.git", "commit": "c87a82e", "patterns": ["birds.md"]},
        "seed_examples": [
            {"context": f"Context {n}.", "questions_and_answers": pairs(3, 10 * n)} for n in range(count)
        ],
    }


def old_knowledge(version: int | None = 2, count: int = 5) -> Content:
    rest = {name: value for name, value in knowledge().items() if name not in ("version", "document_outline")}
    return {**skill(version, count), **{name: value for name, value in rest.items() if name != "seed_examples"}}


def put(root: Path, content: Content | str, path: str = "compositional_skills/say") -> Path:
    file = root / path / "qna.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    file.write_text(text, "utf-8")
    return file


def told(root: Path, **how: Any) -> list[str]:
    """Return all problems as `line: text`, the warnings with a `w` before them."""
    return [
        f"{'w' * (problem.severity == 'warning')}{problem.line}: {problem.text}"
        for problem in check_taxonomy(root, **how)
    ]


def changed(content: Content, **changes: Any) -> Content:
    return {name: value for name, value in {**content, **changes}.items() if value is not ...}


# What is read -------------------------------------------------------------------------------------------------------


def test_a_skill_is_read_with_its_seeds(tmp_path: Path) -> None:
    file = put(tmp_path, skill())
    tree = read_taxonomy(tmp_path)
    (leaf,) = tree
    assert (leaf.id, leaf.path, leaf.kind, leaf.version) == (
        "compositional_skills->say",
        ("compositional_skills", "say"),
        "skill",
        3,
    )
    assert (leaf.created_by, leaf.task_description, leaf.file) == ("me", "Say it.", file)
    assert leaf.seeds[1] == SeedExample(2, (Pair("Question 1?", "Answer 1."),))
    assert (leaf.seeds[1].question, leaf.seeds[1].answer) == ("Question 1?", "Answer 1.")
    assert not leaf.grounded
    assert tree["compositional_skills->say"] is leaf
    assert not tree.warnings
    with pytest.raises(KeyError, match=r"no leaf 'other' .*compositional_skills->say"):
        tree["other"]


def test_knowledge_is_read_with_its_contexts_pairs_and_documents(tmp_path: Path) -> None:
    file = put(tmp_path, knowledge(), "knowledge/birds")
    file.with_name("attribution.txt").write_text("Title of work: Birds\n")
    file.with_name("birds.md").write_text("# Birds\n\nThey fly.\n")
    tree = read_taxonomy(tmp_path)
    (leaf,) = tree
    assert (leaf.kind, leaf.domain, leaf.outline, leaf.attribution) == (
        "knowledge",
        "birds",
        "Of birds.",
        "Title of work: Birds\n",
    )
    assert leaf.seeds[2].context == "Context 2."
    assert [pair.question for pair in leaf.seeds[2].pairs] == ["Question 20?", "Question 21?", "Question 22?"]
    assert leaf.grounded
    assert leaf.document is not None
    assert leaf.document.patterns == ("birds.md",)
    assert [(one.title, one.source, one.text) for one in leaf.documents] == [
        ("Birds", "birds.md", "Birds\n\nThey fly.")
    ]
    assert not tree.warnings


def test_records_hold_the_bare_question_and_say_where_they_come_from(tmp_path: Path) -> None:
    put(tmp_path, changed(knowledge(), **{"x-regrowth": {"language": "en"}}), "knowledge/birds")
    put(tmp_path, skill())
    tree = read_taxonomy(tmp_path)
    records = tree.records()
    assert len(records) == 5 + 15
    assert len({record.id for record in records}) == 20
    last = tree["knowledge->birds"].records()[-1]
    assert (last.prompt, last.response, last.origin) == ("Question 42?", "Answer 42.", "real")
    assert last.attributes == {
        "leaf": "knowledge->birds",
        "kind": "knowledge",
        "seed": 5,
        "pair": 3,
        "context": "Context 4.",
        "language": "en",
    }
    assert "context" not in records[0].attributes


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("compositional_skills/a/b", skill(), "skill"),
        ("foundational_skills/a", skill(), "foundational"),
        ("knowledge/a", knowledge(), "knowledge"),
        ("foundational_skills/a", knowledge(), "knowledge"),
        ("elsewhere/a", knowledge(), "knowledge"),
        ("elsewhere/a", skill(), "skill"),
    ],
)
def test_the_first_folder_or_a_document_makes_the_kind(tmp_path: Path, path: str, content: Content, kind: str) -> None:
    put(tmp_path, content, path)
    (leaf,) = read_taxonomy(tmp_path)
    assert leaf.kind == kind
    assert leaf.id == path.replace("/", "->")


def test_a_folder_inside_of_a_branch_keeps_the_branch(tmp_path: Path) -> None:
    put(tmp_path, knowledge(), "tree/knowledge/sky/phoenix")
    for inside in ("tree", "tree/knowledge", "tree/knowledge/sky", "tree/knowledge/sky/phoenix"):
        assert [leaf.id for leaf in read_taxonomy(tmp_path / inside)] == ["knowledge->sky->phoenix"]


@pytest.mark.parametrize("content", [skill(None, 1), skill(1, 1), skill(2), skill(3)])
def test_skills_of_all_versions_are_accepted(tmp_path: Path, content: Content) -> None:
    put(tmp_path, content)
    (leaf,) = read_taxonomy(tmp_path)
    assert leaf.version == content.get("version", 1)


def test_version_one_may_leave_the_description_empty_and_repeat_a_seed(tmp_path: Path) -> None:
    put(tmp_path, changed(skill(1, 1), task_description="", seed_examples=pairs(1) * 2))
    (leaf,) = read_taxonomy(tmp_path)
    assert (leaf.task_description, len(leaf.seeds)) == ("", 2)


def test_leaves_come_in_the_order_of_names_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("b", "a", ".git"):
        put(tmp_path, skill(), f"compositional_skills/{name}")
    (tmp_path / "template_qna.yaml").write_text("version: <number>")
    tree = read_taxonomy(tmp_path)
    assert [leaf.path[-1] for leaf in tree] == ["a", "b"]
    assert not tree.warnings


# Rules --------------------------------------------------------------------------------------------------------------

WRONG_SKILLS = [
    (changed(skill(), created_by=...), "1: the file has no 'created_by'"),
    (changed(skill(), task_description=...), "1: the file has no 'task_description'"),
    (changed(skill(), seed_examples=...), "1: the file has no 'seed_examples'"),
    (changed(skill(), created_by=""), "2: 'created_by' is empty, expected text."),
    (changed(skill(), task_description=" \n"), "3: 'task_description' is empty, expected text."),
    (changed(skill(), created_by=7), "2: 'created_by' is a number (7), expected text. Put it in quotes: '7'."),
    (changed(skill(), version=4), "1: 'version' is a number (4), expected the number 1, 2 or 3."),
    (changed(skill(), version="3"), "1: 'version' is the text '3', expected the number 1, 2 or 3."),
    (changed(skill(), seed_examples=pairs(4)), "4: 'seed_examples' has 4, expected at least 5."),
    (changed(skill(2), seed_examples=pairs(4)), "4: 'seed_examples' has 4, expected at least 5."),
    (changed(skill(1), seed_examples=[]), "4: 'seed_examples' has 0, expected at least 1."),
    (changed(skill(), seed_examples="none"), "4: 'seed_examples' is the text 'none', expected a list."),
    (changed(skill(), seed_examples=[*pairs(5), *pairs(1)]), "15: seed 6 is the same as the one in line 5"),
    (changed(skill(), seed_examples=[*pairs(5), "six"]), "15: seed 6 is the text 'six', expected the keys"),
    (changed(skill(), seed_examples=[*pairs(5), {"question": "Q?"}]), "15: seed 6 has no 'answer'"),
    (changed(skill(), seed_examples=[*pairs(5), {"question": "", "answer": "A"}]), "15: 'question' of seed 6 is empty"),
    (changed(skill(), seed_examples=[*pairs(5), {"question": "Q?", "answer": True}]), "16: 'answer' of seed 6 is a"),
    (changed(skill(), seed_examples=[*pairs(5), {**pairs(1)[0], "context": ""}]), "17: 'context' of seed 6 is empty"),
    (
        changed(skill(), seed_examples=[*pairs(5), {**pairs(1)[0], "contxt": "C"}]),
        "17: unknown key 'contxt' in seed 6, expected 'question', 'answer', 'context'. Is it 'context'?",
    ),
    (changed(skill(), createdby="me"), "15: unknown key 'createdby' in the file"),
    (changed(skill(), domain="birds"), "15: unknown key 'domain' in the file"),
]


@pytest.mark.parametrize(("content", "problem"), WRONG_SKILLS, ids=[problem for _, problem in WRONG_SKILLS])
def test_a_skill_that_breaks_a_rule_is_refused_with_the_line(tmp_path: Path, content: Content, problem: str) -> None:
    file = put(tmp_path, content)
    assert len(told(tmp_path)) == 1
    assert told(tmp_path)[0].startswith(problem)
    with pytest.raises(DataError) as error:
        read_taxonomy(tmp_path)
    assert f"{file}:{problem}" in str(error.value)


def seeds_with(**last: Any) -> list[Content]:
    return [*knowledge(5)["seed_examples"], changed(knowledge(6)["seed_examples"][5], **last)]


WRONG_KNOWLEDGE = [
    (changed(knowledge(), domain=...), "1: the file has no 'domain'"),
    (changed(knowledge(), document_outline=...), "1: the file has no 'document_outline'"),
    (changed(knowledge(), document=...), "1: the file has no 'document'"),
    (changed(knowledge(), task_description="no"), "51: unknown key 'task_description' in the file"),
    (changed(knowledge(), seed_examples=knowledge(4)["seed_examples"]), "10: 'seed_examples' has 4, expected at least"),
    (changed(knowledge(), seed_examples=seeds_with(context=...)), "51: seed 6 has no 'context'"),
    (changed(knowledge(), seed_examples=seeds_with(questions_and_answers=...)), "51: seed 6 has no 'questions_and"),
    (
        changed(knowledge(), seed_examples=seeds_with(questions_and_answers=pairs(2))),
        "52: 'questions_and_answers' of seed 6 has 2, expected at least 3.",
    ),
    (
        changed(knowledge(), seed_examples=seeds_with(questions_and_answers=[*pairs(3), *pairs(1)])),
        "59: pair 4 is the same as the one in line 53",
    ),
    (changed(knowledge(), seed_examples=seeds_with(question="Q?")), "59: unknown key 'question' in seed 6"),
    (changed(knowledge(), document="birds.md"), "5: 'document' is the text 'birds.md', expected the keys"),
    (changed(knowledge(), document={**knowledge()["document"], "patterns": []}), "8: 'patterns' of 'document' has 0"),
    (
        changed(knowledge(), document={**knowledge()["document"], "patterns": ["a.md", "a.md"]}),
        "10: pattern 2 is the same as the one in line 9",
    ),
    (changed(knowledge(), document={**knowledge()["document"], "branch": "x"}), "10: unknown key 'branch' in 'docume"),
    (changed(knowledge(), document={**knowledge()["document"], "commit": 12}), "7: 'commit' of 'document' is a number"),
]


@pytest.mark.parametrize(("content", "problem"), WRONG_KNOWLEDGE, ids=[problem for _, problem in WRONG_KNOWLEDGE])
def test_knowledge_that_breaks_a_rule_is_refused_with_the_line(tmp_path: Path, content: Content, problem: str) -> None:
    put(tmp_path, content, "knowledge/birds").with_name("birds.md").write_text("Birds fly.")
    (tmp_path / "knowledge/birds/a.md").write_text("Birds fly.")
    errors = [one for one in told(tmp_path) if not one.startswith("w")]
    assert len(errors) == 1
    assert errors[0].startswith(problem)


def test_further_keys_of_a_pair_are_told_and_not_refused(tmp_path: Path) -> None:
    content = changed(knowledge(), seed_examples=seeds_with(questions_and_answers=[*pairs(2), {**pairs(3)[2], "n": 1}]))
    put(tmp_path, content, "knowledge/birds")
    tree = read_taxonomy(tmp_path)
    assert "'n' of pair 3 is not read" in str(tree.warnings)


@pytest.mark.parametrize("version", [None, 1, 2])
def test_old_knowledge_is_refused_unless_asked_for(tmp_path: Path, version: int | None) -> None:
    put(tmp_path, old_knowledge(version), "knowledge/birds").with_name("birds.md").write_text("Birds fly.")
    with pytest.raises(
        DataError, match=r":1: knowledge of version [12] is deprecated, expected version 3.*strict=False"
    ):
        read_taxonomy(tmp_path)
    (leaf,) = tree = read_taxonomy(tmp_path, strict=False)
    assert (leaf.kind, leaf.version, len(leaf.seeds), leaf.grounded) == ("knowledge", version or 1, 5, False)
    assert leaf.documents
    assert "is deprecated" in str(tree.warnings)


def test_old_knowledge_has_rules_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, changed(old_knowledge(2), task_description=...), "knowledge/a")
    put(tmp_path, changed(old_knowledge(2), seed_examples=pairs(4)), "knowledge/b")
    put(tmp_path, changed(old_knowledge(1), document={"patterns": ["a.md"]}), "knowledge/c")
    put(tmp_path, old_knowledge(1, 1), "knowledge/d")
    errors = [str(one) for one in check_taxonomy(tmp_path, strict=False) if one.severity == "error"]
    assert [error.partition("knowledge/")[2].partition(", expected")[0] for error in errors] == [
        "a/qna.yaml:1: the file has no 'task_description'",
        "b/qna.yaml:4: 'seed_examples' has 4",
        "c/qna.yaml:16: 'document' has no 'repo'",
        "c/qna.yaml:16: 'document' has no 'commit'",
    ]


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    one = put(tmp_path, changed(skill(), created_by=..., seed_examples=pairs(2)), "compositional_skills/a")
    two = put(tmp_path, changed(skill(), task_description=3), "compositional_skills/b")
    with pytest.raises(DataError) as error:
        read_taxonomy(tmp_path)
    lines = str(error.value).splitlines()
    assert lines[0] == f"{tmp_path}: 3 problems in this taxonomy."
    assert [line.strip().partition(": ")[0] for line in lines[1:]] == [f"{one}:1", f"{one}:3", f"{two}:3"]


def test_mixed_leaves_are_parted_and_told(tmp_path: Path) -> None:
    seeds = [{**pair, "context": f"C{n}"} if n in (0, 3) else pair for n, pair in enumerate(pairs(5))]
    put(tmp_path, changed(skill(), seed_examples=seeds))
    tree = read_taxonomy(tmp_path)
    grounded, freeform = tree
    assert (grounded.id, freeform.id) == ("compositional_skills->say#grounded", "compositional_skills->say#freeform")
    assert [seed.number for seed in grounded.seeds] == [1, 4]
    assert [seed.number for seed in freeform.seeds] == [2, 3, 5]
    assert (grounded.grounded, freeform.grounded) == (True, False)
    assert "2 seeds have a context and 3 have none" in str(tree.warnings[0])
    assert tree.warnings[0].line == 4


def test_what_is_allowed_and_odd_is_a_warning(tmp_path: Path) -> None:
    wordy = [*pairs(4), {"question": "word " * 2400, "answer": "find\u200b"}]
    put(tmp_path, changed(skill(), seed_examples=wordy))
    put(tmp_path, knowledge(), "knowledge/birds").with_name("birds.md").write_text("Birds fly.")
    assert [text.partition(",")[0] for text in told(tmp_path)] == [
        "w4: questions and answers have 2",
        "w4: the seeds have 1 characters that nobody sees; they reach the prompts.",
        "w1: no attribution.txt beside it",
    ]


# Files that are no leaf ---------------------------------------------------------------------------------------------


def test_an_empty_file_is_a_warning(tmp_path: Path) -> None:
    for name, text in (("a", ""), ("b", "# nothing\n"), ("c", "{}"), ("d", "null"), ("e", "---\n")):
        put(tmp_path, text, f"compositional_skills/{name}")
    assert len(told(tmp_path)) == 5
    assert all(one.startswith("w1: the file is empty") for one in told(tmp_path))
    with pytest.raises(DataError, match="no leaf in this taxonomy"):
        read_taxonomy(tmp_path)
    put(tmp_path, skill(), "compositional_skills/f")
    assert len(read_taxonomy(tmp_path)) == 1


def test_a_leaf_of_another_name_does_not_go_unnoticed(tmp_path: Path) -> None:
    put(tmp_path, skill(), "compositional_skills/a").rename(tmp_path / "compositional_skills/a/qna.yml")
    put(tmp_path, skill(), "compositional_skills/b").with_name("more.yaml").write_text("x: 1")
    a, b = check_taxonomy(tmp_path)
    assert (a.severity, b.severity) == ("error", "warning")
    assert "is not read: a leaf's file is called qna.yaml, found qna.yml" in str(a)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n- b\n", "1: found a list of 2, expected keys with values"),
        ("just words\n", "1: found the text 'just words', expected keys"),
        ("version: 3\ncreated_by: me: you\n", "2: not YAML: mapping values are not allowed here"),
        ("version: 3\n\tcreated_by: me\n", "2: indented with a tab, expected spaces"),
        ("version: 3\nversion: 2\n", "2: key 'version' a second time, first in line 1"),
        ("a: [1, 2\n", "2: not YAML: while parsing a flow sequence"),
        ("a: {b: Who?, c: d}\n", "1: not YAML: while parsing a flow mapping"),
        ("a: 1\n---\nb: 2\n", "2: not YAML: expected a single document in the stream"),
        ("a: *b\n", "1: not YAML: found undefined alias"),
        ("a: !!python/object/apply:os.system [x]\n", "1: tag '!!python/object/apply:os.system', expected plain text"),
        ("a: !secret x\n", "1: tag '!secret', expected plain text"),
        ("? [a, b]\n: c\n", "1: a list or a mapping as a key"),
        ("a: b\n\x07: c\n", "2: found the character U+0007"),
        ('a: "\\ud83d"\n', "1: half of a surrogate pair"),
        ("[" * 2000, "1: nested too deeply"),
    ],
)
def test_what_is_no_yaml_of_ours_is_told_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    put(tmp_path, text)
    assert any(one.startswith(problem) for one in told(tmp_path))


def test_what_is_wrong_in_the_yaml_does_not_hide_the_rest(tmp_path: Path) -> None:
    put(
        tmp_path,
        yaml.safe_dump(changed(skill(), seed_examples=pairs(4)), sort_keys=False) + "created_by: you\nx: !y z\n",
    )
    assert [one.partition(",")[0] for one in told(tmp_path)] == [
        "4: 'seed_examples' has 4",
        "13: key 'created_by' a second time",
        "14: tag '!y'",
        "14: unknown key 'x' in the file",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path, "").write_bytes(b"version: 3\ncreated_by: caf\xe9\n")
    put(tmp_path, "", "compositional_skills/large").write_bytes(b"# " + b"x" * 10_000_000)
    put(tmp_path, skill(), "compositional_skills/there")
    outside = tmp_path.parent / "outside.yaml"
    outside.write_text("created_by: somebody else")
    (tmp_path / "compositional_skills/linked").mkdir()
    (tmp_path / "compositional_skills/linked/qna.yaml").symlink_to(outside)
    assert told(tmp_path) == [
        "1: has 10,000,002 bytes, expected at most 2,000,000. Put documents beside it.",
        "1: is no file inside the taxonomy, expected one (and no link out of it).",
        "2: not UTF-8 (byte 0xe9). Save the file as UTF-8.",
    ]


def test_aliases_are_followed_and_bombs_are_not(tmp_path: Path) -> None:
    seeds = "\n".join(f"- {{question: Q{n}, answer: *told}}" for n in range(5))
    put(tmp_path, f"version: 3\ncreated_by: &told me\ntask_description: T\nseed_examples:\n{seeds}\n")
    (leaf,) = read_taxonomy(tmp_path)
    assert {seed.answer for seed in leaf.seeds} == {"me"}
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    put(tmp_path, bomb)
    (problem,) = told(tmp_path)
    assert f"unfolds to more than {MOST:,} values" in problem
    merges = "m0: &m0 {a: 1, b: 2}\n" + "".join(
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
    )
    put(tmp_path, merges)
    assert "unfolds to more than" in told(tmp_path)[0]
    put(tmp_path, "a: &a [*a]\n")
    assert "unfolds" in told(tmp_path)[0] or "recursive" in told(tmp_path)[0]


def test_merge_keys_give_what_is_not_there(tmp_path: Path) -> None:
    seeds = "\n".join(f"- {{<<: *pair, question: Q{n}}}" for n in range(4))
    text = "version: 3\ncreated_by: me\ntask_description: T\nseed_examples:\n- &pair {question: Q, answer: A}\n"
    put(tmp_path, text + seeds + "\n")
    (leaf,) = read_taxonomy(tmp_path)
    assert [(seed.question, seed.answer) for seed in leaf.seeds[:2]] == [("Q", "A"), ("Q0", "A")]


def test_json_is_yaml_also_beyond_the_basic_plane(tmp_path: Path) -> None:
    put(tmp_path, json.dumps(changed(skill(), task_description="Say \U0001f426.\n")))
    (leaf,) = read_taxonomy(tmp_path)
    assert leaf.task_description == "Say \U0001f426."


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        read_taxonomy(tmp_path / "none")
    with pytest.raises(DataError, match="there is no such folder"):
        read_taxonomy(tmp_path, documents=tmp_path / "none")
    with pytest.raises(DataError, match="is no folder"):
        check_taxonomy(put(tmp_path, skill()))


def test_without_pyyaml_the_command_that_installs_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    put(tmp_path, skill())
    monkeypatch.setattr(extras, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'regrowth\[documents\]'"):
        read_taxonomy(tmp_path)


# Documents ----------------------------------------------------------------------------------------------------------


def test_documents_are_looked_for_beside_the_leaf_then_by_repository_then_in_the_folder(tmp_path: Path) -> None:
    tree, documents = tmp_path / "tree", tmp_path / "documents"
    beside = put(tree, knowledge(), "knowledge/birds").with_name("birds.md")
    (documents / "birds").mkdir(parents=True)

    def found() -> list[str]:
        return [one.text for one in read_taxonomy(tree, documents=documents)["knowledge->birds"].documents]

    assert found() == []
    (documents / "birds.md").write_text("In the folder.")
    assert found() == ["In the folder."]
    (documents / "birds/birds.md").write_text("By repository.")
    assert found() == ["By repository."]
    beside.write_text("Beside the leaf.")
    assert found() == ["Beside the leaf."]


def test_a_document_that_is_nowhere_is_told_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, knowledge(), "knowledge/birds")
    tree = read_taxonomy(tmp_path)
    assert tree["knowledge->birds"].documents == ()
    (warning,) = (problem for problem in tree.warnings if "no document" in problem.text)
    assert warning.line == 5
    assert "birds.md" in warning.text
    assert "--documents" in warning.text


def test_without_repository_the_files_must_be_here(tmp_path: Path) -> None:
    file = put(tmp_path, changed(knowledge(), document={"patterns": ["*.md"]}), "knowledge/birds")
    with pytest.raises(DataError, match=r":5: no document that matches \*\.md"):
        read_taxonomy(tmp_path)
    file.with_name("birds.md").write_text("Birds fly.")
    tree = read_taxonomy(tmp_path)
    assert len(tree["knowledge->birds"].documents) == 1
    assert "InstructLab refuses the leaf" in str(tree.warnings)


@pytest.mark.parametrize("pattern", ["../secret.md", "/etc/*.md", "a/../../secret.md"])
def test_patterns_stay_inside_of_their_folder(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "secret.md").write_text("Secret.")
    put(tmp_path / "tree", changed(knowledge(), document={"patterns": [pattern]}), "knowledge/birds")
    assert any("expected a path or a glob inside the folder" in one for one in told(tmp_path / "tree"))


def test_credits_are_no_document_and_no_pattern_breaks_the_reader(tmp_path: Path) -> None:
    patterns = ["*", "x" * 5000, "a\0b", "["]
    file = put(tmp_path, changed(knowledge(), document={"patterns": patterns}), "knowledge/birds")
    file.with_name("attribution.txt").write_text("Title of work: Birds")
    assert any("no document that matches" in one for one in told(tmp_path))
    put(tmp_path, changed(knowledge(), **{"x-regrowth": {"documents": ["x" * 5000]}}), "knowledge/birds")
    assert any("no document 'xxx" in one for one in told(tmp_path))


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("Secret.")
    put(tmp_path / "tree", knowledge(), "knowledge/birds").with_name("birds.md").symlink_to(tmp_path / "secret.md")
    assert read_taxonomy(tmp_path / "tree")["knowledge->birds"].documents == ()


def test_a_document_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, knowledge(), "knowledge/birds").with_name("birds.md").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r":5: .*birds\.md: is not UTF-8"):
        read_taxonomy(tmp_path)


def test_documents_under_our_own_key_need_no_repository(tmp_path: Path) -> None:
    ours = {
        "documents": ["notes/wren.txt", {"title": "Tits", "text": "# A\n\nTits *sing*."}],
        "quota": 20,
        "longest_answer": 40,
    }
    file = put(tmp_path, changed(knowledge(), document=..., **{"x-regrowth": ours}), "knowledge/birds")
    (file.parent / "notes").mkdir()
    (file.parent / "notes/wren.txt").write_text("Wrens are small.")
    (leaf,) = read_taxonomy(tmp_path)
    assert [(one.title, one.source, one.text) for one in leaf.documents] == [
        ("wren", "notes/wren.txt", "Wrens are small."),
        ("A", "knowledge/birds/qna.yaml", "A\n\nTits sing."),
    ]
    assert leaf.document is None
    assert leaf.extensions["quota"] == 20


@pytest.mark.parametrize(
    ("ours", "problem"),
    [
        ({"qouta": 3}, "unknown key 'qouta' in 'x-regrowth'"),
        ({"quota": 0}, "'quota' of 'x-regrowth' is a number (0), expected a whole number from 1."),
        ({"quota": 1.5}, "'quota' of 'x-regrowth' is a number (1.5)"),
        ({"language": 3}, "'language' of 'x-regrowth' is a number"),
        ({"documents": []}, "'documents' of 'x-regrowth' has 0"),
        ({"documents": ["none.md"]}, "no document 'none.md' beside the file"),
        ({"documents": ["../../../secret.md"]}, "no document '../../../secret.md' beside the file"),
        ({"documents": [{"title": "T"}]}, "document 1 has no 'text'"),
        ({"documents": [{"text": "T", "format": "pdf"}]}, "'format' is 'pdf', expected"),
        ({"documents": [{"text": "<!-- nothing -->"}]}, "the document holds no text"),
        (["quota"], "'x-regrowth' is a list of 1"),
    ],
)
def test_what_is_wrong_under_our_own_key_is_told(tmp_path: Path, ours: Any, problem: str) -> None:
    (tmp_path / "secret.md").write_text("Secret.")
    put(tmp_path / "tree", changed(knowledge(), **{"x-regrowth": ours}), "knowledge/birds")
    assert any(problem in one and not one.startswith("w") for one in told(tmp_path / "tree"))


# Writing ------------------------------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), min_size=1, max_size=30)
texts = words.map(str.strip).filter(bool)
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)


@st.composite
def leaves(draw: Callable[..., Any]) -> Leaf:
    kind = draw(st.sampled_from(["knowledge", "skill", "foundational"]))
    branch = {"knowledge": "knowledge", "skill": "compositional_skills", "foundational": "foundational_skills"}[kind]
    pair = st.builds(Pair, texts, texts)
    grounded = kind == "knowledge" or draw(st.booleans())
    seeds = [
        SeedExample(number, tuple(told if kind == "knowledge" else told[:1]), context if grounded else "")
        for number, (told, context) in enumerate(
            draw(
                st.lists(
                    st.tuples(st.lists(pair, min_size=3, max_size=4, unique=True), texts),
                    min_size=5,
                    max_size=6,
                    unique_by=(lambda one: one[0][0], lambda one: one[1]),
                )
            ),
            1,
        )
    ]
    known = {"domain": draw(texts), "outline": draw(texts)} if kind == "knowledge" else {}
    extensions: dict[str, Any] = {"quota": draw(st.integers(1, 99)), "language": draw(texts)}
    return Leaf(
        path=(branch, *draw(st.lists(names, min_size=1, max_size=2))),
        kind=kind,
        version=3 if kind == "knowledge" else draw(st.sampled_from([1, 2, 3])),
        seeds=tuple(seeds),
        created_by=draw(texts),
        task_description="" if kind == "knowledge" else draw(texts),
        attribution=draw(st.sampled_from(["", "Title of work: Birds\n"])),
        extensions={**extensions, "documents": [{"text": draw(texts) + " end"}]} if kind == "knowledge" else extensions,
        **known,
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_leaves=st.lists(leaves(), min_size=1, max_size=2, unique_by=lambda leaf: leaf.path))
def test_what_is_written_is_read_the_same(tmp_path_factory: pytest.TempPathFactory, given_leaves: list[Leaf]) -> None:
    root = tmp_path_factory.mktemp("written")
    write_taxonomy(given_leaves, root / "one")
    tree = read_taxonomy(root / "one")
    assert {leaf.id for leaf in tree} == {leaf.id for leaf in given_leaves}
    for leaf in given_leaves:
        assert read(tree[leaf.id]) == leaf
    write_taxonomy(tree, root / "two")
    assert read_taxonomy(root / "two") == tree


def read(leaf: Leaf) -> Leaf:
    """Return a leaf without the documents that were read for it."""
    return replace(leaf, documents=())


def test_parts_of_a_mixed_file_become_one_file_again(tmp_path: Path) -> None:
    seeds = [{**pair, "context": f"C{n}"} if n in (0, 3) else pair for n, pair in enumerate(pairs(5))]
    put(tmp_path / "one", changed(skill(), seed_examples=seeds))
    tree = read_taxonomy(tmp_path / "one")
    (file,) = write_taxonomy(reversed(tree.leaves), tmp_path / "two")
    assert yaml.safe_load(file.read_text())["seed_examples"] == seeds
    assert read_taxonomy(tmp_path / "two") == tree


def test_documents_beside_a_leaf_are_copied_and_our_key_can_be_left_out(tmp_path: Path) -> None:
    file = put(tmp_path / "one", changed(knowledge(), **{"x-regrowth": {"quota": 3}}), "knowledge/birds")
    file.with_name("birds.md").write_text("# Birds\n\nThey fly.")
    tree = read_taxonomy(tmp_path / "one")
    write_taxonomy(tree, tmp_path / "two")
    assert read_taxonomy(tmp_path / "two") == tree
    (bare,) = write_taxonomy(tree, tmp_path / "three", extensions=False)
    assert yaml.safe_load(bare.read_text()) == knowledge()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    put(tmp_path, skill())
    tree = read_taxonomy(tmp_path)
    with pytest.raises(DataError, match="there is a leaf already"):
        write_taxonomy(tree, tmp_path)
    with pytest.raises(DataError, match="two leaves of this name"):
        write_taxonomy([*tree, *tree], tmp_path / "two")
    for path in ((), ("..", "up"), ("a/b",), (".hidden",), ("",)):  # type: tuple[str, ...]
        with pytest.raises(DataError, match="no path that folders can have"):
            write_taxonomy([replace(tree.leaves[0], path=path)], tmp_path / "two")


def test_a_problem_reads_as_editors_expect() -> None:
    assert str(Problem(Path("a/qna.yaml"), 3, "found x, expected y.")) == "a/qna.yaml:3: found x, expected y."
    assert len(Taxonomy(())) == 0


def test_the_leaves_of_the_documentation_are_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs/taxonomies.md"
    if not page.exists():
        pytest.skip("the documentation is not part of this copy")
    minimal, ours = (block.partition("```")[0] for block in page.read_text("utf-8").split("```yaml\n")[1:])
    put(tmp_path, minimal)
    file = put(tmp_path, yaml.safe_dump(changed(knowledge(), document=...)) + ours, "knowledge/birds")
    (file.parent / "notes").mkdir()
    (file.parent / "notes/wren.md").write_text("Wrens are small.")
    skills, birds = read_taxonomy(tmp_path)
    assert len(skills.seeds) == 5
    assert [one.text for one in birds.documents] == ["Wrens are small.", "Tits\n\nTits sing in spring."]


SOUND = yaml.safe_dump({**knowledge(), "x-regrowth": {"quota": 3, "documents": [{"text": "Birds."}]}}, sort_keys=False)
MARKS = [
    "\t",
    ":",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: ",
    "!!",
    "!x ",
    "|",
    ">",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
    "%",
    "@",
    "`",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(SOUND)), st.integers(0, 30), st.sampled_from(MARKS)), max_size=4))
def test_a_broken_file_is_told_and_never_breaks_the_reader(tmp_path: Path, cuts: list[tuple[int, int, str]]) -> None:
    text = SOUND
    for place, gone, mark in cuts:
        text = text[:place] + mark + text[place + gone :]
    put(tmp_path, text, "knowledge/birds")
    lines = len(text.splitlines())
    problems = check_taxonomy(tmp_path)
    assert all(1 <= problem.line <= lines + 1 and problem.text for problem in problems)
    assert cuts or [problem.severity for problem in problems] == ["warning"]
