"""Personal data and secrets: what is found of what was planted, what in clean text, and how fast.

    REGROWTH_DATA=/path/to/data python -m benchmarks.personal --peers PEERS/bin/python    # results/personal.json

PEERS is an environment of its own, with a network only while it is made:

    pip install presidio-analyzer==2.2.366 detect-secrets==1.5.0 Faker phonenumbers python-stdnum

The planted values come from other people's generators (Faker, phonenumbers, python-stdnum), one to a record, in twelve
formats of document, in English, German, French and Spanish, each once with a word that names it and once without. What
stands around them is real text (MGSM in that language). Without --peers only clean text is read, and the speed is ours.
"""

import argparse
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regrowth.gates.personal import hits
from regrowth.metrics.intervals import proportion

RESULTS = Path(__file__).parent / "results" / "personal.json"
PEER_SCRIPT = Path(__file__).with_name("personal_peers.py")
DATA = Path(os.environ.get("REGROWTH_DATA", "data"))
NOTE = {"en": "Note", "de": "Notiz", "fr": "Remarque", "es": "Nota"}
OURS: Mapping[str, str] = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CREDIT_CARD": "card", "IP_ADDRESS": "ip",
    "MAC_ADDRESS": "mac",
    **dict.fromkeys(
        ("US_SSN", "US_ITIN", "UK_NINO", "UK_NHS", "ES_NIF", "ES_NIE", "IT_FISCAL_CODE", "PL_PESEL", "DE_TAX_ID",
         "DE_SOCIAL_SECURITY", "DE_HEALTH_INSURANCE", "IN_AADHAAR", "IN_PAN", "AU_TFN", "AU_MEDICARE", "KR_RRN",
         "SE_PERSONNUMMER", "FI_PERSONAL_IDENTITY_CODE", "TR_NATIONAL_ID", "CA_SIN", "ZA_ID_NUMBER"),
        "national_id",
    ),
    "DE_ID_CARD": "passport", "DE_PASSPORT": "passport",
}  # fmt: skip
"""Presidio's names for the kinds that both have; it is judged on no other."""
ITS_NUMBERS = {
    ("US", "SSN"), ("GB", "NHS number"), ("ES", "DNI"), ("ES", "NIE"), ("IT", "codice fiscale"), ("PL", "PESEL"),
    ("DE", "Steuer-ID"), ("DE", "Rentenversicherungsnummer"), ("DE", "Krankenversichertennummer"), ("IN", "Aadhaar"),
    ("AU", "TFN"), ("KR", "RRN"), ("SE", "personnummer"), ("FI", "personal identity code"), ("TR", "identity number"),
    ("CA", "SIN"), ("ZA", "identity number"),
}  # fmt: skip

FORMATS: Mapping[str, Callable[[str, str, str, str], str]] = {
    "prose": lambda label, value, before, after: f"{before} {label}: {value}. {after}",
    "form": lambda label, value, before, after: f"{before}\n{label}: {value}\nStatus: ok\n{after}",
    "json": lambda label, value, before, after: json.dumps(
        {"text": before, label: value, "more": after}, ensure_ascii=False
    ),
    "csv": lambda label, value, before, after: f'id;text;{label}\n1;"{before}";{value}\n2;"{after}";\n',
    "markdown table": lambda label, value, before, after: (
        f"| text | {label} |\n|---|---|\n| {before} | {value} |\n\n{after}"
    ),
    "html": lambda label, value, before, after: (
        f"<p>{before}</p><dl><dt>{label}</dt><dd>{value}</dd></dl><p>{after}</p>"
    ),
    "xml": lambda label, value, before, after: f"<r><t>{before}</t><f name='{label}'>{value}</f><t>{after}</t></r>",
    "yaml": lambda label, value, before, after: f"text: {before}\n{label}: {value}\nmore: {after}\n",
    "log line": lambda label, value, before, after: (
        f"2024-03-07T10:11:12Z INFO app {label}={value} msg='{before}'\n{after}"
    ),
    "sql": lambda label, value, before, after: (
        f"INSERT INTO t (x, y) VALUES ('{before}', '{value}'); -- {label}\n{after}"
    ),
    "chat": lambda label, value, before, after: (
        f"User: {before}\nAssistant: {label}?\nUser: {value}\nAssistant: {after}"
    ),
    "toml": lambda label, value, before, after: f'# {before}\n[row]\n"{label}" = "{value}"\nmore = "{after}"\n',
    "latex": lambda label, value, before, after: (
        f"{before}\n\\item \\textbf{{{label}}} {value}\n\\end{{itemize}} {after}"
    ),
    "slack": lambda label, value, before, after: f"*ann* 10:42 {before}\n> {label}\n*bob* 10:43 `{value}` {after}",
    "code": lambda label, value, before, after: f'# {before}\nrow["{label}"] = """{value}"""\nprint(row)  # {after}',
}


HELD_OUT = ("toml", "latex", "slack")
"""Formats that no rule was looked at with."""


class Planted(NamedTuple):
    """Hold a text with one value in it."""

    text: str
    start: int
    end: int
    kind: str
    country: str
    form: str
    language: str
    style: str
    named: bool


def lines(name: str) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def carriers() -> dict[str, list[str]]:
    """Return real sentences by language."""
    found = defaultdict(list)
    for row in lines("multilingual/mgsm.jsonl.gz"):
        if row["lang"] in NOTE:
            found[row["lang"]] += [part.strip() for part in re.split(r"(?<=[.?!]) ", row["question"]) if len(part) > 30]
    return found


def planted(values: Sequence[Mapping[str, str]]) -> list[Planted]:
    """Put each value into two texts: with the word that names it, and with a word that says nothing."""
    around, draw, made = carriers(), random.Random(11), []
    styles = list(FORMATS)
    for place, value in enumerate(values):
        before, after = draw.sample(around[value["language"]], 2)
        for named in (True, False):
            style = styles[(place + 5 * named) % len(styles)]
            label = value["word"] if named else NOTE[value["language"]]
            written = value.get("core", value["value"])
            if style == "json":
                written = json.dumps(written, ensure_ascii=False)[1:-1]
            text = FORMATS[style](label, value["value"], before, after)
            start = text.index(written)
            made.append(
                Planted(text, start, start + len(written), value["kind"], value["country"], value["form"],
                        value["language"], style, named)
            )  # fmt: skip
    return made


def found_by(texts: Sequence[Planted], all_hits: Sequence[Sequence[tuple[str, int, int]]]) -> list[bool]:
    """Return whether each planted value was found: a hit of its kind over at least half of it."""
    return [
        any(
            kind == one.kind and min(end, one.end) - max(start, one.start) >= (one.end - one.start) / 2
            for kind, start, end in those
        )
        for one, those in zip(texts, all_hits, strict=True)
    ]


def precision(
    texts: Sequence[Planted], all_hits: Sequence[Sequence[tuple[str, int, int]]], found: Sequence[bool]
) -> Any:
    """Return the share of hits that are the planted value; a second hit on it counts as wrong."""
    total = sum(len(those) for those in all_hits)
    return share(sum(found), total) if total else None


def share(count: int, n: int) -> dict[str, Any]:
    """Return a share with its Wilson interval."""
    estimate = proportion(count, n)
    return {
        "found": count,
        "n": n,
        "share": round(estimate.value, 4),
        "low": round(estimate.low, 4),
        "high": round(estimate.high, 4),
    }


def recalls(texts: Sequence[Planted], found: Sequence[bool], key: Callable[[Planted], str]) -> dict[str, Any]:
    """Return the recall by some property, where named, where not."""
    groups: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for one, ok in zip(texts, found, strict=True):
        groups[key(one)]["named" if one.named else "bare"].append(ok)
    return {
        name: {how: share(sum(those), len(those)) for how, those in sorted(hows.items())}
        for name, hows in sorted(groups.items())
    }


def ours(texts: Sequence[str], repeats: int = 3) -> tuple[list[list[tuple[str, int, int]]], float]:
    """Return our hits, without examples, and the CPU seconds of a pass (median)."""
    hits("warm 030 123456 a@b.de https://a:b@c.de password=1 Lange Straße 1")
    seconds, found = [], []
    for _ in range(repeats):
        start = time.process_time()
        found = [hits(text) for text in texts]
        seconds.append(time.process_time() - start)
    plain = [[(hit.kind, hit.start, hit.end) for hit in those if not hit.example] for those in found]
    return plain, statistics.median(seconds)


def peer(python: str, task: str, texts: Sequence[str], languages: Sequence[str], repeats: int = 1) -> dict[str, Any]:
    """Ask a peer, in its own interpreter, with no way to the network as far as it heeds the proxies."""
    asked = json.dumps({"texts": texts, "languages": languages, "repeats": repeats})
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [python, str(PEER_SCRIPT), task], input=asked, capture_output=True, text=True, check=True, env=environment
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def presidio_hits(found: Mapping[str, Any], least: float) -> list[list[tuple[str, int, int]]]:
    """Return presidio's hits of the kinds that both have, one for each place and kind."""
    return [
        sorted({(OURS[kind], start, end) for kind, start, end, score in those if kind in OURS and score >= least})
        for those in found["hits"]
    ]


def clean() -> Iterator[tuple[str, list[str]]]:
    """Give real texts that nobody planted anything in, by the name of their source."""
    with gzip.open(DATA / "text/wikitext2_valid.txt.gz", "rt", encoding="utf-8") as file:
        yield "WikiText-2", [line.strip() for line in file if len(line.strip()) > 1]
    with gzip.open(DATA / "text/tinyshakespeare.txt.gz", "rt", encoding="utf-8") as file:
        yield "Shakespeare", file.read().split("\n\n")
    yield "GSM8K", [f"{row['question']}\n{row['answer']}" for row in lines("reasoning/gsm8k_train.jsonl.gz")]
    yield "MGSM, 11 languages", [row["question"] for row in lines("multilingual/mgsm.jsonl.gz")]
    yield "MT-Bench answers", [json_text(row) for row in lines("teacher_outputs/mt_bench_answers.jsonl.gz")]
    yield (
        "code (HumanEval, MBPP)",
        [json_text(row) for name in ("humaneval", "mbpp") for row in lines(f"code/{name}.jsonl.gz")],
    )
    leaves = sorted((DATA / "taxonomy").rglob("qna.yaml"))
    yield "taxonomy documents", [part for leaf in leaves for part in leaf.read_text("utf-8").split("\n\n")]
    yield "HH-RLHF harmless", [json_text(row) for row in lines("preference/hh_rlhf_harmless_test.jsonl.gz")]
    names = ("multidoc2dial_dmv_documents", "multidoc2dial_ssa_documents")
    yield "DMV and SSA pages", [json_text(row) for name in names for row in lines(f"documents/{name}.jsonl.gz")]
    yield "XSTest replies", [json_text(row) for row in lines("safety/xstest_completions.jsonl.gz")]


def json_text(value: Any) -> str:
    """Return all texts in JSON data, one to a line."""
    if isinstance(value, str):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return "\n".join(text for part in parts if (text := json_text(part)))


def on_clean_text() -> dict[str, Any]:
    """Return how many records of real text have a hit, by source and kind, and characters per CPU second."""
    told = {}
    for name, texts in clean():
        found, seconds = ours(texts, 1)
        with_hits = sum(1 for those in found if those)
        told[name] = {
            "records": len(texts),
            "characters": sum(map(len, texts)),
            "records with a hit": share(with_hits, len(texts)),
            "per 1,000": round(1000 * with_hits / len(texts), 2),
            "hits": dict(Counter(kind for those in found for kind, _, _ in those)),
            "characters per CPU second": round(sum(map(len, texts)) / seconds),
        }
        print(f"{name}: {told[name]['per 1,000']} per 1,000 of {len(texts)}, {told[name]['hits']}", flush=True)
    return told


def on_planted(python: str, count: int) -> dict[str, Any]:
    """Return recall and precision of ours and of the peers on the planted texts."""
    done = subprocess.run(
        [python, str(PEER_SCRIPT), "plant", str(count), "2026"], capture_output=True, text=True, check=True
    )
    texts = planted(json.loads(done.stdout))
    print(f"{len(texts)} planted texts", flush=True)
    written = [one.text for one in texts]
    languages = [one.language for one in texts]
    told: dict[str, Any] = {"texts": len(texts), "characters": sum(map(len, written))}
    found, seconds = ours(written)
    told["ours"] = judged(texts, found, seconds)
    its = [
        one.kind in OURS.values() and (one.kind != "national_id" or (one.country, one.form) in ITS_NUMBERS)
        for one in texts
    ]
    shared = [one for one, ok in zip(texts, its, strict=True) if ok]
    told["ours, kinds of presidio"] = judged(shared, [those for those, ok in zip(found, its, strict=True) if ok], 0)
    for task in ("presidio", "presidio-all"):
        asked = peer(python, task, [one.text for one in shared], [one.language for one in shared])
        for least in (0.0, 0.4):
            told[f"{task}, score ≥ {least:g}"] = judged(shared, presidio_hits(asked, least), asked["seconds"])
        print(f"{task}: {asked['seconds']:.1f} s", flush=True)
    secret = [one for one in texts if one.kind == "secret"]
    asked = peer(python, "secrets", [one.text for one in secret], languages[: len(secret)])
    its_hits = [[("secret", start, start + size) for _, start, size in those if start >= 0] for those in asked["hits"]]
    told["detect-secrets, secrets only"] = judged(secret, its_hits, asked["seconds"])
    told["ours, secrets only"] = judged(
        secret, [those for those, one in zip(found, texts, strict=True) if one.kind == "secret"], 0
    )
    told["detect-secrets, by form"] = recalls(secret, [bool(those) for those in its_hits], lambda one: one.form)
    return told


def judged(texts: Sequence[Planted], found: Sequence[Sequence[tuple[str, int, int]]], seconds: float) -> dict[str, Any]:
    """Return recall, whole and by kind, language, format and country, precision and speed."""
    ok = found_by(texts, found)
    told = {
        "recall": share(sum(ok), len(ok)),
        "precision": precision(texts, found, ok),
        "by kind": recalls(texts, ok, lambda one: one.kind),
        "by language": recalls(texts, ok, lambda one: one.language),
        "by format": recalls(texts, ok, lambda one: one.style),
        "held-out formats": recalls(texts, ok, lambda one: "held out" if one.style in HELD_OUT else "seen"),
        "by number": recalls(
            texts, ok, lambda one: f"{one.country} {one.form}" if one.kind == "national_id" else "other"
        ),
    }
    if seconds:
        told["characters per CPU second"] = round(sum(len(one.text) for one in texts) / seconds)
    return told


def speeds(python: str, size: int, repeats: int) -> dict[str, Any]:
    """Return characters per CPU second of ours, presidio and detect-secrets on the same real text, in one run."""
    texts: list[str] = []
    for name, some in clean():
        if name in ("WikiText-2", "GSM8K", "HH-RLHF harmless", "MT-Bench answers", "DMV and SSA pages"):
            total = 0
            for text in random.Random(3).sample(some, len(some)):
                if len(text) < 20_000 and total < size // 5:
                    texts.append(text)
                    total += len(text)
    characters = sum(map(len, texts))
    found, seconds = ours(texts, 2 * repeats + 1)
    told: dict[str, Any] = {"texts": len(texts), "characters": characters, "ours": round(characters / seconds)}
    told["ours, records with a hit per 1,000"] = round(1000 * sum(map(bool, found)) / len(texts), 2)
    for task in ("presidio", "secrets"):
        asked = peer(python, task, texts, ["en"] * len(texts), repeats=repeats)
        told[task] = round(characters / asked["seconds"])
        told[f"ours / {task}"] = round(told["ours"] / told[task], 1)
        if task != "secrets":
            hit = presidio_hits(asked, 0.4)
            told[f"{task}, records with a hit per 1,000"] = round(1000 * sum(map(bool, hit)) / len(texts), 2)
            told[f"{task}, hits"] = dict(Counter(kind for those in hit for kind, _, _ in those))
    print({name: figure for name, figure in told.items() if not isinstance(figure, dict)}, flush=True)
    return told


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="", help="an interpreter with presidio-analyzer, detect-secrets, Faker, …")
    parser.add_argument("--count", type=int, default=8, help="values of each kind and language")
    parser.add_argument("--size", type=int, default=200_000, help="characters for the comparison of speed")
    parser.add_argument("--repeats", type=int, default=1, help="passes of each peer; the median counts")
    asked = parser.parse_args()
    told: dict[str, Any] = {"clean": on_clean_text()}
    if asked.peers:
        told["planted"] = on_planted(asked.peers, asked.count)
        told["speed"] = speeds(asked.peers, asked.size, asked.repeats)
    else:
        print("No --peers: nothing was planted, and no peer was measured.")
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
