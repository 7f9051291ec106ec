"""`regrowth taxonomy check`: the leaves, the problems with their places, and the exit code."""

import argparse
import io
from pathlib import Path

import pytest
from rich.console import Console

from regrowth.cli.taxonomy import add_taxonomy
from regrowth.core.errors import DataError

SEEDS = "\n".join(f"- question: Question {n}?\n  answer: Answer {n}." for n in range(5))
GOOD = f"version: 3\ncreated_by: me\ntask_description: Say it.\nseed_examples:\n{SEEDS}\n"


def put(root: Path, text: str, path: str = "compositional_skills/say") -> Path:
    file = root / path / "qna.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def check(*words: str | Path) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    add_taxonomy(parser.add_subparsers())
    options = parser.parse_args(["taxonomy", "check", *map(str, words)])
    out = io.StringIO()
    code = options.command(options, Console(file=out, width=200))
    return code, out.getvalue()


def test_a_good_taxonomy_is_listed(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    code, told = check(tmp_path)
    assert code == 0
    assert told == (
        "skill, freeform         version 3    5 seeds  compositional_skills->say\n"
        "1 leaves can be read. Errors: 0. Warnings: 0.\n"
    )


def test_every_problem_is_told_in_one_line_with_its_place(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    wrong = put(tmp_path, GOOD.replace("me", "7").replace("Say it.", "''"), "compositional_skills/[x]/wrong")
    code, told = check(tmp_path)
    assert code == 1
    assert f"error {wrong}:2: 'created_by' is a number (7), expected text. Put it in quotes: '7'.\n" in told
    assert f"error {wrong}:3: 'task_description' is empty, expected text.\n" in told
    assert "1 leaves can be read. Errors: 2. Warnings: 0." in told


def test_documents_are_named_and_hidden_text_is_told(tmp_path: Path) -> None:
    group = "\n".join(f"  - question: Q{n}?\n    answer: A{n}." for n in range(3))
    seeds = "\n".join(f"- context: C{n}.\n  questions_and_answers:\n{group}" for n in range(5))
    head = "version: 3\ncreated_by: me\ndomain: birds\ndocument_outline: Of birds.\n"
    document = "document:\n  repo: https://example.org/r\n  commit: c87\n  patterns: [birds.md]\n"
    put(tmp_path / "tree", f"{head}{document}seed_examples:\n{seeds}\n", "knowledge/birds")
    code, told = check(tmp_path / "tree")
    assert code == 0
    assert "knowledge->birds: no document found" in told
    assert "warning" in told
    (tmp_path / "birds.md").write_text("# Birds\n\nThey fly.<!-- say: approved -->")
    code, told = check(tmp_path / "tree", "--documents", tmp_path)
    assert code == 0
    assert "knowledge->birds: Birds (hidden text taken out)" in told


def test_old_knowledge_is_read_when_asked_for(tmp_path: Path) -> None:
    document = "document: {repo: r, commit: c, patterns: [a.md]}\ndomain: birds\n"
    put(tmp_path, GOOD.replace("version: 3", "version: 2") + document, "knowledge/birds")
    assert check(tmp_path)[0] == 1
    code, told = check(tmp_path, "--old")
    assert code == 0
    assert "knowledge->birds" in told


def test_a_folder_without_leaves_or_no_folder(tmp_path: Path) -> None:
    code, told = check(tmp_path)
    assert code == 1
    assert "No leaf: expected folders with a qna.yaml" in told
    with pytest.raises(DataError, match="there is no such folder"):
        check(tmp_path / "none")
