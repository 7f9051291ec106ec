import asyncio
import math
from pathlib import Path

import pytest

from regrowth.core.errors import SettingsError
from regrowth.core.store import Store
from regrowth.run import open_run
from regrowth.training.fit import fit
from regrowth.training.loop import train
from regrowth.training.objectives import dpo
from regrowth.training.phases import Phase
from regrowth.training.reference import kept_in
from regrowth.weights.loading import lineage, load, save
from regrowth.weights.network import LlamaShape, new_llama
from support.templates import chat
from support.training import SHORT, additions

PAIRS = additions(30, rejected=True)


def test_a_template_that_differs_stops_fit_unless_accepted_and_then_the_header_says_so(tmp_path: Path) -> None:
    codec = chat("empty thought", tmp_path / "t")
    shape = LlamaShape(vocabulary=codec.size, width=16, layers=1, heads=2, kv_heads=1, hidden=16, context=128)
    save(new_llama(shape, codec, seed=1), codec, tmp_path / "w", lineage={})
    with Store(tmp_path / "run") as store:
        with pytest.raises(SettingsError, match="accept_template"):
            asyncio.run(fit(tmp_path / "w", PAIRS, "pairs", settings=SHORT, store=store))
        folder = asyncio.run(fit(tmp_path / "w", PAIRS, "pairs", settings=SHORT, store=store, accept_template=True))
    assert lineage(folder)["template"].startswith("inserted: ")


def test_two_rounds_on_one_live_object_have_two_references(base: Path, tmp_path: Path) -> None:
    weights, recall = load(base), kept_in(tmp_path)
    for number in (1, 2):
        out, scratch = tmp_path / f"out-{number}", tmp_path / "scratch" / str(number)
        log = train(weights, PAIRS, dpo(), SHORT, lineage={}, remember=recall, out=out, scratch=scratch)
        assert log.losses[0] == pytest.approx(math.log(2), abs=1e-5)


def test_a_model_trained_on_from_forgotten_weights_goes_too(base: Path, tmp_path: Path) -> None:
    with open_run(tmp_path / "run", track=f"tensorboard:{tmp_path / 'logs'}") as run:
        data = {name: run.write(name, additions(20, seed=seed)) for seed, name in enumerate(("first", "second"))}
        plan = [Phase(name, data[name], settings=SHORT) for name in data]
        models = run.fit_phases(run.model(base), plan)
        known = {record.id for record in data["second"]}
        gone = next(record.id for record in data["first"] if record.id not in known)
        assert len(run.forget([gone]).models) == 2
        assert not any(model.folder.exists() for model in models)
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["first", "second"]


def test_generation_settings_name_every_end(tmp_path: Path) -> None:
    import transformers

    codec = chat("base chatml", tmp_path / "foreign")
    config = transformers.GPT2Config(
        vocab_size=codec.size,
        n_embd=16,
        n_layer=1,
        n_head=2,
        n_positions=128,
        eos_token_id=codec.tokenizer.eos_token_id,
        bos_token_id=None,
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "foreign")
    with Store(tmp_path / "run") as store:
        folder = asyncio.run(fit(tmp_path / "foreign", additions(20), "sums", settings=SHORT, store=store))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert set(model.generation_config.eos_token_id) == codec.ends == load(folder).codec.ends
