"""The table of languages: their tools, how a program is built and run, what that may take.

LANGUAGES["rust"].suffix, LANGUAGES["rust"].tools[0].names      "rs", ("rustc",)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from regrowth.core.protocols import Limits
from regrowth.sandbox.signatures import Blurs

__all__ = ["GO", "LANGUAGES", "SMALL", "Language", "Tool"]

Memory: TypeAlias = Literal["address", "data"]

SMALL = Limits(output=262_144)
"""What a small program in a script language may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Name a program that a language needs."""

    names: tuple[str, ...]
    """What it may be called; the first one names it in `Toolchain.commands`."""
    ask: tuple[str, ...] = ("--version",)
    """Arguments that make it say its version."""
    at_least: tuple[int, ...] = ()
    optional: bool = False
    """Whether the language runs without it; static checks may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Say how programs of a language are built and run."""

    name: str
    suffix: str
    tools: tuple[Tool, ...]
    """The first one tells the version."""
    install: str
    """A command that installs them."""
    run: tuple[str, ...]
    """Command with tools in braces; `{file}` is the source."""
    build: str = ""
    """Shell command that comes first, for languages that are compiled."""
    memory: Memory = "address"
    """What may be limited: the address space, or only data where a runtime reserves more than it uses."""
    limits: Limits = SMALL
    """What building and running a small program may take."""
    paths: tuple[str, ...] = ()
    """Patterns of further folders that its tools read."""
    blurs: Blurs = frozenset()
    """What its values do not tell apart: see `signatures.shaped`."""
    file: str = ""
    """Name of the source, where the language insists on one."""

    @property
    def source(self) -> str:
        """Return the name of the file that holds a program."""
        return self.file or f"main.{self.suffix}"


def _limits(cpu: float, memory: int, *, processes: int = 64, disk: int = 64) -> Limits:
    return Limits(cpu=cpu, wall=3 * cpu, memory=memory, processes=processes, disk=disk, output=262_144)


def _tool(*names: str, ask: str = "--version", at_least: tuple[int, ...] = (), optional: bool = False) -> Tool:
    return Tool(names=names, ask=(ask,), at_least=at_least, optional=optional)


_C_LIKE = "{compiler} -std={standard} -O1 -w -o program {{file}} -lm"
GO = "GOCACHE=$PWD/.cache HOME=$PWD GO111MODULE=off GOFLAGS=-p=2 CGO_ENABLED=0 {go}"
"""How Go is called: what it would keep for the next time lies in the folder that is thrown away."""
_NODE = _tool("node", "nodejs", at_least=(16,))

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        language.name: language
        for language in (
            Language(
                name="python",
                suffix="py",
                tools=(_tool("python"), _tool("ruff", optional=True)),
                install="python.org, 3.11 or newer",
                run=("python", "{file}"),
            ),
            Language(
                name="javascript",
                suffix="js",
                tools=(_NODE,),
                install="apt install nodejs",
                run=("{node}", "{file}"),
                memory="data",
                limits=_limits(6, 512, processes=32),
            ),
            Language(
                name="typescript",
                suffix="ts",
                tools=(_tool("tsc", at_least=(4, 7)), _NODE),
                install="apt install nodejs npm && npm install -g typescript",
                build="{tsc} --target es2020 --module commonjs --skipLibCheck --outDir out {file} >messages || true; "
                "! grep 'error TS1[0-9][0-9][0-9]:' messages",
                run=("{node}", "out/main.js"),
                memory="data",
                limits=_limits(20, 1024),
            ),
            Language(
                name="bash",
                suffix="sh",
                tools=(_tool("bash", at_least=(4, 2)),),
                install="apt install bash",
                run=("{bash}", "{file}"),
                paths=("/etc/alternatives",),  # awk is a link into it
                blurs=frozenset({"words"}),
            ),
            Language(
                name="perl",
                suffix="pl",
                tools=(_tool("perl", ask="-v", at_least=(5, 14)),),
                install="apt install perl",
                run=("{perl}", "{file}"),
                paths=("/etc/perl",),
                blurs=frozenset({"words"}),
            ),
            Language(
                name="lua",
                suffix="lua",
                tools=(_tool("lua", "lua5.4", "lua5.3", ask="-v", at_least=(5, 3)),),
                install="apt install lua5.4",
                run=("{lua}", "{file}"),
                blurs=frozenset({"from 1"}),
            ),
            Language(
                name="r",
                suffix="R",
                tools=(_tool("Rscript", at_least=(3, 5)),),
                install="apt install r-base-core",
                run=("{Rscript}", "--vanilla", "--encoding=UTF-8", "{file}"),
                blurs=frozenset({"vectors"}),
                limits=_limits(10, 512),
                paths=("/etc/R", "/etc/alternatives", "/opt/R/*"),
            ),
            Language(
                name="c",
                suffix="c",
                tools=(_tool("gcc", "cc", at_least=(7,)),),
                install="apt install gcc libc6-dev",
                build=_C_LIKE.format(compiler="{gcc}", standard="gnu11"),
                run=("./program",),
                limits=_limits(10, 512),
            ),
            Language(
                name="cpp",
                suffix="cpp",
                tools=(_tool("g++", "c++", at_least=(9,)),),
                install="apt install g++",
                build=_C_LIKE.format(compiler="{g++}", standard="gnu++17"),
                run=("./program",),
                limits=_limits(30, 1024),
            ),
            Language(
                name="java",
                suffix="java",
                tools=(_tool("javac", at_least=(17,)), _tool("java")),
                install="apt install openjdk-17-jdk-headless",
                build="{javac} -encoding UTF-8 -nowarn -proc:none -J-XX:TieredStopAtLevel=1 -d out *.java",
                run=(
                    "{java}",
                    "-Xshare:auto",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xss64m",
                    "-cp",
                    "out",
                    "Main",
                ),
                memory="data",
                limits=_limits(30, 1536, processes=96),
                paths=("/etc/java-*-openjdk",),
                file="Main.java",
            ),
            Language(
                name="rust",
                suffix="rs",
                tools=(_tool("rustc", at_least=(1, 60)), _tool("cc", "gcc")),
                install="apt install rustc gcc",
                build="{rustc} --edition 2021 -A warnings -C opt-level=0 -C linker={cc} -o program {file}",
                run=("./program",),
                memory="data",
                limits=_limits(30, 1024, disk=128),
            ),
            Language(
                name="go",
                suffix="go",
                tools=(_tool("go", ask="version", at_least=(1, 18)),),
                install="apt install golang-go",
                build=f"{GO} build -o program *.go",
                run=("./program",),
                memory="data",
                limits=_limits(90, 2048, processes=256, disk=512),
            ),
            Language(
                name="php",
                suffix="php",
                tools=(_tool("php", at_least=(7, 4)),),
                install="apt install php-cli",
                run=("{php}", "-d", "display_errors=stderr", "{file}"),
                blurs=frozenset({"from 0"}),
                paths=("/etc/php",),
            ),
            Language(
                name="ruby",
                suffix="rb",
                tools=(_tool("ruby", at_least=(2, 7)),),
                install="apt install ruby",
                run=("{ruby}", "{file}"),
            ),
            Language(
                name="julia",
                suffix="jl",
                tools=(_tool("julia", at_least=(1, 5)),),
                install="https://julialang.org/downloads",
                run=("{julia}", "--startup-file=no", "--color=no", "-O1", "{file}"),
                memory="data",
                limits=_limits(30, 1536, disk=256),  # it maps the memory of its compiler as a file of 128 MiB
                paths=("/etc/julia",),
            ),
            Language(
                name="racket",
                suffix="rkt",
                tools=(_tool("racket", at_least=(8,)),),
                install="apt install racket",
                run=("{racket}", "{file}"),
                blurs=frozenset({"false is none"}),
                limits=_limits(15, 768),
                paths=("/etc/racket",),
            ),
            Language(
                name="sql",
                suffix="sql",
                tools=(_tool("python"),),
                install="python.org: Python's own sqlite3",
                run=("python", "driver.py"),
            ),
        )
    }
)
