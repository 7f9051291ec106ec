"""The model that is a function."""

import asyncio
import time

import pytest

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Message
from regrowth.models.scripted import ScriptedBackend

ASKED = [Message("user", "Name a number.")]


def test_the_function_sees_messages_sampling_and_each_seed() -> None:
    backend = ScriptedBackend(lambda messages, sampling, seed: f"{messages[-1].role} {sampling.top_p} {seed}")
    answer = asyncio.run(backend.answer(ASKED, Sampling(top_p=0.5), [3, 4]))
    assert [completion.text for completion in backend.read(answer.raw)] == [
        "user 0.5 3",
        "user 0.5 4",
    ]
    assert (backend.calls, answer.cost.calls) == (1, 1)


def test_a_whole_completion_survives_the_way_through_raw() -> None:
    wanted = Completion("7", "length", (-0.1, -0.2), 2)
    backend = ScriptedBackend(lambda *_: wanted)
    assert backend.read(asyncio.run(backend.answer(ASKED, Sampling(), [1])).raw) == (wanted,)


def test_delays_and_failures_follow_the_call() -> None:
    backend = ScriptedBackend(
        lambda *_: "7",
        delay=lambda messages, seed: 0.02 * seed,
        failure=lambda messages, seed: CallFailed("as told") if seed == 2 else None,
    )
    start = time.monotonic()
    with pytest.raises(CallFailed, match="as told"):
        asyncio.run(backend.answer(ASKED, Sampling(), [2]))
    assert time.monotonic() - start >= 0.04
    assert (backend.calls, backend.failed) == (0, 1)


def test_the_name_is_the_digest() -> None:
    one, other = ScriptedBackend(lambda *_: "1", name="same"), ScriptedBackend(lambda *_: "2", name="same")
    assert one.digest == other.digest != ScriptedBackend(lambda *_: "1", name="else").digest


def test_scores_are_measured_if_given() -> None:
    backend = ScriptedBackend(lambda *_: "", scores=lambda messages, response: [-1.0] * len(response))
    assert asyncio.run(backend.measure(ASKED, "abc")).raw == [-1.0, -1.0, -1.0]
    with pytest.raises(CallFailed, match="no scores"):
        asyncio.run(ScriptedBackend(lambda *_: "").measure(ASKED, "abc"))
    asyncio.run(backend.close())
