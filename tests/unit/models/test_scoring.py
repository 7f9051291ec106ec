"""Reward models, called like any other model."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from regrowth.core.errors import CallFailed, SettingsError
from regrowth.core.protocols import Answer, Sampling, Score
from regrowth.core.record import canonical
from regrowth.core.store import Store
from regrowth.models.model import RememberedModel
from regrowth.models.recorded import RecordedBackend
from regrowth.models.torch import TorchBackend
from regrowth.run import open_run
from regrowth.weights.heads import RewardNetwork, last_values, with_head
from regrowth.weights.loading import HfNetwork, Weights, load, save
from support.networks import a_codec, some_weights, turn

T = TypeVar("T")
NAMES = ("verbosity", "correctness")
"""Not in alphabetical order: what is stored as JSON is sorted there."""


def a_judge() -> Weights:
    return with_head(some_weights(), NAMES, seed=3, scalar=(-0.2, 0.8))


def saved(folder: Path) -> Path:
    save(a_judge().network, a_codec(), folder, lineage={})
    return folder


def with_judge(scenario: Callable[[TorchBackend], Awaitable[T]], weights: Any = None, **settings: Any) -> T:
    async def run() -> T:
        backend = TorchBackend(weights or a_judge(), **settings)
        try:
            return await scenario(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


async def many(backend: TorchBackend, count: int = 20) -> list[Answer]:
    return await asyncio.gather(
        *(backend.score(turn(f"{n} pens " * (1 + n % 4)), f"{n * n} pens") for n in range(count))
    )


async def one_by_one(backend: TorchBackend, count: int = 20) -> list[Answer]:
    return [await backend.score(turn(f"{n} pens " * (1 + n % 4)), f"{n * n} pens") for n in reversed(range(count))]


def values(answer: Answer) -> list[float]:
    raw: Any = answer.raw
    return list(raw["values"])


def test_a_score_is_plain_json_and_reads_the_head_at_the_end_token() -> None:
    answer = with_judge(lambda backend: backend.score(turn("How many?"), "7 pens"))
    ids = a_codec().prompt(turn("How many?")) + a_codec().reply("7 pens")
    network = a_judge().network
    assert isinstance(network, RewardNetwork)
    with torch.no_grad():
        wanted = network.values(torch.tensor([ids]), torch.tensor([len(ids) - 1]))[0].tolist()
    assert json.loads(canonical(answer.raw)) == {
        "names": list(NAMES),
        "values": pytest.approx(wanted, abs=1e-5),
        "scalar": [-0.2, 0.8],
    }
    assert (answer.cost.calls, answer.cost.prompt_tokens, answer.cost.completion_tokens) == (1, len(ids), 0)


def test_a_reply_scored_alone_and_among_others_has_the_same_bits() -> None:
    together = with_judge(many)
    alone = with_judge(one_by_one)
    assert [answer.raw for answer in together] == [answer.raw for answer in reversed(alone)]
    assert with_judge(many, rows=3, tokens=100) == together
    assert len({tuple(values(answer)) for answer in together}) == 20


def test_a_folder_and_its_weights_are_the_same_judge(tmp_path: Path) -> None:
    assert with_judge(many, saved(tmp_path)) == with_judge(many)


def test_other_architectures_score_alike_in_any_company() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=280, n_embd=32, n_layer=2, n_head=2, n_positions=128)
    weights = with_head(Weights(HfNetwork(transformers.GPT2LMHeadModel(config)), a_codec(), "gpt", 128), ("reward",))
    assert with_judge(many, weights) == with_judge(one_by_one, weights)[::-1]


def test_training_on_does_not_change_the_judge() -> None:
    weights = a_judge()

    async def scenario(backend: TorchBackend) -> None:
        before = await backend.score(turn("Why?"), "So.")
        with torch.no_grad():
            for weight in weights.network.parameters():
                weight.zero_()
        assert await backend.score(turn("Why?"), "So.") == before

    with_judge(scenario, weights)


def test_concurrent_scores_share_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def noted(network: RewardNetwork, rows: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[float]]]:
        sizes.append(len(rows))
        return last_values(network, rows)

    monkeypatch.setattr("regrowth.models.torch.last_values", noted)
    with_judge(lambda backend: many(backend, 40), rows=32)
    assert sizes == [32, 8]


def test_a_judge_writes_nothing() -> None:
    for call in (
        lambda backend: backend.answer(turn("Why?"), Sampling(), [1]),
        lambda backend: backend.measure(turn("Why?"), "So."),
    ):
        with pytest.raises(CallFailed, match=r"A reward model writes nothing.*Ask it to score"):
            with_judge(call)


def test_a_language_model_does_not_score() -> None:
    with pytest.raises(CallFailed, match=r"A language model cannot score.*ask for logprobs"):
        with_judge(lambda backend: backend.score(turn("Why?"), "So."), some_weights())


def test_what_exceeds_the_context_fails_its_call() -> None:
    with pytest.raises(CallFailed, match=r"Prompt and response have \d{3,} tokens, the model's context 256"):
        with_judge(lambda backend: backend.score(turn("Why?"), "pens " * 300))


def test_damaged_weights_fail_their_call() -> None:
    weights = a_judge()
    with torch.no_grad():
        weights.network.get_parameter("score.weight").fill_(float("nan"))
    with pytest.raises(CallFailed, match=r"outputs are \[nan, nan\]; its weights are damaged"):
        with_judge(lambda backend: backend.score(turn("Why?"), "So."), weights)


def test_closing_ends_what_runs_and_what_waits() -> None:
    async def scenario() -> None:
        backend = TorchBackend(a_judge(), rows=8)
        calls = [asyncio.ensure_future(backend.score(turn(f"{n}?"), "pens " * 40)) for n in range(64)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await backend.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[0], Answer)
        assert isinstance(results[-1], CallFailed)
        assert all(isinstance(result, Answer | CallFailed) for result in results)

    asyncio.run(scenario())


def test_the_reward_is_the_weighted_sum_of_the_values(tmp_path: Path) -> None:
    with open_run(tmp_path / "run") as run:
        judge = run.model(str(saved(tmp_path / "judge")))
        score = run.wait(judge.score("How many?", "7 pens"))
        assert isinstance(score, Score)
        assert tuple(score.values) == NAMES
        assert score.reward == pytest.approx(0.8 * score.values["correctness"] - 0.2 * score.values["verbosity"])


def test_what_was_scored_once_is_never_scored_again(tmp_path: Path) -> None:
    folder = saved(tmp_path / "judge")
    scores, effects = [], []
    for _ in range(2):
        with open_run(tmp_path / "run") as run:
            judge = run.model(str(folder))
            scores.append([run.wait(judge.score(f"{n}?", "7 pens")) for n in range(3)])
            effects.append(run.store.new_effects)
    assert scores[0] == scores[1]
    assert [list(score.values) for score in scores[1]] == [list(NAMES)] * 3
    assert effects == [3, 0]


def test_a_score_and_log_probabilities_are_different_effects(tmp_path: Path) -> None:
    class Both:
        """Score and measure, under one digest."""

        digest = "both"

        async def score(self, messages: Any, response: str) -> Answer:
            return Answer({"names": ["reward"], "values": [2.0], "scalar": [1.0]})

        async def measure(self, messages: Any, response: str) -> Answer:
            return Answer([-1.0, -2.0])

    async def scenario() -> None:
        backend: Any = Both()
        with Store(tmp_path) as store:
            model = RememberedModel(backend, store)
            assert await model.logprobs("Why?", "So.") == (-1.0, -2.0)
            assert await model.score("Why?", "So.") == Score(2.0, {"reward": 2.0})

    asyncio.run(scenario())


def test_a_model_of_a_kind_that_only_writes_says_so(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"prompt": "Why?", "responses": ["So."]}\n')

    async def scenario() -> None:
        with Store(tmp_path / "run") as store:
            model = RememberedModel(RecordedBackend(path), store, "recorded:answers.jsonl")
            with pytest.raises(SettingsError, match=r"answers\.jsonl cannot score: a RecordedBackend only writes"):
                await model.score("Why?", "So.")

    asyncio.run(scenario())


def test_the_digest_of_a_judge_is_that_of_its_folder(tmp_path: Path) -> None:
    backend = TorchBackend(saved(tmp_path))
    other = TorchBackend(load(tmp_path))
    assert backend.digest == other.digest != TorchBackend(a_judge()).digest
