"""Several processes train one network. They run on the CPU here (gloo); on GPUs this was never tried."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.examiners import EXAMINERS
from regrowth.curation.lock import Override, Policy, admitted, examined, signed
from regrowth.extras import library
from regrowth.training.batches import passes
from regrowth.training.job import Job, place, read_job
from regrowth.training.journal import read_log
from regrowth.training.objectives import dpo
from regrowth.training.parallel import Processes, main, work
from regrowth.training.rows import tokenize
from regrowth.training.settings import Lora, PrivateSettings, TrainingSettings
from regrowth.weights.foreign import HfNetwork
from regrowth.weights.loading import lineage, load, save
from support.networks import a_codec
from support.training import additions, trained

STEPS = {"steps": 6, "tokens_per_batch": 300, "tokens_per_pass": 60, "learning_rate": 0.01, "checkpoint_every": 4}
JOBS: Mapping[str, Mapping[str, Any]] = {
    "sft": {},
    "dpo": {"objective": "dpo", "parameters": {"beta": 0.5}},
    "replies of unlike length": {"objective": "dpo", "training": {"tokens_per_pass": 400}},
    "kto, which looks at the whole step first": {"objective": "kto"},
    "a reward model": {"objective": "bradley_terry"},
    "lora of an odd rank": {"training": {"lora": {"rank": 3}}, "objective": "dpo"},
    "layers computed again": {"training": {"recompute": True}},
    "rmsprop": {"training": {"optimizer": "rmsprop"}},
    "the best of three looks": {"training": {"evaluate_every": 2, "learning_rate": 0.3}, "held_out": True},
    "an architecture of transformers": {"base": "foreign", "objective": "dpo"},
}


def uneven(count: int) -> list[Record]:
    """Return pairs, the worse reply of every other much longer."""
    pairs = enumerate(additions(count, rejected=True))
    return [pair.derive(rejected=pair.rejected + ", I think" * 3) if number % 2 else pair for number, pair in pairs]


def write_job(folder: Path, name: str, **changes: Any) -> Path:
    """Write a job's file; what it reads lies in the folder above."""
    lines = [f"model = {json.dumps(str(folder.parent / changes.pop('base', 'base')))}"]
    lines += [f'data = "{folder.parent / "pairs"}"', f'out = "{folder / name}"']
    lines += [f'held_out = "{folder.parent / "pairs.jsonl"}"'] if changes.pop("held_out", False) else []
    lines.append(f'objective = "{changes.pop("objective", "sft")}"')
    training = {**STEPS, **changes.pop("training", {})}
    for table, values in {**changes, "training": training}.items():
        inner = {key: value for key, value in values.items() if isinstance(value, dict)}
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in inner)]
        for deeper, more in inner.items():
            lines += [f"[{table}.{deeper}]", *(f"{key} = {json.dumps(value)}" for key, value in more.items())]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def together(program: Sequence[str], processes: int = 2, env: Mapping[str, str] | None = None) -> list[int]:
    """Run a program in several processes, as a launcher does; return their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    world = {**os.environ, **address, **(env or {}), "WORLD_SIZE": str(processes), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, *program], env={**world, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    codes = []
    for process in running:
        codes.append(process.wait(240))
        if codes[-1]:
            for other in running:
                other.kill()
    return codes


@pytest.fixture(scope="module")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bases and data."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "base").symlink_to(base)
    layouts.write(uneven(30), folder / "pairs.jsonl", "preference")
    examined(Dataset.write(folder / "pairs", layouts.read(folder / "pairs.jsonl")), Policy.read(), EXAMINERS)
    return folder


@pytest.fixture(scope="module")
def in_two(folder: Path) -> Path:
    """The results of all jobs, trained in two processes."""
    pytest.importorskip("accelerate")
    pytest.importorskip("peft")
    transformers = library("transformers", "a test", extra="hf")
    torch.manual_seed(1)
    shape = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 30}
    config = transformers.Qwen2Config(**shape, vocab_size=a_codec().size, num_key_value_heads=1, layer_types=None)
    network = HfNetwork(transformers.Qwen2ForCausalLM(config))
    save(network, a_codec(), folder / "foreign", lineage={})
    program = (
        "import sys, pathlib\nfrom regrowth.training.parallel import *\nfrom regrowth.training.job import read_job\n"
        "jobs = [read_job(pathlib.Path(name)) for name in sys.argv[1:]]\n"
        "team = [Processes.launched(job.training) for job in jobs]\n"
        "for job, one in zip(jobs, team): work(job, one)"
    )
    files = [write_job(folder / "two", name, **how) for name, how in JOBS.items()]
    assert together(["-c", program, *map(str, files)]) == [0, 0]
    return folder / "two"


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_two_processes_train_what_one_trains(name: str, folder: Path, in_two: Path) -> None:
    one, two = (read_job(write_job(folder / place, name, **JOBS[name])) for place in ("one", "two"))
    alone = work(one)
    assert alone.losses[-1] != pytest.approx(alone.losses[0], rel=1e-3)
    assert one.out is not None
    assert two.out is not None
    found = read_log(two.out)
    assert found.losses == pytest.approx(alone.losses, abs=1e-5)
    assert replace(found, losses=(), held_out=()) == replace(alone, losses=(), held_out=())
    assert [look.figures for look in found.held_out] == [
        pytest.approx(look.figures, abs=1e-5) for look in alone.held_out
    ]
    left, right = (load_file(out / "model.safetensors") for out in (one.out, two.out))
    assert left.keys() == right.keys()
    assert all(torch.allclose(left[key], right[key], atol=1e-4) for key in left)
    load(two.out)


@pytest.mark.slow
def test_only_the_first_process_leaves_files(in_two: Path) -> None:
    scratch = in_two / "sft.scratch"
    assert sorted(path.name for path in scratch.iterdir()) == ["checkpoint-00000004.safetensors", "metrics.jsonl"]
    lines = [json.loads(line) for line in (scratch / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 7))


@pytest.mark.slow
def test_a_launch_that_was_killed_is_finished_by_as_many_processes_or_by_one(folder: Path) -> None:
    pytest.importorskip("accelerate")
    how: dict[str, Any] = {"objective": "dpo", "training": {"steps": 60, "checkpoint_every": 2}}
    job = read_job(file := write_job(folder / "killed", "dpo", **how))
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--main_process_port", "0", "-m", "regrowth.training.parallel", str(file)]
    running = subprocess.Popen(launch, start_new_session=True, stderr=subprocess.DEVNULL)
    scratch = folder / "killed" / "dpo.scratch"
    while len(list(scratch.glob("checkpoint-*"))) < 2:
        assert running.poll() is None
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert job.out is not None
    assert not job.out.exists()
    first = (scratch / "metrics.jsonl").read_text("utf-8").splitlines()[:2]
    shutil.copytree(folder / "killed", folder / "finished by one")
    subprocess.run(launch, check=True, stderr=subprocess.DEVNULL)
    one = read_job(write_job(folder / "finished by one", "dpo", **how))
    undisturbed = work(read_job(write_job(folder / "undisturbed", "dpo", **how)))
    for log, left in ((read_log(job.out), scratch), (work(one), folder / "finished by one" / "dpo.scratch")):
        assert log.losses == pytest.approx(undisturbed.losses, abs=1e-4)
        lines = (left / "metrics.jsonl").read_text("utf-8").splitlines()
        assert lines[:2] == first  # with their speeds, so these steps were not taken again


def test_passes_are_dealt_so_that_every_process_gathers_weights_equally_often(base: Path) -> None:
    codec = load(base).codec
    rows = tokenize(uneven(23), codec, dpo(), context=64)
    rows = rows.beside("reference", {side: np.zeros(rows.marks[-1], np.float32) for side in rows.sides})
    parts = passes(rows, np.arange(23), rows.sides, tokens=100, price=8, pad=codec.pad)
    dealt = []
    for rank in range(4):
        team = Processes.__new__(Processes)
        team.rank, team.size = rank, 4
        dealt.append(team.dealt(parts))
    assert len(parts) % 4
    assert len({len(part.blocks) for part in parts}) > 1
    assert sorted(int(member) for mine in dealt for part in mine for member in part.members) == list(range(23))
    assert len({tuple(len(part.blocks) for part in mine) for mine in dealt}) == 1
    idle = dealt[3][-1]
    assert idle.records == 0
    assert {name: len(held) for name, held in idle.under.items()} == {"reference": 0}


def test_a_file_in_one_process_trains_what_the_same_call_trains(
    folder: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_job(folder / "alone", "sft")
    main([str(file)])
    assert f"of {STEPS['steps']}, loss " in capsys.readouterr().err
    settings = TrainingSettings.model_validate(STEPS)
    records = list(layouts.read(folder / "pairs.jsonl"))
    log = trained(base, tmp_path, settings, records=records)
    assert read_log(folder / "alone" / "sft") == log
    assert "override" not in lineage(folder / "alone" / "sft")


def test_a_launch_trains_only_on_what_was_examined_and_passed_or_somebody_signed_for(
    folder: Path, base: Path, tmp_path: Path
) -> None:
    job = Job(
        model=str(base),
        data=folder / "pairs.jsonl",
        out=tmp_path / "out",
        training=TrainingSettings.model_validate(STEPS),
    )
    with pytest.raises(DataError, match=r"pairs\.jsonl: expected the folder of a dataset that was examined"):
        work(job)
    leaking = Dataset.write(tmp_path / "leaking", [Record.of("Who?", response="Write to ann.lee@posteo.de.")])
    job = job.model_copy(update={"data": leaking.path})
    with pytest.raises(DataError, match="leaking may not be trained on or exported: not examined"):
        work(job)
    leaking = examined(leaking, Policy.read(), EXAMINERS)
    with pytest.raises(DataError, match="personal: 1 of 1, allowed 0"):
        work(job)
    assert not (tmp_path / "out.scratch").exists()
    words = admitted(leaking, Policy.read(), Override("Ada", "she agreed"))
    signed(leaking, words)
    work(job)
    assert lineage(tmp_path / "out")["override"] == words
    clean = job.model_copy(update={"model": str(tmp_path / "out"), "data": folder / "pairs", "out": tmp_path / "next"})
    work(clean)
    assert lineage(tmp_path / "next")["override"] == words


@pytest.mark.parametrize("change", [{"compile": True}, {"lora": Lora(bits=4)}])
def test_what_was_never_tried_in_several_processes_is_refused(change: Mapping[str, Any]) -> None:
    team = Processes.__new__(Processes)
    with pytest.raises(SettingsError, match="work in one process only"):
        team.prepare(nn.Identity(), TrainingSettings(**change))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("model = ", DataError, "not a TOML file"),
        ('model = "x"', SettingsError, "data: Field required"),
        ('data = "y"\nouts = "z"', SettingsError, "outs: Extra inputs"),
        ('data = "y"\n[training]\nsteps = 0', SettingsError, "training.steps"),
    ],
)
def test_a_wrong_file_is_told_in_words(text: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(text, "utf-8")
    with pytest.raises(error, match=words):
        read_job(tmp_path / "job.toml")


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("steps = 3", TrainingSettings, ""),
        ("steps = 3\nepsilon = 8", PrivateSettings, ""),
        ("delta = 1e-5", PrivateSettings, "training.epsilon: Field required"),
        ("epsilon = 8\nstep = 3", PrivateSettings, "training.step: Extra"),
    ],
)
def test_a_file_asks_for_privacy_by_one_of_its_settings(text: str, kind: type, told: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(f'data = "y"\n[training]\n{text}\n', "utf-8")
    if told:
        with pytest.raises(SettingsError, match=told):
            read_job(tmp_path / "job.toml")
        return
    job = read_job(tmp_path / "job.toml")
    assert type(job.training) is kind
    assert job.model_dump(mode="json")["training"] == job.training.model_dump(mode="json"), (
        "all of it reaches the report"
    )


def test_a_job_without_a_folder_for_its_weights_is_refused(base: Path) -> None:
    with pytest.raises(SettingsError, match="names no folder `out`"):
        work(Job(model=str(base), data=Path("nowhere.jsonl")))


def test_names_of_models_mean_folders_or_the_hub() -> None:
    assert (Path(place("tiny")) / "model.safetensors").exists()
    assert place("hf:org/name") == "org/name"
    assert place("./folder") == "./folder"
