"""What went wrong with an attempt, and how long to wait."""

import random
from typing import Any

import orjson
import pytest

from regrowth.core.protocols import Sampling
from regrowth.core.record import Message
from regrowth.models._chat import optional, request
from regrowth.models._faults import Fault, backoff, fault_of, message_of, redacted, retry_after

NOON = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOON) == seconds


def test_pauses_grow_up_to_a_bound_and_are_spread_over_the_whole_of_it() -> None:
    chance = random.Random(0)
    for attempt, bound in ((1, 0.5), (2, 1.0), (5, 8.0), (50, 30.0)):
        pauses = [backoff(attempt, 0.5, chance) for _ in range(300)]
        assert 0 <= min(pauses) < bound / 10
        assert bound * 0.9 < max(pauses) <= bound


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 529])
def test_passing_faults_are_tried_again(status: int) -> None:
    assert fault_of(status, {}, b"").passing


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 413, 422, 501])
def test_answers_are_not_tried_again(status: int) -> None:
    assert not fault_of(status, {}, b"").passing


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no\nsuch  field", "code": "bad_field"}}, "no such field (bad_field)"),
        ({"error": "model not loaded"}, "model not loaded"),
        ({"detail": [{"loc": ["n"]}]}, '[{"loc":["n"]}]'),
        ({"object": "error", "message": "too long", "code": 400}, "too long"),
        ("<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
    ],
)
def test_the_servers_own_words_are_found(body: Any, message: str) -> None:
    assert message_of(body.encode() if isinstance(body, str) else orjson.dumps(body)) == message
    assert len(message_of(b"x" * 10_000)) == 500


def test_a_key_is_taken_out_of_text_also_where_it_is_half_shown() -> None:
    key = "sk-proj-abcdefghijklmnop"
    assert redacted(f"Bearer {key}, wrong", key) == "Bearer [key], wrong"
    assert redacted("Incorrect key: sk-proj-****mnop.", key) == "Incorrect key: [key]"
    assert redacted("nothing", key) == "nothing"
    assert redacted("nothing", "") == "nothing"


@pytest.mark.parametrize(
    ("complaint", "field"),
    [
        ("Unknown parameter: 'seed'", "seed"),
        ("n must be 1", "n"),
        ("Extra inputs are not permitted: response_format", "response_format"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens"),
        ("'max_tokens' or 'max_completion_tokens' is too large: 5000.", ""),
        ("temperature does not support 1.0", "temperature"),
        ("top_p cannot be set", ""),
        ("maximum context length is 4096 tokens, no messages fit", ""),
    ],
)
def test_only_fields_that_change_nothing_are_left_out(complaint: str, field: str) -> None:
    fields = request("m", [Message("user", "Why?")], Sampling(top_p=0.9), [1, 2])
    if field == "response_format":
        fields["response_format"] = {}
    assert optional(fields, complaint) == field


def test_a_fault_says_its_status_and_reason() -> None:
    fault = fault_of(429, {"Retry-After": "3"}, b'{"error": {"message": "slow down"}}')
    assert fault == Fault("busy", "HTTP 429: slow down", 3.0)
