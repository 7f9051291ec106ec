"""The settings of a recipe on the command line: a TOML file, `--set KEY=VALUE`, or an option of their own.

regrowth run collapse --world gaussian --set mixing.real_share=0.3
regrowth run collapse --help                  every setting, with what it means
"""

import argparse
import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.settings import Frozen
from regrowth.recipes import RECIPES, Recipe, recipe

__all__ = ["read_settings", "takes_settings"]


def takes_settings(parser: argparse.ArgumentParser, given: Sequence[str] = (), *, folder: Path | None = None) -> None:
    """Let a command take the settings of a recipe; if the one that was `given` names it, as options of their own."""
    parser.add_argument("settings", nargs="?", type=Path, help="TOML file of settings")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one setting, a.b for one in a group; repeatable",
    )
    parser.add_argument("--folder", type=Path, default=folder, help="folder of the run (default: runs/RECIPE)")
    name = next((word for word in given[1:2] if word in RECIPES), None)
    if name is None or not parser.prog.endswith(f" {given[0]}"):
        return
    group = parser.add_argument_group(f"settings of {name}")
    settings = recipe(name).settings
    keyed = {word[2:].partition("=")[0]: "" for word in given if word.startswith("--")}  # conditions.sex, say
    keyed = {key: "" for key in keyed if "." in key and key.partition(".")[0] in settings.model_fields}
    for key, told in {**keyed, **dict(_settings(settings))}.items():
        with suppress(argparse.ArgumentError):  # an option of the command has that name: --set reaches the setting
            group.add_argument(
                f"--{key}", dest="set", action="append", type=f"{key}={{}}".format, metavar="…", help=told
            )


def _settings(settings: type[Frozen], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give the dotted name of each setting, and what it means; groups as what they hold."""
    for name, field in settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Frozen):
            yield from _settings(kind, f"{prefix}{name}.")
        else:
            told = (field.description or "").replace("%", "%%")
            default = "" if field.is_required() else f" (default: {field.get_default(call_default_factory=True)!r})"
            yield prefix + name, f"{told}{default.replace('%', '%%')}"


def read_settings(chosen: Recipe, file: Path | None, sets: Sequence[str]) -> Frozen:
    """Return the settings of a recipe: defaults, then the TOML file, then every --set.

    Raises:
        SettingsError: an unknown or wrong setting; the message lists those there are.
        DataError: the file cannot be read.
    """
    values = _toml(file) if file is not None else {}
    for one in sets:
        key, equals, text = one.partition("=")
        if not equals:
            raise SettingsError(f"--set {one}: expected KEY=VALUE, for instance --set seed=1.")
        _put(values, key.strip(), _value(text))
    try:
        return chosen.settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_told(chosen, error)) from None


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a value by its dotted name: `training.steps`."""
    *groups, last = key.split(".")
    for group in groups:
        values = values.setdefault(group, {})
        if not isinstance(values, dict):
            raise SettingsError(f"--set {key}: {group} is {values!r}, not a group of settings.")
    values[last] = value


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file}: no such file.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: not a TOML file that can be read ({error}).") from None


def _value(text: str) -> Any:
    """Read a value as TOML would, or as JSON; what is neither is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        with suppress(json.JSONDecodeError):
            return json.loads(text)
        return text


def _told(chosen: Recipe, error: ValidationError) -> str:
    lines = [f"{chosen.name}: these settings cannot be used."]
    for problem in error.errors():
        name = ".".join(map(str, problem["loc"]))
        found = "" if problem["type"] == "missing" else f" (found: {problem['input']!r})"
        lines.append(f"  {name}: {problem['msg']}{found}")
    fields = chosen.settings.model_fields
    lines.append("Settings: " + ", ".join(fields))
    return "\n".join(lines)
