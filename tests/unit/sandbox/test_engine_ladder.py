"""Which tier is taken, and what is said where none is."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from regrowth.core.errors import NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox import interpreters, ladder
from regrowth.sandbox.canaries import CANARIES, Rung, attack
from regrowth.sandbox.ladder import examine, sandbox
from regrowth.sandbox.pool import Wardens


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def held(tier: int) -> Rung:
    return Rung(tier=tier, holds=True, held=tuple(CANARIES))


def fell(tier: int) -> Rung:
    return Rung(tier=tier, holds=False, reason="it does not", remedy=f"do {tier}")


def stand(monkeypatch: pytest.MonkeyPatch, *tiers: int) -> list[int]:
    """Let only some tiers hold, and return which are tried."""
    tried: list[int] = []

    def attacked(tier: int, _: object) -> Rung:
        tried.append(tier)
        return held(tier) if tier in tiers else fell(tier)

    monkeypatch.setattr(ladder, "_tried", attacked)
    return tried


def test_the_best_tier_that_holds_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = stand(monkeypatch, 1, 2)
    assert sandbox().tier == 2
    assert tried == [2]
    stand(monkeypatch, 1)
    monkeypatch.setattr(ladder, "_remembered", lambda *_: None)
    executor = sandbox()
    assert executor.tier == 1
    assert executor.digest.startswith("sandbox 1, tier 1, python 3.")


def test_what_was_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch, 1)
    assert sandbox("landlock").tier == 1
    with pytest.raises(NoIsolation, match=r"'namespaces' does not hold here.*Tier 2: it does not\. do 2"):
        assert sandbox("namespaces").tier
    with pytest.raises(NoIsolation):
        asyncio.run(sandbox("namespaces").run({}, ["python"]))


def test_where_nothing_holds_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch)
    executor = sandbox()
    assert (executor.tier, executor.digest) == (0, "none")
    found = asyncio.run(executor.run({}, ["python", "-c", "print(1)"]))
    assert (found.status, found.tier, found.stdout) == ("refused", 0, "")
    assert "Tier 2: it does not. Tier 1: it does not. do 1" in found.reason


def test_another_system_is_told_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    findings = examine()
    assert findings.tier == 0
    assert "Linux virtual machine" in findings.remedy


@pytest.mark.parametrize(("kind", "said"), [("docker", "There is no sandbox 'docker'"), ("", "There is no sandbox ''")])
def test_kinds_are_known(kind: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        sandbox(kind)


def test_tools_are_named_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch, 2)
    assert sandbox(tools={"gcc": "12.2.0"}).digest.endswith(", gcc 12.2.0")
    assert sandbox().digest != sandbox(tools={"gcc": "12.2.0"}).digest


def test_what_held_is_remembered_until_something_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = stand(monkeypatch, 2)
    assert (sandbox().tier, sandbox().tier) == (2, 2)
    assert tried == [2]
    memory = tmp_path / "regrowth" / "sandbox.json"
    assert memory.stat().st_mode & 0o777 == 0o600
    assert sandbox(paths=[Path("/opt/tool")]).tier == 2
    assert tried == [2, 2], "other paths, another sandbox"
    memory.chmod(0o666)
    assert sandbox().tier == 2
    assert tried == [2, 2, 2], "anybody could have written it"
    memory.chmod(0o600)
    memory.write_text(json.dumps({key: [] for key in json.loads(memory.read_text())}))
    assert sandbox().tier == 2
    assert len(tried) == 4, "nothing held is no success"
    memory.write_text("{")
    assert sandbox().tier == 2
    assert len(tried) == 5


def test_what_did_not_hold_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = stand(monkeypatch)
    assert (sandbox().tier, sandbox().tier) == (0, 0)
    assert tried == [2, 1, 2, 1]


def test_every_remedy_names_something_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {interpreters.remedy(1, "Landlock ABI 6 is needed")}
    for wrong in ((interpreters.APPARMOR, "1"), (interpreters.CLONE, "0"), (interpreters.NAMESPACES, "0")):
        monkeypatch.setattr(interpreters, "_says", lambda *asked, wrong=wrong: asked == wrong)
        said.add(interpreters.remedy(2, "unshare: Operation not permitted"))
    assert len(said) == 4
    assert all("sudo" in one or "lsm=" in one for one in said)


LIMITS = Limits()


class Leaky(Wardens):
    """Runs canaries nowhere, and says what an unguarded program would say."""

    def __init__(self) -> None:
        super().__init__(2, count=1)

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        return Execution(status="ok", stdout="INSIDE CAPABLE ENDLESS", wall_ms=1.0)


def test_canaries_sing() -> None:
    rung = asyncio.run(attack(Leaky()))
    assert not rung.holds
    sang = {one.partition(":")[0] for one in rung.failed}
    quiet = {"host file", "environment", "write outside", "unix sockets", "kill", "orphan"}  # nothing happened to these
    assert sang == set(CANARIES) - quiet


@pytest.mark.slow
def test_this_machine_is_examined() -> None:
    findings = examine()
    assert [rung.tier for rung in findings.rungs] == [2, 1]
    for rung in findings.rungs:
        assert rung.holds == (not rung.failed and not rung.reason)
        assert rung.holds or rung.remedy
    assert findings.tier == max((rung.tier for rung in findings.rungs if rung.holds), default=0)
