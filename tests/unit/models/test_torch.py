"""Weights in this process, called like any other model."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from regrowth.core.errors import CallFailed, MissingExtra
from regrowth.core.protocols import Answer, Sampling
from regrowth.core.record import Message, canonical
from regrowth.models import tiny
from regrowth.models.torch import TorchBackend
from regrowth.weights.generation import generate
from support.networks import a_codec, a_llama, saved, some_weights, turn

T = TypeVar("T")
SHORT = Sampling(max_tokens=12)


def with_backend(scenario: Callable[[TorchBackend], Awaitable[T]], **settings: Any) -> T:
    """Run a scenario against a small network."""

    async def run() -> T:
        backend = TorchBackend(some_weights(), **settings)
        try:
            return await scenario(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return the list that will hold, for each batch, the longest lengths its rows may reach."""
    rooms: list[list[int]] = []

    def noted(decoder: Any, codec: Any, draws: Any, *rest: Any, **more: Any) -> None:
        rooms.append([draw.room for draw in draws])
        generate(decoder, codec, draws, *rest, **more)

    monkeypatch.setattr("regrowth.models.torch.generate", noted)
    return rooms


def choices(answer: Answer) -> list[dict[str, Any]]:
    """Return the choices of a raw answer."""
    raw: Any = answer.raw
    return list(raw["choices"])


async def many(backend: TorchBackend, count: int, sampling: Sampling = SHORT) -> list[Answer]:
    """Call at once with prompts of several lengths."""
    return await asyncio.gather(
        *(backend.answer(turn(f"{n} pens " * (1 + n % 4)), sampling, [n, n + 1000]) for n in range(count))
    )


def test_an_answer_is_plain_json_with_one_choice_per_seed() -> None:
    sampling = Sampling(max_tokens=12, logprobs=True)
    answer = with_backend(lambda backend: backend.answer(turn("How many?"), sampling, [1, 2, 3]))
    raw = json.loads(canonical(answer.raw))
    prompt = len(a_codec().prompt(turn("How many?")))
    assert raw["prompt_tokens"] == prompt
    assert [set(choice) for choice in raw["choices"]] == [{"text", "finish", "tokens", "logprobs"}] * 3
    written = sum(len(choice["tokens"]) for choice in raw["choices"])
    assert (answer.cost.calls, answer.cost.prompt_tokens, answer.cost.completion_tokens) == (1, prompt, written)


def test_completions_are_read_out_of_the_raw_answer() -> None:
    async def scenario(backend: TorchBackend) -> None:
        answer = await backend.answer(turn("How many?"), Sampling(max_tokens=12, logprobs=True), [1, 2])
        for choice, completion in zip(choices(answer), backend.read(answer.raw), strict=True):
            assert (completion.text, completion.finish) == (choice["text"], choice["finish"])
            assert completion.tokens == len(choice["tokens"]) == len(completion.logprobs or ())
        plain = await backend.answer(turn("How many?"), SHORT, [1])
        assert backend.read(plain.raw)[0].logprobs is None

    with_backend(scenario)


def test_concurrent_calls_share_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = batches(monkeypatch)
    with_backend(lambda backend: many(backend, 40), rows=64)
    assert [len(batch) for batch in rooms] == [64, 16]
    assert max(rooms[0]) <= min(rooms[1])  # sorted by length


def test_calls_that_trickle_in_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regrowth.models.torch.GATHER", 0.05)
    rooms = batches(monkeypatch)

    async def trickle(backend: TorchBackend) -> None:
        calls = []
        for number in range(5):
            calls.append(asyncio.ensure_future(backend.answer(turn(f"{number}?"), SHORT, [number])))
            await asyncio.sleep(0.005)
        await asyncio.gather(*calls)

    with_backend(trickle)
    assert [len(batch) for batch in rooms] == [5]


def test_a_batch_holds_no_more_tokens_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = batches(monkeypatch)
    with_backend(lambda backend: many(backend, 20), tokens=200)
    assert sum(map(len, rooms)) == 40
    assert all(len(batch) * max(batch) <= 200 for batch in rooms)
    assert len(rooms) < 10


def test_a_call_longer_than_the_budget_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = batches(monkeypatch)
    with_backend(lambda backend: many(backend, 2), tokens=1)
    assert [len(batch) for batch in rooms] == [1, 1, 1, 1]


def test_answers_do_not_depend_on_how_calls_were_batched() -> None:
    sampling = Sampling(max_tokens=12, logprobs=True)
    together = with_backend(lambda backend: many(backend, 20, sampling))
    apart = with_backend(lambda backend: many(backend, 20, sampling), rows=3, tokens=100)
    assert [answer.raw for answer in together] == [answer.raw for answer in apart]

    async def one_by_one(backend: TorchBackend) -> list[Answer]:
        return [await backend.answer(turn(f"{n} pens " * (1 + n % 4)), sampling, [n, n + 1000]) for n in (19, 3, 0)]

    assert [answer.raw for answer in with_backend(one_by_one)] == [together[n].raw for n in (19, 3, 0)]


def test_the_event_loop_stays_free_while_a_batch_runs() -> None:
    async def scenario(backend: TorchBackend) -> float:
        work = asyncio.ensure_future(many(backend, 64, Sampling(max_tokens=80, temperature=3.0)))
        ticks = []
        while not work.done():
            ticks.append(time.perf_counter())
            await asyncio.sleep(0.001)
        pauses = sorted(after - before for before, after in pairwise(ticks))
        return pauses[int(len(pauses) * 0.9)]

    assert with_backend(scenario) < 0.05


def test_measure_returns_the_log_probability_of_each_token() -> None:
    async def scenario(backend: TorchBackend) -> None:
        answers = await asyncio.gather(*(backend.measure(turn(f"{n}?"), "7 pens") for n in range(10)))
        alone = await backend.measure(turn("3?"), "7 pens")
        assert alone.raw == answers[3].raw
        prompt, reply = a_codec().prompt(turn("3?")), a_codec().reply("7 pens")
        with torch.no_grad():
            logprobs = a_llama()(torch.tensor([prompt + reply]))[0].log_softmax(-1)
        wanted = [logprobs[len(prompt) - 1 + place, token].item() for place, token in enumerate(reply)]
        assert alone.raw == pytest.approx(wanted, abs=2e-4)
        assert (alone.cost.calls, alone.cost.prompt_tokens) == (1, len(prompt) + len(reply))

    with_backend(scenario)


def test_answers_and_measures_may_wait_together() -> None:
    async def scenario(backend: TorchBackend) -> None:
        answers, measures = await asyncio.gather(
            many(backend, 5), asyncio.gather(*(backend.measure(turn("3?"), "7") for _ in range(5)))
        )
        assert len(answers) == len(measures) == 5

    with_backend(scenario)


def test_a_failing_batch_fails_its_own_calls_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(decoder: Any, codec: Any, draws: Any, *rest: Any, **more: Any) -> None:
        if any(draw.seed == 13 for draw in draws):
            raise RuntimeError("out of memory")
        generate(decoder, codec, draws, *rest, **more)

    monkeypatch.setattr("regrowth.models.torch.generate", fragile)

    async def scenario(backend: TorchBackend) -> None:
        calls = (backend.answer(turn(f"{n}?"), SHORT, [n]) for n in range(10, 16))
        results = await asyncio.gather(*calls, return_exceptions=True)
        failed = [result for result in results if isinstance(result, CallFailed)]
        assert 0 < len(failed) <= 2
        assert "RuntimeError: out of memory. Lower `rows` or `tokens`" in str(failed[0])
        assert all(isinstance(result, Answer) for result in results if result not in failed)
        assert isinstance(await backend.answer(turn("again?"), SHORT, [1]), Answer)

    with_backend(scenario, rows=2)


def test_a_cancelled_call_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = batches(monkeypatch)

    async def scenario(backend: TorchBackend) -> None:
        calls = [asyncio.ensure_future(backend.answer(turn(f"{n}?"), SHORT, [n])) for n in range(4)]
        await asyncio.sleep(0)
        calls[1].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, Answer) for result in results] == [True, False, True, True]

    with_backend(scenario)
    assert [len(batch) for batch in rooms] == [3]


def test_a_prompt_that_fills_the_context_fails_its_call() -> None:
    long = turn("pens " * 300)
    with pytest.raises(CallFailed, match=r"prompt has \d+ tokens, the model's context 256"):
        with_backend(lambda backend: backend.answer(long, SHORT, [1]))
    with pytest.raises(CallFailed, match="Prompt and response have"):
        with_backend(lambda backend: backend.measure(turn("Why?"), "pens " * 300))


def test_an_answer_never_outgrows_the_context() -> None:
    async def scenario(backend: TorchBackend) -> None:
        prompt = turn("8" * 240)
        answer = await backend.answer(prompt, Sampling(max_tokens=500), list(range(6)))
        room = 256 - len(a_codec().prompt(prompt))
        lengths = {completion.tokens for completion in backend.read(answer.raw)}
        assert max(lengths) == room

    with_backend(scenario)


def test_a_role_that_the_template_does_not_know_fails_its_call() -> None:
    with pytest.raises(CallFailed, match="role 'judge'"):
        with_backend(lambda backend: backend.answer([Message("judge", "Hm.")], SHORT, [1]))


def test_closing_ends_what_runs_and_what_waits() -> None:
    async def scenario() -> None:
        backend = TorchBackend(some_weights(), rows=1)
        calls = [
            asyncio.ensure_future(backend.answer(turn("Why?"), Sampling(max_tokens=240, temperature=4.0), [n]))
            for n in range(4)
        ]
        await asyncio.sleep(0.03)
        await backend.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[-1], CallFailed)
        assert all(isinstance(result, Answer | CallFailed) for result in results)
        with pytest.raises(CallFailed, match="closed"):
            await backend.answer(turn("Why?"), SHORT, [1])

    asyncio.run(scenario())


def test_a_backend_serves_one_event_loop_after_another() -> None:
    backend = TorchBackend(some_weights())
    first, second = (asyncio.run(backend.answer(turn("Why?"), SHORT, [1])) for _ in range(2))
    assert first == second
    asyncio.run(backend.close())


def test_the_number_of_threads_is_given_back() -> None:
    before = torch.get_num_threads()
    with_backend(lambda backend: many(backend, 3))
    assert torch.get_num_threads() == before


def test_a_folder_and_its_weights_are_the_same_model(tmp_path: Path) -> None:
    backend = TorchBackend(saved(tmp_path / "a", a_llama()))
    answer = asyncio.run(backend.answer(turn("Why?"), SHORT, [1, 2]))
    assert answer.raw == with_backend(lambda other: other.answer(turn("Why?"), SHORT, [1, 2])).raw
    assert backend.digest == TorchBackend(str(saved(tmp_path / "b", a_llama()))).digest
    assert backend.digest != TorchBackend(saved(tmp_path / "c", a_llama(seed=2))).digest


def test_another_architecture_writes_what_transformers_writes(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = {"vocab_size": 280, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "eos_token_id": 4}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings, bos_token_id=4, initializer_range=0.3))
    model.eval().save_pretrained(tmp_path)
    a_codec().save(tmp_path)
    prompts = [turn("Why?"), turn("How many pens has Tom?"), turn("7")]
    greedy = Sampling(temperature=0.0, max_tokens=16)

    async def scenario() -> list[Any]:
        backend = TorchBackend(tmp_path)
        answers = await asyncio.gather(*(backend.answer(prompt, greedy, [1]) for prompt in prompts))
        await backend.close()
        return [choices(answer)[0]["tokens"] for answer in answers]

    for prompt, tokens in zip(prompts, asyncio.run(scenario()), strict=True):
        ids = torch.tensor([a_codec().prompt(prompt)])
        wanted = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, pad_token_id=0)
        assert tokens == wanted[0, ids.shape[1] :].tolist()


def test_the_embedded_model_is_a_folder_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "TINY", saved(tmp_path, a_llama()))
    backend = tiny.tiny_backend()
    assert backend.digest == TorchBackend(tmp_path).digest


def test_the_embedded_model_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "regrowth.models.torch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'regrowth\[train\]'"):
        tiny.tiny_backend()
