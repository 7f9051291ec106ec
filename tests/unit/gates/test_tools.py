"""Executed tool calls: parsed strictly, held against the declaration, judged by their result."""

import json
import pickle
from typing import Any

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates import Call, Tool, execute, executed_call, parse_call


def divide(above: float, below: float) -> float:
    return above / below


def describe(city: str, days: int = 1) -> dict[str, Any]:
    return {"city": city.title(), "days": list(range(days)), "warm": True}


NUMBER = {"type": "number"}
DIVIDE = Tool(
    "divide",
    "Divide two numbers.",
    {"type": "object", "properties": {"above": NUMBER, "below": NUMBER}, "required": ["above", "below"]},
    divide,
)
DESCRIBE = Tool(
    "describe",
    "Describe a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7}},
        "required": ["city"],
    },
    describe,
)
TOOLS = (DIVIDE, DESCRIBE)
TARGET = '{"name": "divide", "arguments": {"above": 1, "below": 3}}'


def reason(response: str, target: str = TARGET) -> str:
    record = Record.of("?", response=response, target=target)
    refused = None
    try:
        assert executed_call(TOOLS)(record) is record
    except Rejected as error:
        refused = error
    assert refused is None or refused.gate == "executed_call"
    return refused.reason if refused else ""


def call(name: str, **arguments: object) -> str:
    return json.dumps({"name": name, "arguments": arguments})


@pytest.mark.parametrize(
    ("response", "target"),
    [
        (call("divide", below=3, above=1), TARGET),
        (call("divide", above=2.0, below=6), TARGET),
        (call("divide", above=0.1, below=0.3), TARGET),
        (call("describe", city="OSLO"), call("describe", city="oslo", days=1)),
    ],
)
def test_a_call_with_the_same_result_is_accepted_however_it_is_spelled(response: str, target: str) -> None:
    assert not reason(response, target)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("divide(1, 3)", "the response is no call that works: Expecting value at character 1"),
        (f"```json\n{TARGET}\n```", "Expecting value"),
        (f"[{TARGET}]", 'expected {"name"'),
        ('{"name": "divide"}', 'expected {"name"'),
        ('{"name": "divide", "arguments": {}, "id": 1}', 'expected {"name"'),
        ('{"name": "divide", "arguments": "1, 3"}', 'expected {"name"'),
        ('{"name": "divide", "name": "divide", "arguments": {}}', "stands there twice"),
        (call("multiply", above=1, below=3), "no tool 'multiply' (there are: divide, describe)"),
        ('{"name": ["divide"], "arguments": {}}', "no tool"),
        (call("divide", above=1), "arguments of divide: 'below' is a required property"),
        (call("divide", above="1", below=3), "at above: '1' is not of type 'number'"),
        (call("divide", above=True, below=3), "at above: True is not of type 'number'"),
        (call("divide", above=1, below=3, round=True), "takes no argument 'round' (it takes: above, below)"),
        (call("describe", city="Oslo", days=10**9), "greater than the maximum of 7"),
        (call("divide", above=1, below=0), "divide failed with ZeroDivisionError: division by zero"),
        (call("divide", above=1, below=2), "the result is '0.5', expected '0.333"),
        (call("describe", city="Oslo"), "expected '0.333"),
    ],
)
def test_any_other_call_is_refused_with_what_is_wrong(response: str, said: str) -> None:
    assert said in reason(response)


def test_a_target_that_is_no_call_is_named_as_such() -> None:
    assert reason(TARGET, "1/3").startswith("the target is no call that works")


def test_true_is_not_one_and_a_list_is_not_its_beginning() -> None:
    tools = tuple(
        Tool(name, "", {"type": "object", "properties": {}}, function)
        for name, function in (
            ("yes", lambda: True),
            ("one", lambda: 1),
            ("few", lambda: [1]),
            ("more", lambda: [1, 2]),
        )
    )
    gate = executed_call(tools)
    for one, other in (("yes", "one"), ("few", "more"), ("one", "few")):
        with pytest.raises(Rejected, match="the result is"):
            gate(Record.of("?", response=call(one), target=call(other)))


def test_a_tool_whose_result_is_no_data_fails_the_call() -> None:
    odd = Tool("odd", "", {"type": "object", "properties": {}}, lambda: float("nan"))
    with pytest.raises(ValueError, match="odd failed with ValueError"):
        execute(Call("odd", {}), [odd])


def test_a_call_is_parsed_for_others_too() -> None:
    assert parse_call(TARGET, TOOLS) == Call("divide", {"above": 1, "below": 3})


def test_the_declaration_is_what_models_are_shown() -> None:
    assert DIVIDE.to_json() == {
        "name": "divide",
        "description": "Divide two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"above": NUMBER, "below": NUMBER},
            "required": ["above", "below"],
        },
    }


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ((), "expected tools of different names"),
        ((DIVIDE, DIVIDE), "expected tools of different names"),
        ((Tool("x", "", {"type": "array"}, divide),), "must be a schema of type 'object'"),
        ((Tool("x", "", {"type": "text"}, divide),), "Not a JSON schema"),
    ],
)
def test_tools_that_cannot_work_stop_the_run_before_it_begins(tools: tuple[Tool, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        executed_call(tools)


def test_the_gate_carries_its_name_and_travels_to_other_processes() -> None:
    gate = pickle.loads(pickle.dumps(executed_call([DIVIDE])))
    assert gate.__name__ == "executed_call"
    record = Record.of("?", response=TARGET, target=TARGET)
    assert gate(record) is record
