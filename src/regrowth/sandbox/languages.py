"""The languages that untrusted code may be written in, and which of them this machine has the tools for.

    toolchain("lua")     Toolchain(language=…, commands={"lua": "/usr/bin/lua5.4"}, …)
    found()["julia"]     Missing("julia is not on the path.", "https://julialang.org/downloads")
    version("lua")       "Lua 5.4.4  Copyright (C) 1994-2022 Lua.org, PUC-Rio"

A tool is called by its real path, since inside the sandbox there is no user, no home and no link farm. What lies
outside the system's own folders is told by `toolchain_paths`, so that it can be shown inside, read-only.
"""

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from regrowth.core.errors import SettingsError
from regrowth.sandbox.language_table import LANGUAGES, Language, Tool

__all__ = [
    "LANGUAGES",
    "Language",
    "Missing",
    "Tool",
    "Toolchain",
    "checked",
    "found",
    "toolchain",
    "toolchain_paths",
    "version",
    "versions",
]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""What every program inside sees anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Hold where the tools of a language are."""

    language: Language
    commands: Mapping[str, str]
    """Real path by the tool's first name."""
    paths: tuple[str, ...]
    """What has to be readable inside besides the system's folders."""
    version: str = ""

    def argv(self) -> list[str]:
        """Return the command that runs a source, without building it."""
        return [part.format(file=self.language.source, **self.commands) for part in self.language.run]


@dataclass(frozen=True, slots=True)
class Missing:
    """Say why a language cannot be used here, and what to do."""

    reason: str
    install: str


def found() -> Mapping[str, Toolchain | Missing]:
    """Return what is known of every language here: its tools with their version, or why it cannot be used.

    Each tool is asked once per process; all together they take a few seconds.
    """
    return {name: checked(name) for name in LANGUAGES}


@functools.cache
def checked(name: str) -> Toolchain | Missing:
    """Return the tools of a language with their version, or why it cannot be used here.

    Raises:
        SettingsError: no such language.
    """
    if name not in LANGUAGES:
        raise SettingsError(f"No language {name!r}. Choose one of {', '.join(LANGUAGES)}.")
    tools = _located(name)
    if isinstance(tools, Missing):
        return tools
    said = ""
    for tool in reversed(tools.language.tools):
        command = tools.commands.get(tool.names[0])
        if command is None or (tool.optional and not tool.at_least):
            continue
        said = _asked(command, tool.ask)
        numbers = re.search(r"\d+(?:\.\d+)+", said) or re.search(r"\d+", said)
        if numbers is None:
            return Missing(f"{command} does not run: {said[:200] or 'it says nothing'}.", tools.language.install)
        if tuple(map(int, numbers[0].split("."))) < tool.at_least:
            wanted = ".".join(map(str, tool.at_least))
            return Missing(f"{command} is {numbers[0]}, at least {wanted} is needed.", tools.language.install)
    return replace(tools, version=said)


def toolchain(name: str) -> Toolchain:
    """Return the tools of a language.

    Raises:
        SettingsError: no such language, or it cannot be used here; says why and what to do.
    """
    if isinstance(tools := checked(name), Missing):
        raise SettingsError(f"{name} cannot be used: {tools.reason} Install it: {tools.install}")
    return tools


def version(name: str) -> str:
    """Return what the first tool of a language says of its version.

    Raises:
        SettingsError: no such language, or it cannot be used here.
    """
    return toolchain(name).version


def versions() -> Mapping[str, str]:
    """Return what the first tool of each language that is here says of its version; asks each tool once per process."""
    return {name: tools.version for name, tools in found().items() if isinstance(tools, Toolchain)}


@functools.cache
def toolchain_paths() -> tuple[Path, ...]:
    """Return what must be readable inside besides the system's folders, for all languages; asks no tool but rustc."""
    located = [tools for name in LANGUAGES if isinstance(tools := _located(name), Toolchain)]
    return tuple(sorted({Path(path) for tools in located for path in tools.paths}))


def _asked(command: str, ask: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- a tool of this machine, by its path
            [command, *ask], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"({type(error).__name__})"
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines()]
    return next((line for line in lines if line), "")[:200]


@functools.cache
def _located(name: str) -> Toolchain | Missing:
    language = LANGUAGES[name]
    commands: dict[str, str] = {}
    for tool in language.tools:
        path = _real(tool)
        if path is not None:
            commands[tool.names[0]] = str(path)
        elif not tool.optional:
            return Missing(f"{' or '.join(tool.names)} is not on the path.", language.install)
    return Toolchain(language=language, commands=commands, paths=tuple(sorted(set(_outside(language, commands)))))


def _real(tool: Tool) -> Path | None:
    """Return where a tool really is: links resolved, and rustup's stand-in replaced by what it stands for."""
    if "python" in tool.names:
        return Path(sys.executable)
    beside = str(Path(sys.executable).parent)
    path = next((where for one in tool.names if (where := shutil.which(one) or shutil.which(one, path=beside))), None)
    if path is None:
        return None
    real = Path(path).resolve()
    if real.name == "rustup":
        real = Path(_asked(path, ("--print", "sysroot"))) / "bin" / "rustc"
    return real if real.exists() else None


def _outside(language: Language, commands: Mapping[str, str]) -> Iterator[str]:
    for name, command in commands.items():
        real = Path(command)
        home = real if name == "ruff" else real.parent.parent if real.parent.name == "bin" else real.parent
        # The sandbox shows its own interpreter, and not what is installed beside it.
        if (
            name != "python"
            and not home.as_posix().startswith(tuple(f"{folder}/" for folder in SYSTEM))
            and str(home) not in SYSTEM
        ):
            yield str(home)
    for pattern in language.paths:
        yield from map(str, Path("/").glob(pattern.lstrip("/")))
