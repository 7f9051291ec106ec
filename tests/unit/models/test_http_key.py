"""The key is told to nobody but the server."""

import asyncio
import io
import logging
import pickle
from collections.abc import Iterator

import orjson
import pytest

from regrowth.core.errors import ModelUnavailable, RegrowthError
from regrowth.core.record import Message
from regrowth.models.http import HttpBackend, HttpSettings
from support.calls import QUICK, SAMPLING, against, failure, outcome, texts
from support.server import Behaviour, Server, serving

KEY = "sk-planted-0123456789-abcdefghij"


def traces(error: BaseException | None) -> Iterator[str]:
    """Yield all that an exception and those behind it could tell."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        error = error.__cause__ or error.__context__


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Capture the log of everything, at DEBUG."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


ECHO = "you sent {headers} and that is wrong"


@pytest.mark.parametrize(
    "behaviour",
    [
        *(Behaviour(status=status, text=ECHO) for status in (400, 401, 403, 404, 422, 429, 500, 503)),
        Behaviour(status=307, headers=f"Location: http://127.0.0.1:9/?{KEY}\r\n", text=ECHO),
        Behaviour(status=400, headers=f"Set-Cookie: {KEY} x={KEY}\r\nX-Key: {KEY}\r\nRetry-After: {KEY}\r\n"),
        Behaviour(status=401, text=f"Incorrect API key provided: {KEY[:8]}********{KEY[-4:]}."),
        *(Behaviour(faults={fault: 1.0}) for fault in ("hang", "cut", "partial", "broken", "shape")),
    ],
    ids=lambda behaviour: str(behaviour.status) if behaviour.status != 200 else next(iter(behaviour.faults)),
)
def test_a_planted_key_is_told_to_nobody_but_the_server(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        error = await outcome(backend, "Why?")
        assert isinstance(error, RegrowthError)
        assert any(KEY in head for head in server.served.headers)
        held = [
            repr(backend),
            repr(vars(backend)),
            repr(vars(backend._caller)),
            pickle.dumps(backend).decode("latin-1"),
        ]
        return [*traces(error), *held]

    told = against(behaviour, ask, key_env="PLANTED_KEY", attempts=2, timeout=0.05)
    for text in (*told, logged.getvalue()):
        assert KEY not in text
        assert KEY[:8] not in text
        assert KEY[-4:] not in text


def test_a_planted_key_is_in_no_raw_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def ask(backend: HttpBackend, server: Server) -> bytes:
        return orjson.dumps((await backend.answer([Message("user", "Why?")], SAMPLING, [1])).raw)

    raw = against(Behaviour(said={"Why?": f"Your key is {KEY}."}, key=KEY), ask, key_env="PLANTED_KEY")
    assert KEY.encode() not in raw
    assert b"Your key is [key]." in raw


def test_a_placeholder_of_a_key_does_not_change_honest_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "EMPTY")

    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        return await texts(backend, "Why?", [1])

    assert against(Behaviour(said={"Why?": "EMPTY set"}), ask, key_env="PLANTED_KEY") == ["EMPTY set"]


def test_a_key_with_a_line_break_inside_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", f"{KEY}\r\nX-Evil: 1")
    found = failure(Behaviour(), key_env="PLANTED_KEY")
    assert isinstance(found, ModelUnavailable)
    assert KEY not in "".join(traces(found))


def redirect(address: str) -> Behaviour:
    return Behaviour(status=307, headers=f"Location: {address}\r\n")


def test_redirects_are_not_followed_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def run() -> tuple[str | Exception, int]:
        async with serving() as other, serving(redirect(other.url)) as server:
            backend = HttpBackend("mock", server.url, HttpSettings(key_env="PLANTED_KEY", **QUICK))
            found = await outcome(backend, "Why?")
            await backend.close()
            return found, other.served.requests

    found, elsewhere = asyncio.run(run())
    assert isinstance(found, ModelUnavailable)
    assert "moved to http://127.0.0.1" in str(found)
    assert elsewhere == 0
