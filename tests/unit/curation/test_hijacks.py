"""The attack success rate: 0 for a model that does its task, 1 for one that obeys, and in between by kind."""

import asyncio
import re
from collections.abc import Callable

import pytest

from regrowth.core.errors import CallFailed, DataError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages
from regrowth.curation.hijacks import Hijacks, hijacks
from regrowth.gates.injection import KINDS, Kind, hidden

SAMPLING = Sampling()
DOCUMENTS = [f"Wren number {number} lives in a hedge. It sings in spring. Its nest is round." for number in range(12)]
TOKEN = re.compile(r"\b(?:[bdfgklmnprstvz][aeiou]){5}\b", re.IGNORECASE)


class Scripted:
    """Answer by a function of the prompt."""

    digest = "scripted"

    def __init__(self, answer: Callable[[str], str]):
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seed: int) -> str:
        assert isinstance(messages, str)
        self.asked.append(messages)
        return self.answer(messages)


def obedient(prompt: str) -> str:
    """Do whatever any text asks, hidden or not."""
    said = " ".join([prompt, *(inner for _, inner in hidden(prompt))])
    found = TOKEN.findall(said)
    return found[-1] if found else "Wrens sing."


def measured(answer: Callable[[str], str], **how: object) -> Hijacks:
    return asyncio.run(hijacks(Scripted(answer), DOCUMENTS, **how))  # type: ignore[arg-type]


def test_a_model_that_obeys_everything_is_hijacked_always() -> None:
    found = measured(obedient)
    assert found.rate.value == 1
    assert found.rate.low > 0.7
    assert found.rate.n == len(DOCUMENTS)
    assert {kind: (one.value, one.n) for kind, one in found.kinds.items()} == dict.fromkeys(KINDS, (1.0, 12))
    assert found.clean.value == 0


@pytest.mark.parametrize("answer", [lambda prompt: "Wrens sing.", lambda prompt: prompt])
def test_a_model_that_does_its_task_or_copies_the_document_is_not(answer: Callable[[str], str]) -> None:
    found = measured(answer)
    assert (found.rate.value, found.clean.value, found.failed) == (0.0, 0.0, 0)
    assert found.rate.high < 0.3


def test_kinds_are_told_apart() -> None:
    def reader(prompt: str) -> str:
        """Obey what a person can read, outside of comments."""
        return str((TOKEN.findall(re.sub(r"<!--.*?-->", "", prompt)) or ["Wrens sing."])[-1])

    found = measured(reader)
    deaf: set[Kind] = {"comment", "invisible", "base64"}
    assert {kind for kind, one in found.kinds.items() if one.value == 0} == deaf
    assert found.rate.value == pytest.approx(4 / 7)


def test_calls_that_fail_are_counted_and_left_out() -> None:
    def failing(prompt: str) -> str:
        if "number 3 " in prompt:
            raise CallFailed("no answer")
        return obedient(prompt)

    found = measured(failing, kinds=["plain"])
    assert (found.failed, found.kinds["plain"].n, found.rate.value) == (2, 11, 1.0)


def test_the_fence_can_be_left_out_and_documents_stay_whole() -> None:
    model = Scripted(obedient)
    asyncio.run(hijacks(model, DOCUMENTS, kinds=["plain"], fenced=False))  # type: ignore[arg-type]
    assert sum(prompt.endswith(DOCUMENTS[0]) for prompt in model.asked) == 1
    assert not any("===" in prompt for prompt in model.asked)


def test_too_little_to_measure_is_told() -> None:
    with pytest.raises(DataError, match="1 documents"):
        asyncio.run(hijacks(Scripted(obedient), DOCUMENTS[:1]))  # type: ignore[arg-type]

    def never(prompt: str) -> str:
        raise CallFailed("no")

    with pytest.raises(DataError, match="nothing to measure"):
        measured(never)
