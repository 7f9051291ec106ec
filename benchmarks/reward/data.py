"""Judged replies that other people published, as records; and a split that keeps alike prompts together.

Sources (files of REGROWTH_DATA, licences in its SOURCES.md): PandaLM's test set (Apache-2.0), the harmless half of
hh-rlhf (MIT), TruthfulQA's fine-tuning file (Apache-2.0). One case of each:

    pandalm      "Rewrite the sentence …"     response "If you have any …"    rejected "If you …", GPT-3.5 agrees
    hh           three turns of a dialogue    response "No, sorry! …"         rejected "Ok, I'll …"
    truthfulqa   "What happens if …?"         response "I have no comment."   label 1
"""

import gzip
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from regrowth.core.record import Message, Record

__all__ = ["FOLDS", "Case", "Split", "cases_of", "plain_text", "splits"]

ALIKE = 0.6
"""Prompts whose words overlap by more (shared over all) belong to one family."""
DEV = 0.15
FOLDS = 5
TURN = re.compile(r"\n\n(Human|Assistant):")
ROLE = {"Human": "user", "Assistant": "assistant"}


@dataclass(frozen=True)
class Case:
    """One judged pair, or one judged reply."""

    record: Record
    topic: str
    """What decides which cases may not be parted."""
    family: int = -1
    verdicts: Mapping[str, float] = field(default_factory=dict)
    """Whether published judges agree with the human one."""


class Split(NamedTuple):
    """Parts of the cases; no family is in two of them."""

    train: list[Case]
    dev: list[Case]
    test: list[Case]


def cases_of(task: str) -> tuple[list[Case], dict[str, int]]:
    """Return the cases of a task, families marked, and how many were left out for which reason."""
    left_out: Counter[str] = Counter()
    cases = _with_families(list(READERS[task](left_out)))
    return cases, dict(left_out)


def splits(cases: Sequence[Case], count: int) -> list[Split]:
    """Return `count` of five splits. All have one dev part, 15 % of the families; their test parts are disjoint."""
    families = sorted(
        {case.family for case in cases}, key=lambda name: hashlib.sha256(f"split {name}".encode()).digest()
    )
    first = round(DEV * len(families))
    place = {name: -1 if rank < first else rank % FOLDS for rank, name in enumerate(families)}
    parts: dict[int, list[Case]] = {}
    for case in cases:
        parts.setdefault(place[case.family], []).append(case)
    return [
        Split([case for other in range(FOLDS) if other != fold for case in parts[other]], parts[-1], parts[fold])
        for fold in range(count)
    ]


def plain_text() -> list[str]:
    """Return paragraphs of the two free texts: WikiText-2's validation part, with its marks undone, and Shakespeare."""
    wiki, plays = (_lines(f"text/{name}.txt.gz") for name in ("wikitext2_valid", "tinyshakespeare"))
    articles = (re.sub(r" @(.)@ ", r"\1", line).replace(" <unk>", "").strip() for line in wiki)
    speeches = "".join(plays).split("\n\n")
    return [text for text in (*articles, *speeches) if len(text) > 40]


def _lines(name: str) -> list[str]:
    with gzip.open(Path(os.environ["REGROWTH_DATA"]) / name, "rt", encoding="utf-8") as lines:
        return list(lines)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _lines(name)]


def _pandalm(left_out: Counter[str]) -> Iterator[Case]:
    for row in _rows("preference/pandalm_testset.jsonl.gz"):
        (choice, votes), *_ = Counter(row[f"annotator{one}"] for one in (1, 2, 3)).most_common(1)
        replies = row["response1"].strip(), row["response2"].strip()
        if votes < 2 or choice not in (1, 2):
            left_out["the majority of three people sees a tie" if votes > 1 else "three people, three opinions"] += 1
        elif not all(replies) or replies[0] == replies[1]:
            left_out["a reply is empty, or both are equal"] += 1
        else:
            prompt = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
            record = Record.of(prompt, response=replies[choice - 1], rejected=replies[2 - choice], id=row["idx"])
            said = {"GPT-3.5": row["gpt_result"], "PandaLM-7B": row["pandalm_result"]}
            verdicts = {judge: float(str(verdict) == str(choice)) for judge, verdict in said.items()}
            task = -1 if row["task_index"] is None else row["task_index"]
            yield Case(record, prompt, task, verdicts)


def _harmless(left_out: Counter[str]) -> Iterator[Case]:
    for place, row in enumerate(_rows("preference/hh_rlhf_harmless_test.jsonl.gz")):
        good, bad = (_dialogue(row[side]) for side in ("chosen", "rejected"))
        if good[:-1] != bad[:-1]:
            left_out["the dialogues differ before the last reply"] += 1
        elif not good[-1].content or not bad[-1].content:
            left_out["a reply is empty"] += 1
        else:
            record = Record.of(good[:-1], response=good[-1].content, rejected=bad[-1].content, id=place)
            yield Case(record, good[0].content)


def _dialogue(text: str) -> list[Message]:
    parts = TURN.split(text)[1:]
    return [Message(ROLE[who], said.strip()) for who, said in zip(parts[::2], parts[1::2], strict=True)]


def _truthfulqa(left_out: Counter[str]) -> Iterator[Case]:
    labels: dict[tuple[str, str], list[float]] = {}
    for row in _rows("factuality/truthfulqa_finetune_truth.jsonl.gz"):
        question, answer = row["prompt"].removeprefix("Q: ").removesuffix("\nTrue:").split("\nA:", 1)
        labels.setdefault((question.strip(), answer.strip()), []).append(float(row["completion"].strip() == "yes"))
    for (question, answer), said in labels.items():
        left_out["the same answer again"] += len(said) - 1
        if len(set(said)) > 1 or not answer:
            left_out["labelled both ways" if answer else "the answer is empty"] += 1
        else:
            yield Case(Record.of(question, response=answer, label=said[0]), question)


READERS = {"pandalm": _pandalm, "hh": _harmless, "truthfulqa": _truthfulqa}


def _with_families(cases: Sequence[Case]) -> list[Case]:
    """Join cases that share a task's number or whose prompts have most of their words in common."""
    topics = sorted({case.topic for case in cases})
    words = [frozenset(re.findall(r"\w+", topic.lower())) for topic in topics]
    root = list(range(len(topics)))

    def top(place: int) -> int:
        while root[place] != place:
            place = root[place]
        return place

    for place, mine in enumerate(words):
        for other in range(place):
            if len(mine & words[other]) >= ALIKE * len(mine | words[other]):
                root[top(place)] = top(other)
    number = {topic: place for place, topic in enumerate(topics)}
    tasks: dict[int, int] = {}
    for case in cases:
        if case.family >= 0:
            root[top(number[case.topic])] = top(tasks.setdefault(case.family, number[case.topic]))
    return [Case(case.record, case.topic, top(number[case.topic]), case.verdicts) for case in cases]
