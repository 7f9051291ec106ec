"""The lock: a dataset is trained on once its mandatory examinations were made and passed, or somebody signs for it.

    policy = Policy.read("policy.toml")                         # no name: what comes with the package
    dataset = examined(dataset, policy, EXAMINERS)              # verdicts go into its manifest
    admitted(dataset, policy)                                   # DataError: 2 of 1,000 records hold secrets …
    admitted(dataset, policy, Override("Ada Lovelace", "test keys only"))
                                        # "Ada Lovelace: test keys only [secrets: 2 of 1,000, allowed 0]"

What it returns goes into the header of the weights, and from there into those of every model trained on from them.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

from pydantic import PositiveInt, ValidationError, field_validator

from regrowth import __version__
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.curation.findings import Examination
from regrowth.training.admission import SHOWN, Verdict, lacking, refused, verdicts_of

__all__ = [
    "Examiner",
    "Override",
    "Policy",
    "Rule",
    "Verdict",
    "admitted",
    "examined",
    "noted",
    "signed",
    "verdict",
    "verdicts_of",
]

DEFAULT = Path(__file__).with_name("policy.toml")
FILES = ("against", "apart")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


class Rule(Frozen):
    """Say what one examination may find."""

    most: int | str = 0
    """Records, or a share of them: `"0.5%"`."""
    against: tuple[Path, ...] = ()
    """Files that the examination compares with, where it needs some: benchmarks, or the texts that data grew from."""
    apart: tuple[Path, ...] = ()
    """Files of the same kind that the data did not grow from: what stands there, too, is boilerplate."""
    words: PositiveInt = 50
    """In a row, from which on a passage is a copy."""
    allow: tuple[str, ...] = ()
    """Reasons that are no finding, where the examination knows several: `hidden: comment`."""

    @field_validator("most")
    @classmethod
    def _readable(cls, most: int | str) -> int | str:
        share = _SHARE.fullmatch(most) if isinstance(most, str) else None
        if (isinstance(most, str) and (share is None or float(share[1]) > 100)) or (isinstance(most, int) and most < 0):
            raise ValueError(f'expected a number of records or a share of them such as "0.5%", found {most!r}')
        return most

    def allowed(self, examined: int) -> int:
        """Return how many of so many records may be found."""
        share = _SHARE.fullmatch(self.most) if isinstance(self.most, str) else None
        return int(float(share[1]) / 100 * examined) if share else int(self.most)


Examiner: TypeAlias = Callable[[Iterable[Record], Rule], Examination]


@dataclass(frozen=True, slots=True)
class Override:
    """Sign for a dataset that was not admitted: who, and why."""

    who: str
    why: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `name: reason`.

        Raises:
            SettingsError: the name or the reason is missing.
        """
        who, _, why = (part.strip() for part in text.partition(":"))
        if not who or not why:
            raise SettingsError(
                f'override {text!r}: expected who and why, for instance "Ada Lovelace: test keys only".'
            )
        return cls(who, why)


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold the rules of a dataset's admission, by examination."""

    rules: Mapping[str, Rule]
    source: str = ""

    @classmethod
    def read(cls, path: str | Path = "") -> Self:
        """Read a policy file; no name takes what comes with the package.

        Raises:
            DataError: the file cannot be read.
            SettingsError: a rule cannot be understood.
        """
        place = Path(path) if path else DEFAULT
        try:
            sections = tomllib.loads(place.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{place}: no policy that can be read ({error}). Expected a TOML file.") from error
        rules = {}
        for name, section in sections.items():
            try:
                rule = Rule.model_validate(section)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(map(str, ("", *problem["loc"])))
                raise SettingsError(f"{place}: [{name}]{where}: {problem['msg']}. See docs/lock.md.") from None
            rules[name] = rule.model_copy(
                update={files: tuple(place.parent / one for one in getattr(rule, files)) for files in FILES}
            )
        return cls(rules, str(path))

    @property
    def digest(self) -> str:
        """Return what names these rules, and the content of the files that they name.

        Raises:
            DataError: there is no such file.
        """
        read = {
            f"{name} {files}": sorted(map(_sha256, getattr(rule, files)))
            for name, rule in self.rules.items()
            for files in FILES
        }
        rules = {name: rule.model_dump(mode="json", exclude=set(FILES)) for name, rule in self.rules.items()}
        return digest(rules, read, __version__)


def _sha256(place: Path) -> str:
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{place}: no file that can be read ({error.strerror}). The policy names it.") from error


def verdict(name: str, found: Examination, rule: Rule) -> Verdict:
    """Return what an examination comes to under the rule of that name."""
    records = list(dict.fromkeys(one.record for one in found.findings))
    allowed = rule.allowed(found.examined)
    return Verdict(name, found.examined, len(records), allowed, found.settings, tuple(records[:SHOWN]))


def examined(dataset: Dataset, policy: Policy, examiners: Mapping[str, Examiner]) -> Dataset:
    """Return a dataset with the verdicts of a policy's examinations in its manifest; made once per content and policy.

    An examination that no examiner of ours makes has to be in the manifest already (`noted`), or is missing there.
    """
    known = {one.gate: one for one in verdicts_of(dataset)}
    named = {"policy": policy.digest, "fingerprint": dataset.fingerprint, "mandatory": sorted(policy.rules)}
    if {key: dataset.manifest.get("verdicts", {}).get(key) for key in named} == named:
        return dataset
    for name, rule in policy.rules.items():
        if name in examiners:
            known[name] = verdict(name, examiners[name](dataset, rule), rule)
        elif name in known:  # what it may find is this policy's word, whoever noted it
            known[name] = replace(known[name], allowed=rule.allowed(known[name].examined))
    return _with_verdicts(dataset, {**named, "gates": _gates(known)})


def noted(dataset: Dataset, found: Examination) -> Dataset:
    """Return a dataset in whose manifest stands what was found elsewhere: by a judge, by people."""
    known = {one.gate: one for one in verdicts_of(dataset)} | {found.gate: verdict(found.gate, found, Rule())}
    return _with_verdicts(dataset, {"policy": "", "fingerprint": dataset.fingerprint, "gates": _gates(known)})


def _gates(known: Mapping[str, Verdict]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in sorted(known.items())}


def signed(dataset: Dataset, words: str) -> Dataset:
    """Return a dataset in whose manifest stands who signed for it."""
    if not words or dataset.manifest["verdicts"].get("override") == words:
        return dataset
    return _with_verdicts(dataset, {**dataset.manifest["verdicts"], "override": words})


def _with_verdicts(dataset: Dataset, verdicts: Mapping[str, Any]) -> Dataset:
    manifest = {**dataset.manifest, "verdicts": verdicts}
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(dataset.path / "manifest.json", text + "\n")
    return Dataset(dataset.path)


def admitted(dataset: Dataset, policy: Policy, override: Override | None = None) -> str:
    """Let a dataset through, and return the words of the override if it was needed, else nothing.

    Raises:
        DataError: a mandatory examination failed or was not made, and nobody signs for it.
    """
    wrong = lacking(dataset, policy.rules)
    if not wrong:
        return ""
    if override is not None:
        return f"{override.who}: {override.why} [{dataset.path.name}: {'; '.join(wrong)}]"
    raise refused(dataset, wrong)
