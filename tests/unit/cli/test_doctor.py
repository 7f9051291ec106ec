"""The doctor on the sandbox: which tier holds, against what, and how to reach the next one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regrowth.cli.doctor import Finding, examine
from regrowth.sandbox import ladder, languages
from regrowth.sandbox.canaries import Rung
from regrowth.sandbox.ladder import Findings

HOLDS = Rung(tier=1, holds=True, held=("honest", "host file", "tcp"))
FAILS = Rung(tier=2, holds=False, reason="user namespaces are switched off", remedy="sudo sysctl -w …")
TOOLS = languages.Toolchain(language=languages.LANGUAGES["lua"], commands={}, paths=(), version="Lua 5.4.4")
MISSING = languages.Missing("no racket on the path.", "apt install racket")

Told = Callable[[int, tuple[Rung, ...]], dict[str, Finding]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """Return what the doctor tells of a machine of ours, by its first word."""

    def tell(tier: int, rungs: tuple[Rung, ...]) -> dict[str, Finding]:
        monkeypatch.setattr(ladder, "examine", lambda: Findings(tier=tier, rungs=rungs))
        monkeypatch.setattr(languages, "found", lambda: {"lua": TOOLS, "racket": MISSING})
        return {finding.what: finding for finding in examine(tmp_path)}

    return tell


def test_each_tier_says_what_it_held_against_or_what_is_in_its_way(told: Told) -> None:
    found = told(1, (FAILS, HOLDS))
    assert found["sandbox"].good
    assert "tier 1 (landlock)" in found["sandbox"].state
    assert found["tier 1, landlock"] == Finding("tier 1, landlock", "held against 2 attacks: host file, tcp", True)
    assert found["tier 2, namespaces"] == Finding("tier 2, namespaces", FAILS.reason, False, FAILS.remedy)


def test_a_machine_that_isolates_nothing_runs_nothing_and_hears_the_remedy(told: Told) -> None:
    failed = Rung(tier=1, holds=False, reason="the kernel has no Landlock", remedy="a newer kernel")
    found = told(0, (FAILS, failed))["sandbox"]
    assert not found.good
    assert "none will run" in found.state
    assert found.remedy == "a newer kernel", "the nearest tier first"


def test_each_language_says_its_version_or_how_to_install_it(told: Told) -> None:
    found = told(1, (HOLDS,))
    assert found["code in lua"] == Finding("code in lua", "Lua 5.4.4", True)
    assert found["code in racket"] == Finding("code in racket", "no racket on the path.", False, "apt install racket")
