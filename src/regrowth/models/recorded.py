"""Real responses out of a file: for replay, for a vendor's batch results, and for tests on what models really wrote.

Its own shape, one record per line of JSONL, plain or gzipped:
    {"prompt": "Name a prime above 10.", "responses": ["11", "Thirteen."]}
    {"messages": [{"role": "user", "content": "Name …"}], "responses": ["11"]}

Any other through paths, where `*` stands for every key or place. OpenAI's published GSM8K solutions are read with
`prompt="question"`, `responses="*.solution"`:
    {"question": "Tom has …", "6b_finetuning": {"solution": "3 + 4 = …"}, "175b_verification": {"solution": "There …"}}

A vendor's batch output names no prompts; `requests` names the file sent in, and both are joined by `custom_id`:
    {"custom_id": "r-1", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "11"}, …}]}}}

A prompt is found by its last user message, whatever its white space. The i-th seed of a call takes the i-th response.
Recorded text is what it is: temperature, limits and stop strings do not change it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

from regrowth.core.errors import CallFailed, DataError
from regrowth.core.protocols import Answer, Completion, Cost, Sampling
from regrowth.core.record import Json, Messages, digest
from regrowth.models._chat import Body, completions, rough_tokens, text_of
from regrowth.models._lines import Lines

__all__ = ["RecordedBackend"]

SIMILAR = 2_000
"""Records that are compared with a prompt that was not found."""
WORD = re.compile(r"\w+")


class RecordedBackend:
    """Serve the responses in a file."""

    def __init__(
        self, path: str | Path, *, prompt: str = "", responses: str = "", requests: str | Path | None = None
    ) -> None:
        """Read the file once, for its prompts; responses are looked up when asked for.

        `prompt` and `responses` are paths such as `question` and `*.solution`; left out, the file's own shape counts.

        Raises:
            DataError: a file is missing, broken or of another shape; names file and line.
        """
        self.path = Path(path)
        self.prompt = prompt
        self.responses = responses
        self.requests = None if requests is None else Path(requests)
        self._asked = {} if self.requests is None else _prompts_by_id(self.requests)
        self._lines = Lines(self.path)
        self._places: dict[bytes, list[int]] = {}
        self._words: list[tuple[str, set[str]]] = []
        try:
            self._read_prompts()
        except DataError:
            self._lines.close()
            raise
        joined = sorted(self._asked.items())
        self._digest = digest("recorded", self._lines.sha256, prompt, responses, joined)

    def _read_prompts(self) -> None:
        for number, place, record in self._lines:
            where = f"{self.path}: line {number}"
            name = _name(self._prompt_of(record, where))
            self._responses_of(record, where)
            self._places.setdefault(name, []).append(place)
        if not self._places:
            raise DataError(f'{self.path}: no records. Expected lines such as {{"prompt": "…", "responses": ["…"]}}.')

    def __repr__(self) -> str:
        return f"RecordedBackend({str(self.path)!r}, {len(self._places)} prompts)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.path, self.prompt, self.responses, self.requests)

    @property
    def digest(self) -> str:
        """Return the hash of the file and of how it is read."""
        return self._digest

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Return one recorded response per seed, in the order of the file.

        Raises:
            CallFailed: the prompt is not in the file, or has fewer responses.
        """
        asked = next((content for role, content in reversed(messages) if role == "user"), "")
        places = self._places.get(_name(asked))
        if places is None:
            raise CallFailed(
                f"no recorded prompt {asked[:200]!r}. The most similar one: {self._similar(asked)[:200]!r}"
            )
        records = [self._lines.at(place) for place in places]
        found = [response for record in records for response in self._responses_of(record, str(self.path))]
        if len(found) < len(seeds):
            failures = {f"; the batch says: {why}" for record in records if (why := _failure(record))}
            raise CallFailed(f"{len(found)} recorded responses, {len(seeds)} asked{''.join(sorted(failures))}")
        bodies = [_body(response) for response in found[: len(seeds)]]
        # Nothing is spent on what was paid for elsewhere.
        return Answer(cast("Json", bodies), Cost(calls=1))

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer, one per seed."""
        return completions(cast("list[Body]", raw))

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Refuse: recorded text has no log-probabilities.

        Raises:
            CallFailed: always.
        """
        raise CallFailed(f"{self.path}: recorded responses have no log-probabilities")

    async def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _prompt_of(self, record: Mapping[str, Any], where: str) -> str:
        if self.requests is not None:
            name = str(record.get("custom_id"))
            if name not in self._asked:
                raise DataError(f"{where} answers custom_id {name!r}, which is not in {self.requests}.")
            return self._asked[name]
        if self.prompt:
            found = _along(record, self.prompt.split("."))
            if len(found) == 1 and (text := _asked_in(found[0])) is not None:
                return text
            raise DataError(f"{where} has no text at {self.prompt!r} (found: {_names(record)}). Correct prompt=….")
        if (text := _asked_in(record.get("prompt", record.get("messages")))) is not None:
            return text
        if "custom_id" in record and "response" in record:
            raise DataError(f"{where} is a batch result and names no prompt. Give the file sent in as requests=….")
        raise DataError(f"{where} has no field 'prompt' or 'messages' (found: {_names(record)}). Name it by prompt=….")

    def _responses_of(self, record: Mapping[str, Any], where: str) -> list[Any]:
        if self.requests is not None and _failure(record):
            return []
        path = self.responses or ("response.body.choices" if self.requests is not None else _own_path(record))
        found = _along(record, path.split("."))
        if not found:
            raise DataError(f"{where} has no responses at {path!r} (found: {_names(record)}). Correct responses=….")
        responses = [part for value in found for part in (value if isinstance(value, list) else [value])]
        for response in responses:
            if not isinstance(response, str) and not isinstance(_message(response), dict):
                raise DataError(f"{where} has a response that is no text: {str(response)[:60]!r}.")
        return responses

    def _similar(self, asked: str) -> str:
        """Return the prompt, among the first 2,000, that shares most words with the one asked."""
        if not self._words:
            first = [self._prompt_of(line.record, str(self.path)) for line in islice(self._lines, SIMILAR)]
            self._words = [(prompt, _words(prompt)) for prompt in first]
        wanted = _words(asked)
        return max(self._words, key=lambda known: len(known[1] & wanted) / (len(known[1] | wanted) or 1))[0]


def _again(path: Path, prompt: str, responses: str, requests: Path | None) -> RecordedBackend:
    return RecordedBackend(path, prompt=prompt, responses=responses, requests=requests)


def _prompts_by_id(path: Path) -> dict[str, str]:
    prompts = {}
    lines = Lines(path)
    for number, _, record in lines:
        body = record.get("body")
        text = _asked_in(body.get("messages", body.get("prompt"))) if isinstance(body, dict) else None
        if "custom_id" not in record or text is None:
            raise DataError(f"{path}: line {number} is no batch request (found: {_names(record)}).")
        prompts[str(record["custom_id"])] = text
    lines.close()
    return prompts


def _along(value: Any, path: Sequence[str]) -> list[Any]:
    """Return what lies at the end of a path; `*` branches into every key or place."""
    if not path:
        return [value]
    step, rest = path[0], path[1:]
    if step == "*":
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [found for part in parts for found in _along(part, rest)]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return _along(value[int(step)], rest)
    return _along(value[step], rest) if isinstance(value, dict) and step in value else []


def _asked_in(value: Any) -> str | None:
    """Return the prompt in a value: a text, or the last user message of a conversation."""
    if isinstance(value, str):
        return value
    turns: list[Any] = value if isinstance(value, list) else []
    said = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
    return text_of(said[-1]) if said else None


def _own_path(record: Mapping[str, Any]) -> str:
    return "response" if "responses" not in record and "response" in record else "responses"


def _message(response: Any) -> Any:
    return response.get("message") if isinstance(response, dict) else None


def _failure(record: Mapping[str, Any]) -> str:
    """Return why a line of a batch result holds no answer; empty if it does."""
    reply = record.get("response")
    if record.get("error"):
        return str(record["error"])[:200]
    if isinstance(reply, dict) and reply.get("status_code", 200) != 200:
        return f"HTTP {reply['status_code']}: {str(reply.get('body'))[:200]}"
    return ""


def _body(response: Any) -> Body:
    told: Body = {"message": {"content": response}, "finish_reason": "stop"}
    choice = told if isinstance(response, str) else response
    tokens = rough_tokens([text_of(choice["message"])])
    return {"choices": [choice], "usage": {"completion_tokens": tokens, "estimated": True}}


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))


def _name(prompt: str) -> bytes:
    return hashlib.blake2b(" ".join(prompt.split()).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _names(record: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, list(record)[:12])) or "nothing"
