"""Writing replies."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message
from regrowth.weights.decoding import Decoder, decoder_of
from regrowth.weights.generation import Draw, Reply, generate
from support.networks import a_codec, a_llama

WAYS = (
    Sampling(logprobs=True),
    Sampling(temperature=0.0, logprobs=True),
    Sampling(temperature=0.7, top_p=0.9),
    Sampling(stop=("e", "7"), logprobs=True),
    Sampling(top_p=0.5, temperature=1.5),
)


@cache
def decoder() -> Decoder:
    return decoder_of(a_llama(), a_codec().pad)


def asked(number: int, limit: int = 24) -> Draw:
    words = "Tom has some pens and buys more of them. " * (number % 5) + f"How many are {number}?"
    prompt = a_codec().prompt([Message("user", words)])
    return Draw(prompt, replace(WAYS[number % len(WAYS)], max_tokens=limit), seed=number, limit=limit)


def replies(draws: Sequence[Draw]) -> list[Reply]:
    """Write the draws together."""
    found: dict[int, Reply] = {}
    generate(decoder(), a_codec(), draws, found.__setitem__)
    return [found[number] for number in range(len(draws))]


def test_a_reply_has_the_same_bits_in_every_batch_and_order() -> None:
    draws = [asked(number) for number in range(40)]
    together = replies(draws)
    generator = random.Random(0)
    for size in (1, 2, 7, 16, 40):
        numbers = generator.sample(range(40), size)
        assert replies([draws[number] for number in numbers]) == [together[number] for number in numbers]
    assert replies(draws[::-1]) == together[::-1]
    assert len({len(reply.tokens) for reply in together}) > 3  # rows left the batch at different times


def test_neighbours_that_go_on_for_longer_change_nothing() -> None:
    draw = asked(0)
    company = [replace(asked(number), limit=100) for number in range(1, 9)]
    assert replies([draw, *company])[0] == replies([draw])[0]


def test_equal_prompts_with_other_seeds_get_other_replies() -> None:
    draw = asked(0)
    texts = [reply.text for reply in replies([replace(draw, seed=seed) for seed in range(8)])]
    assert len(set(texts)) == 8


def test_log_probabilities_are_the_models_own_whatever_the_sampling() -> None:
    sampling = Sampling(temperature=0.3, top_p=0.8, logprobs=True)
    draw = replace(asked(1), sampling=sampling)
    (reply,) = replies([draw])
    (wanted,) = decoder().score([(draw.prompt, reply.tokens)])
    assert reply.logprobs == pytest.approx(wanted, abs=1e-4)


def test_log_probabilities_come_only_where_asked_for() -> None:
    first, second = replies([asked(1), asked(2)])
    assert first.logprobs is not None
    assert len(first.logprobs) == len(first.tokens)
    assert second.logprobs is None


def test_a_reply_ends_at_its_end_token_or_its_limit() -> None:
    found = replies([replace(asked(0, limit=60), seed=seed) for seed in range(40)])
    assert {reply.finish for reply in found} == {"stop", "length"}
    for reply in found:
        ended = reply.tokens[-1] in a_codec().ends
        assert (reply.finish == "stop") == ended
        assert ended or len(reply.tokens) == 60
        assert not a_codec().ends & set(reply.tokens[:-1])
        assert reply.text == a_codec().text(reply.tokens)


@pytest.mark.parametrize("stops", [("e",), ("?", "has", "a"), ("no such thing in it",)])
def test_a_stop_string_cuts_the_reply_at_the_token_that_completes_it(stops: tuple[str, ...]) -> None:
    draws = [replace(asked(0, limit=60), seed=seed) for seed in range(12)]
    free = replies(draws)
    stopped = replies([replace(draw, sampling=replace(draw.sampling, stop=stops)) for draw in draws])
    for whole, cut in zip(free, stopped, strict=True):
        assert whole.text.startswith(cut.text)
        assert whole.tokens[: len(cut.tokens)] == cut.tokens
        assert not any(stop in cut.text for stop in stops)
        if any(stop in whole.text for stop in stops):
            assert cut.finish == "stop"
            assert any(stop in a_codec().text(cut.tokens) for stop in stops)
            assert not any(stop in a_codec().text(cut.tokens[:-1]) for stop in stops)
        else:
            assert cut == whole


def test_finished_replies_are_delivered_at_once() -> None:
    order: list[int] = []
    draws = [replace(asked(1), limit=limit) for limit in (9, 3, 6)]
    generate(decoder(), a_codec(), draws, lambda number, _: order.append(number))
    assert order == [1, 2, 0]


def test_writing_can_be_broken_off() -> None:
    answers = iter([True, True, False])
    with pytest.raises(CallFailed, match="closed while it wrote"):
        generate(decoder(), a_codec(), [asked(0)], lambda *_: None, go_on=lambda: next(answers))


def test_damaged_weights_are_reported() -> None:
    network = a_llama()
    with torch.no_grad():
        network.model.norm.weight.fill_(torch.nan)
    with pytest.raises(CallFailed, match="not numbers"):
        generate(decoder_of(network, 0), a_codec(), [asked(0)], lambda *_: None)
