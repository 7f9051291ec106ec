"""The one wire protocol, OpenAI-compatible chat completions, as pure functions.

A reply on its way:
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "7"}, "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 14, "completion_tokens": 1}, "model": "m", "id": "chatcmpl-1", "created": 1760000000}
What is stored of it: `choices`, `usage`, `model`, `system_fingerprint`. A raw answer is a list of such bodies, because
servers that know no `n` are asked once per seed.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from regrowth.core.protocols import Completion, Finish, Sampling
from regrowth.core.record import Messages

__all__ = ["Body", "completions", "kept", "optional", "request", "rough_tokens", "text_of", "without", "wrong"]

Body: TypeAlias = dict[str, Any]

KEPT = ("model", "system_fingerprint")
SEEDS = 2**31
"""Seeds are sent modulo this: some servers read 32 bits and take the highest value for "no seed"."""
FINISHES: dict[str, Finish] = {"length": "length", "max_tokens": "length", "content_filter": "refused"}
NAMES = {
    "response_format": r"response_format|json_schema|schema|guided|structured|grammar",
    "n": r"(?<![\w.'])n(?![\w.'])|['\"`]n['\"`]",
    "seed": r"seed",
    "max_tokens": r"(?=.*(instead|unsupported|not supported)).*max_completion_tokens",
    "temperature": r"temperature",
    "top_p": r"top_p",
}
"""How servers name, in their refusals, the fields that a request can do without."""


def request(
    model: str,
    messages: Messages,
    sampling: Sampling,
    seeds: Sequence[int],
    *,
    refused: Collection[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> Body:
    """Write one request for as many choices as there are seeds, without the fields that the server refused before."""
    fields: Body = {
        "model": model,
        "messages": [{"role": role, "content": content} for role, content in messages],
        "max_tokens": sampling.max_tokens,
        # Both always: servers fall back to the settings shipped with the weights, not to the plain distribution.
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": seeds[0] % SEEDS,
    }
    if len(seeds) > 1:
        fields["n"] = len(seeds)
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if sampling.logprobs:
        fields["logprobs"] = True
    if sampling.schema is not None:
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": _strict(sampling.schema), "schema": sampling.schema},
        }
    for name in refused:
        fields = without(fields, name)
    return {**fields, **(extra or {})}


def _strict(schema: Any) -> bool:
    """Return whether every object of a schema is closed and complete, as strict decoding demands."""
    if isinstance(schema, Mapping):
        named = schema.get("properties")
        if isinstance(named, Mapping) and (
            schema.get("additionalProperties") is not False or set(named) != set(schema.get("required", ()))
        ):
            return False
        return all(_strict(part) for part in schema.values())
    return all(_strict(part) for part in schema) if isinstance(schema, list | tuple) else True


def without(fields: Body, name: str) -> Body:
    """Return a request without a field that the server does not know, or with its newer name."""
    rest = {key: value for key, value in fields.items() if key != name}
    if name == "max_tokens" and name in fields:
        rest["max_completion_tokens"] = fields[name]
    return rest


def optional(fields: Body, complaint: str) -> str:
    """Return the field of a refused request that it can do without: one the complaint names, or `response_format`.

    Empty if there is none. Temperature and top_p can be left out only where they say what a server does anyway.
    """
    for name, pattern in NAMES.items():
        value = fields.get(name)
        if value is None or (name in ("temperature", "top_p") and value != 1.0):
            continue
        if re.search(pattern, complaint, re.IGNORECASE):
            return name
    return "response_format" if "response_format" in fields else ""


def wrong(body: Any) -> str:
    """Return what is wrong with the shape of a reply; empty if nothing is."""
    if not isinstance(body, dict):
        return f"the reply is a JSON {type(body).__name__}, not an object"
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return f"the reply has no choices (found: {', '.join(map(str, body)) or 'nothing'})"[:300]
    for choice in choices:
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict) or not isinstance(message.get("content"), str | list | None):
            return "a choice of the reply has no message with text"
        if not isinstance(choice.get("index", 0), int):
            return "a choice of the reply has an index that is no number"
    return ""


def kept(body: Body, wanted: int, messages: Messages) -> Body:
    """Return what is stored of a well-shaped reply: at most `wanted` choices, in the order of their index.

    Where the server counts no tokens they are estimated, one per four bytes of UTF-8, and marked `estimated`.
    """
    numbered = {choice.get("index", place): choice for place, choice in enumerate(body["choices"])}
    choices = [numbered[index] for index in sorted(numbered)]
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    known = {name: counts.get(name) for name in ("prompt_tokens", "completion_tokens")}
    if not all(isinstance(count, int) and count >= 0 for count in known.values()):
        usage = {
            "prompt_tokens": rough_tokens(content for _, content in messages),
            "completion_tokens": rough_tokens(text_of(choice["message"]) for choice in choices),
            "estimated": True,
        }
    facts = {name: body[name] for name in KEPT if body.get(name) is not None}
    return {"choices": choices[:wanted], "usage": usage, **facts}


def rough_tokens(texts: Iterable[str]) -> int:
    """Estimate a number of tokens: one per four bytes of UTF-8, rounded up text by text."""
    return sum((len(text.encode("utf-8", "surrogatepass")) + 3) // 4 for text in texts)


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message: a string, or the text parts of a list; a refusal where there is no text."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content or str(message.get("refusal") or "")


def completions(bodies: Iterable[Body]) -> tuple[Completion, ...]:
    """Read the completions out of stored replies."""
    return tuple(completion for body in bodies for completion in _of_body(body))


def _of_body(body: Body) -> list[Completion]:
    choices = body["choices"]
    texts = [text_of(choice["message"]) for choice in choices]
    total = int((body.get("usage") or {}).get("completion_tokens") or 0)
    rough = [rough_tokens([text]) for text in texts]
    whole = sum(rough) or 1
    return [
        # Servers count the tokens of all choices together: each gets the share of its length.
        _of_choice(choice, text, total if len(choices) == 1 else round(total * share / whole))
        for choice, text, share in zip(choices, texts, rough, strict=True)
    ]


def _of_choice(choice: Body, text: str, tokens: int) -> Completion:
    finish = FINISHES.get(str(choice.get("finish_reason")), "stop")
    message = choice["message"]
    if message.get("refusal") and not message.get("content"):
        finish = "refused"
    measured = choice.get("logprobs")
    if not isinstance(measured, dict) or not isinstance(measured.get("content"), list):
        return Completion(text, finish, None, tokens)
    logprobs = tuple(float(token["logprob"]) for token in measured["content"])
    return Completion(text, finish, logprobs, len(logprobs))
