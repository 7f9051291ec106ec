"""Who is compared, in which environment, and how an environment is made."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["PEERS", "Peer", "build", "environment", "python_of"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENVIRONMENTS = HERE.parent / ".venvs"


@dataclass(frozen=True, slots=True)
class Peer:
    """Name a driver and how it is started."""

    driver: str
    """Module in `drivers`."""
    environment: str
    """Virtual environment, and its file of requirements."""
    checkpoint: int = 0
    """Records between two checkpoints; 0 leaves the tool's default."""
    variables: Mapping[str, str] = field(default_factory=dict)


PEERS = {
    "floor": Peer("drive_floor", "clients"),
    "regrowth": Peer("drive_regrowth", "regrowth"),
    "openai": Peer("drive_openai", "clients"),
    "openai-aiohttp": Peer("drive_openai", "clients", variables={"OPENAI_TRANSPORT": "aiohttp"}),
    "httpx": Peer("drive_httpx", "clients"),
    "curator": Peer("drive_curator", "curator"),
    "datadesigner": Peer("drive_datadesigner", "datadesigner"),
    "datadesigner-checkpoint": Peer("drive_datadesigner", "datadesigner", checkpoint=100),
    "distilabel": Peer("drive_distilabel", "distilabel"),
    "sdghub": Peer("drive_sdghub", "sdghub"),
    "sdghub-checkpoint": Peer("drive_sdghub", "sdghub", checkpoint=100),
}
"""By the name the results carry. The `-checkpoint` twins set the tool's own checkpoint to 100 records."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NEMO_TELEMETRY_ENABLED": "false",
    "TELEMETRY_ENABLED": "false",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "NO_COLOR": "1",
    "OPENAI_API_KEY": "none",
}
"""Telemetry, downloads and displays that the tools document a switch for are off."""


def python_of(peer: Peer) -> Path:
    """Return the interpreter that runs a driver.

    Raises:
        SystemExit: its environment has not been made.
    """
    python = ENVIRONMENTS / peer.environment / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is missing. Make it: python -m benchmarks.orchestration setup {peer.environment}")
    return python


def environment(peer: Peer, home: Path, path: str) -> dict[str, str]:
    """Return a driver's environment variables; nothing is inherited but the search path."""
    tokenizers = sorted(ENVIRONMENTS.glob("*/lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"))
    # Curator and Data Designer would download a tokenizer file; litellm ships it under the name they look for.
    found = {"TIKTOKEN_CACHE_DIR": str(tokenizers[0])} if tokenizers else {}
    fixed = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return {**fixed, **QUIET, **found, **peer.variables}


def build(name: str) -> None:
    """Make a virtual environment from its file of pinned requirements."""
    requirements = HERE / "environments" / f"{name}.txt"
    if not requirements.exists():
        known = ", ".join(sorted(file.stem for file in requirements.parent.glob("*.txt")))
        raise SystemExit(f"no environment {name!r} (there are: {known})")
    folder = ENVIRONMENTS / name
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(requirements)]
    subprocess.run(install, cwd=ROOT, check=True)
