"""What a run folder tells about itself: funnel, refusals, cost, lineage and the facts to repeat it.

    runs/demo/
      run.json                   recipe, settings, version      → Facts
      data/answers-1/manifest…   funnel, counts, fingerprint    → Funnel, Lineage, Facts
      data/answers-1/manifest…   verdicts                       → Examined
      data/answers-1/ledger…     refused records                → Rejects
      store.sqlite               every effect, with its cost    → CostTable, Lineage

Nothing here looks at a clock or at this machine, so equal folders give equal blocks.
"""

import json
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.store import Store
from regrowth.curation.lock import verdicts_of
from regrowth.gates.taint import TAINT, count_taints
from regrowth.reports import ledger
from regrowth.reports.blocks import (
    Block,
    Contribution,
    CostTable,
    Examined,
    Facts,
    Funnel,
    Lineage,
    Passage,
    Provenance,
    Rejects,
    StepCost,
    Stratum,
    Verdict,
)

__all__ = ["collect", "datasets", "described"]

QUOTA = "quota"
"""The gate of `grow` itself: records beyond the quota of their stratum."""
BROKEN_CALLS = "(broken calls)"


def collect(folder: Path, store: Store | None = None) -> list[Block]:
    """Return the blocks of a run folder; without its store, what the datasets alone can tell.

    Raises:
        DataError: a dataset or `run.json` is there and cannot be read.
    """
    found = datasets(folder)
    grown = [dataset for dataset in found if "funnel" in dataset.manifest]
    blocks: list[Block] = [_funnel(dataset, alone=len(grown) == 1) for dataset in grown]
    if grown:
        blocks.append(Rejects(gates=ledger.refusals(grown)))
    names = described(folder).get("models", {})
    uses = _uses(store, names) if store is not None else {}
    blocks.append(_cost(uses) if store is not None else _cost_of_datasets(grown))
    blocks.append(Lineage(datasets=tuple(map(_provenance, found)), models=tuple(_contributions(uses, names))))
    if any("verdicts" in dataset.manifest for dataset in found):
        blocks.append(_examined(found))
    blocks.append(_facts(folder, found, store))
    return blocks


def datasets(folder: Path) -> list[Dataset]:
    """Return the finished datasets of a run folder, by name."""
    return [Dataset(path.parent) for path in sorted((folder / "data").glob("[!.]*/manifest.json"))]


def described(folder: Path) -> Mapping[str, Any]:
    """Return what `run.json` says; nothing where there is none.

    Raises:
        DataError: it is there and is not a JSON object.
    """
    path = folder / "run.json"
    try:
        facts = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Run the recipe again to write it anew.") from error
    if not isinstance(facts, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(facts).__name__}. Run the recipe again.")
    return facts


# Funnel -----------------------------------------------------------------------------------------------------------


def _funnel(dataset: Dataset, *, alone: bool) -> Funnel:
    facts = dataset.manifest["funnel"]
    tallies: Mapping[str, Mapping[str, Any]] = facts["strata"]
    sums = {
        name: sum(tally[name] for tally in tallies.values()) for name in ("attempted", "made", "accepted", "failed")
    }
    refused: Counter[str] = Counter()
    for tally in tallies.values():
        refused.update(tally["rejected"])
    # Every record made was accepted, refused or lost at a gate; what failed beyond that broke before it was made.
    lost = sums["made"] - sums["accepted"] - refused.total()
    quotas = [tally["wanted"] for tally in tallies.values() if tally["wanted"] is not None]
    gone = sums["accepted"] - len(dataset)
    return Funnel(
        title="What passed the gates" if alone else f"What passed the gates: {dataset.path.name}",
        attempted=sums["attempted"],
        made=sums["made"],
        broken=sums["failed"] - lost,
        # Two gates may have one name (for two kinds of records, say); refusals are counted by name.
        gates=tuple(_passages(list(dict.fromkeys(facts["gates"])), refused, _lost_at(dataset, lost))),
        accepted=sums["accepted"],
        wanted=sum(quotas) if quotas else None,
        strata=tuple(_stratum(name, tally) for name, tally in tallies.items()),
        note=" ".join(
            filter(None, (dataset.shortfall, f"{gone:,} of the accepted were forgotten since." * (gone > 0)))
        ),
    )


def _lost_at(dataset: Dataset, lost: int) -> Mapping[str, int]:
    """Return at which gates calls broke; at none in particular where the ledger no longer tells (after `forget`)."""
    if not lost:
        return {}
    found = {gate: n for (gate, outcome), n in ledger.stops(dataset).items() if outcome == "failed" and gate != "work"}
    return found if sum(found.values()) == lost else {BROKEN_CALLS: lost}


def _passages(gates: Sequence[str], refused: Mapping[str, int], lost: Mapping[str, int]) -> Iterator[Passage]:
    """Yield the gates in the order in which records met them; refusals by the work itself come first."""
    unlisted = sorted({*refused, *lost} - {*gates, QUOTA})
    for gate in (*unlisted, *gates, *([QUOTA] if QUOTA in refused else [])):
        yield Passage(gate=gate, refused=refused.get(gate, 0), failed=lost.get(gate, 0))


def _stratum(name: str, tally: Mapping[str, Any]) -> Stratum:
    return Stratum(
        name=name,
        wanted=tally["wanted"],
        attempted=tally["attempted"],
        accepted=tally["accepted"],
        refused=sum(tally["rejected"].values()),
        failed=tally["failed"],
    )


# Cost and lineage -------------------------------------------------------------------------------------------------


def _uses(store: Store, names: Mapping[str, str]) -> dict[tuple[str, str], StepCost]:
    """Return, per kind of effect and model, what the effects took; each effect counts once, replays cost nothing."""
    sums: dict[tuple[str, str], list[float]] = {}
    for effect in store.effects():
        request = effect.request if isinstance(effect.request, dict) else {}
        known = sums.setdefault((effect.kind, str(request.get("model", ""))), [0, 0, 0, 0.0, 0.0])
        taken = (1, effect.cost.prompt_tokens, effect.cost.completion_tokens, effect.cost.money, effect.seconds)
        known[:] = [total + more for total, more in zip(known, taken, strict=True)]
    return {key: _step(key[0], names.get(key[1], key[1][:12]), sums[key]) for key in sorted(sums)}


def _step(kind: str, model: str, sums: Sequence[float]) -> StepCost:
    calls, prompt_tokens, completion_tokens, money, seconds = sums
    return StepCost(
        step=f"{kind}, {model}" if model else kind,
        calls=int(calls),
        prompt_tokens=int(prompt_tokens),
        completion_tokens=int(completion_tokens),
        money=money,
        seconds=round(seconds, 1),
    )


def _cost(uses: Mapping[tuple[str, str], StepCost]) -> CostTable:
    note = (
        "Every call counts once: what is replayed from the store costs nothing. "
        "Times of calls that were in flight together are added up."
    )
    return CostTable(steps=tuple(uses.values()), note=note if uses else "")


def _cost_of_datasets(grown: Sequence[Dataset]) -> CostTable:
    names = ("calls", "prompt_tokens", "completion_tokens", "money")
    costs = [(dataset.path.name, dataset.manifest.get("cost", {})) for dataset in grown]
    steps = [StepCost(step=name, **{key: cost[key] for key in names if key in cost}) for name, cost in costs]
    return CostTable(steps=tuple(steps), note="Replayed calls are counted too." if steps else "")


def _contributions(uses: Mapping[tuple[str, str], StepCost], names: Mapping[str, str]) -> list[Contribution]:
    answers: Counter[str] = Counter()
    for (kind, model), step in uses.items():
        if model and kind in ("generate", "score"):
            answers[model] += step.calls
    return [
        Contribution(digest=model, name=names.get(model, ""), answers=count)
        for model, count in sorted(answers.items(), key=lambda one: -one[1])
    ]


def _provenance(dataset: Dataset) -> Provenance:
    table = dataset.columns("origin", "parents")
    origins = Counter({pair["values"]: pair["counts"] for pair in table["origin"].value_counts().to_pylist()})
    parents = table["parents"].combine_chunks()
    lengths = parents.value_lengths().value_counts().to_pylist()
    return Provenance(
        dataset=dataset.path.name,
        real=origins["real"],
        synthetic=origins["synthetic"],
        children=sum(pair["counts"] for pair in lengths if pair["values"]),
        parents=len(parents.flatten().unique()),
    )


# Verdicts ---------------------------------------------------------------------------------------------------------


def _examined(found: Sequence[Dataset]) -> Examined:
    verdicts = [
        Verdict(
            dataset=dataset.path.name,
            examination=one.gate,
            found=one.found,
            examined=one.examined,
            allowed=one.allowed,
            passed=one.passed,
        )
        for dataset in found
        for one in verdicts_of(dataset)
    ]
    signed = [dataset.manifest.get("verdicts", {}).get("override", "") for dataset in found]
    return Examined(verdicts=tuple(verdicts), signed=tuple(dict.fromkeys(filter(None, signed))))


# Facts ------------------------------------------------------------------------------------------------------------


def _facts(folder: Path, found: Sequence[Dataset], store: Store | None) -> Facts:
    run = described(folder)
    pairs = [(name, str(run[name])) for name in ("recipe", "regrowth") if name in run]
    pairs += [(f"dataset {one.path.name}", f"{len(one):,} records, fingerprint {one.fingerprint}") for one in found]
    pairs += [(f"tainted in {one.path.name}", told) for one in found if (told := _tainted(one))]
    if store is not None:
        effects = sum(int(kind["count"]) for kind in store.totals().values())
        pairs.append(("remembered effects", f"{effects:,}"))
        if begun := store.open_intents():
            pairs.append(("calls begun and never answered", f"{begun:,} (each may have been paid for nothing)"))
    return Facts(pairs=tuple(pairs), command=_command(run))


def _tainted(dataset: Dataset) -> str:
    """Say how many rows come from documents that hid something or spoke to a model; nothing if none does."""
    if not any(f'"{TAINT}"' in one for one in dataset.columns("attributes")["attributes"].to_pylist()):
        return ""
    return ", ".join(f"{count:,} × {reason}" for reason, count in count_taints(dataset).items())


def _command(run: Mapping[str, Any]) -> str:
    """Return the command that repeats a run, every setting spelled out."""
    if "recipe" not in run:
        return ""
    sets = [f"--set {shlex.quote(f'{key}={_as_toml(value)}')}" for key, value in _flat(run.get("settings", {}))]
    return " \\\n  ".join([f"regrowth run {shlex.quote(str(run['recipe']))}", *sets])


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by their dotted names; what is not set is left out."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{group}{key}.")
        elif value is not None:
            yield f"{group}{key}", value


def _as_toml(value: Any) -> str:
    """Write a setting as the command line reads it: bare words stay bare, what TOML would misread is quoted."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    try:
        tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return value
    return json.dumps(value, ensure_ascii=False)
