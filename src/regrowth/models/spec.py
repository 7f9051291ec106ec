"""One string names a model, options and all.

    tiny                                              the small model in the package
    hf:org/name                                       a model of the hub, in process
    ./folder   /folder   ~/folder                     weights on disk, in process
    vllm:./folder?context=4096                        the same, or the hub's, behind a vLLM server of our own
    openai:model@http://host:port/v1?concurrency=64   any OpenAI-compatible server
    openai:model                                      OpenAI itself, key in OPENAI_API_KEY
    recorded:file.jsonl?prompt=question&responses=*.solution

Options follow a `?` as in an address, `%xx` for what has a meaning there; keywords say the same and win.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from regrowth.core.errors import MissingExtra, SettingsError
from regrowth.core.protocols import Backend
from regrowth.models.recorded import RecordedBackend

__all__ = ["backend"]

FOLDERS = ("./", "../", "/", "~")
OPENAI = "https://api.openai.com/v1"
KINDS = "tiny, hf:org/name, ./folder, openai:model@http://host:port/v1, vllm:./folder, recorded:file.jsonl"


def backend(name: str, **options: Any) -> Backend:
    """Return the backend that a string names.

    Raises:
        SettingsError: there is no such kind of model, or no such option; says which there are.
        DataError: a file of recorded responses cannot be read.
        MissingExtra: the model runs in process and torch is not installed.
    """
    plain, _, query = name.partition("?")
    given = {**_options_in(query, name), **options}
    if plain == "tiny":
        return _tiny(given)
    if plain.startswith(FOLDERS) or plain in (".", ".."):
        return _torch(str(Path(plain).expanduser()), given)
    kind, _, rest = plain.partition(":")
    build = {"hf": _torch, "openai": _openai, "vllm": _vllm, "recorded": _recorded}.get(kind)
    if build is None or not rest:
        raise SettingsError(f"no model is named {plain!r}. A model is one of: {KINDS}.")
    return build(rest, given)


def _options_in(query: str, name: str) -> dict[str, Any]:
    options = {}
    for part in query.split("&") if query else ():
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise SettingsError(f"model {name.partition('?')[0]!r}: option {key!r} has no value. Write option=value.")
        options[key] = unquote(value)
    return options


def _openai(rest: str, options: dict[str, Any]) -> Backend:
    # The HTTP library takes a fifth of a second to import, and most kinds of model do without.
    from regrowth.models.http import HttpBackend, HttpSettings

    found = re.fullmatch(r"(.+)@(https?://.+)", rest)
    if found is None and re.search(r"@[\w.-]+(:\d+|/v\d)", rest):
        raise SettingsError("openai:model@address: the address must begin with http:// or https://.")
    model, base = found.groups() if found else (rest, OPENAI)
    known = {"key_env": "OPENAI_API_KEY"} if found is None else {}
    _refuse_unknown(options, HttpSettings.model_fields, "openai:")
    try:
        return HttpBackend(model, base, HttpSettings.model_validate({**known, **options}))
    except ValidationError as error:
        raise SettingsError(_wrong("openai:", error)) from None


def _vllm(rest: str, options: dict[str, Any]) -> Backend:
    # As in `_openai`.
    from regrowth.models.vllm import VllmBackend

    return VllmBackend(rest, **_fitting(VllmBackend, options, "vllm:", taken=1))


def _recorded(rest: str, options: dict[str, Any]) -> Backend:
    return RecordedBackend(Path(rest).expanduser(), **_fitting(RecordedBackend, options, "recorded:", taken=1))


def _torch(rest: str, options: dict[str, Any]) -> Backend:
    # torch takes seconds to import, and is an extra.
    try:
        from regrowth.models.torch import TorchBackend
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    made: Backend = TorchBackend(rest, **_fitting(TorchBackend, options, "hf: or a folder", taken=1))
    return made


def _tiny(options: dict[str, Any]) -> Backend:
    # As in `_torch`.
    try:
        from regrowth.models.tiny import tiny_backend
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    made: Backend = tiny_backend(**_fitting(tiny_backend, options, "tiny", taken=0))
    return made


def _missing(error: ModuleNotFoundError) -> Exception:
    if (error.name or "").startswith("regrowth"):
        return error
    return MissingExtra(
        f"models that run in process need {error.name}, which is not installed. Install it by: "
        'pip install "regrowth[hf]"'
    )


def _fitting(build: Callable[..., Any], options: Mapping[str, Any], kind: str, *, taken: int) -> dict[str, Any]:
    """Turn options, which may be strings, into what keywords want; the first `taken` parameters are spoken for."""
    known = list(inspect.signature(build).parameters)[taken:]
    _refuse_unknown(options, known, kind)
    hints = get_type_hints(build.__init__ if inspect.isclass(build) else build) if options else {}
    fitted = {}
    for name, value in options.items():
        try:
            fitted[name] = TypeAdapter(hints[name]).validate_python(value) if isinstance(value, str) else value
        except ValidationError as error:
            raise SettingsError(_wrong(f"{kind} option {name!r}", error)) from None
    return fitted


def _refuse_unknown(options: Mapping[str, Any], known: Any, kind: str) -> None:
    if unknown := sorted(set(options) - set(known)):
        hint = (
            " A key is never an option: name the environment variable that holds it by key_env."
            if ("key_env" in known and any("key" in name for name in unknown))
            else ""
        )
        raise SettingsError(f"{kind} has no option {unknown[0]!r}. It has: {', '.join(known) or 'none'}.{hint}")


def _wrong(what: str, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{what} {where}: {first['msg']}".replace("  ", " ")
