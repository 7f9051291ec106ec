"""Tool calls are parsed strictly, checked against the declared schema and executed."""

import json
from dataclasses import replace

import pytest

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains import DOMAINS
from regrowth.domains.tools import TOOLS

RAIN = Record.of(
    "Tools: weather(city, day); timer(minutes)\nWill it rain in Oslo on Monday?",
    target='{"name": "weather", "arguments": {"city": "Oslo", "day": "Monday"}}',
    tools=["weather", "timer"],
)
verify = DOMAINS["tool_calls"].verify


def refusal(answer: str) -> str:
    with pytest.raises(Rejected) as caught:
        verify(RAIN, answer)
    assert caught.value.gate == "tool_calls"
    return caught.value.reason


def test_the_order_of_arguments_and_white_space_do_not_matter() -> None:
    verify(RAIN, ' {"arguments":{"day":"Monday","city":"Oslo"},\n"name":"weather"} ')


def test_another_result_is_refused_with_both_calls() -> None:
    reason = refusal('{"name": "weather", "arguments": {"city": "Rome", "day": "Monday"}}')
    assert reason == "called weather(city='Rome', day='Monday'), expected weather(city='Oslo', day='Monday')"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("It will rain.", "not JSON: Expecting value: line 1 column 1 (char 0) in 'It will rain.'"),
        ('{"name": "timer"}', """expected {'name': …, 'arguments': {…}}, found '{"name": "timer"}'"""),
        ('{"name": "book", "arguments": {}}', "no tool 'book' is declared (declared: weather, timer)"),
        (
            '{"name": "weather", "arguments": {"city": "Oslo", "day": "today"}}',
            "arguments of weather do not satisfy its schema: $.day: 'today' is not one of "
            "['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']",
        ),
        (
            '{"name": "timer", "arguments": {"minutes": "5", "loud": true}}',
            "arguments of timer do not satisfy its schema: $.minutes: '5' is not of type 'integer'; "
            "$: Additional properties are not allowed ('loud' was unexpected)",
        ),
        (
            '{"name": "timer", "name": "weather", "arguments": {}}',
            'not JSON: an object names a key twice in \'{"name": "timer", "name": "weather", "arguments": {}}\'',
        ),
    ],
)
def test_what_is_no_valid_call_is_refused_with_the_exact_reason(answer: str, reason: str) -> None:
    assert refusal(answer) == reason


@pytest.mark.parametrize(
    "answer", ["[" * 100_000, "9" * 5_000, "NaN", '{"name": "timer", "arguments": {"minutes": 1e999}}']
)
def test_hostile_json_is_refused_not_raised(answer: str) -> None:
    assert refusal(answer)


def test_the_wrong_tool_is_refused_even_if_its_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "forecast", replace(TOOLS["weather"], name="forecast"))
    call = {"name": "forecast", "arguments": {"city": "Oslo", "day": "Monday"}}
    with pytest.raises(Rejected, match=r"called forecast\(.*expected weather\("):
        verify(replace(RAIN, attributes={"tools": ["weather", "forecast"]}), json.dumps(call))


def test_what_the_prompt_declares_is_what_the_registry_checks() -> None:
    for tool in TOOLS.values():
        assert tool.signature == f"{tool.name}({', '.join(tool.schema['required'])})"
        assert tool.schema["additionalProperties"] is False
