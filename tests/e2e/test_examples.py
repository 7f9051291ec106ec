"""What the documentation shows, run as it stands."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.server import Behaviour

ROOT = Path(__file__).parents[2]
ADDRESS = "http://localhost:8000/v1"


def script(page: Path) -> str:
    (found,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return str(found)


def run(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_of_the_readme_grows_exactly_what_it_says(tmp_path: Path, serve: Callable[[Behaviour], str]) -> None:
    address = serve(Behaviour(models=("my-model",)))
    run(script(ROOT / "README.md").replace(ADDRESS, address), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "exam.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 100
    assert len({row["messages"][-1]["content"] for row in rows}) == 100
    assert {turn["role"] for row in rows for turn in row["messages"]} == {"user", "assistant"}


@pytest.mark.slow
def test_the_first_example_works_without_key_and_network(tmp_path: Path) -> None:
    assert "40 right answers" in run((ROOT / "examples" / "first_run.py").read_text("utf-8"), tmp_path)
