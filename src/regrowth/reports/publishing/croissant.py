"""Croissant 1.1 (MLCommons): the dataset as JSON-LD, with the fields of its RAI vocabulary for synthetic data.

    {"@type": "sc:Dataset", "rai:hasSyntheticData": true, "prov:wasDerivedFrom": [{"name": "train.csv", …}], …}

Source: http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0. `rai:hasSyntheticData` and the
two fields of provenance (W3C PROV) are those that the data tracks of conferences ask for beyond RAI 1.0.
"""

import json
from collections.abc import Mapping
from typing import Any

from regrowth import __version__
from regrowth.reports.compared import Judgement
from regrowth.reports.publishing.about import NOT_STATED, About, Origin
from regrowth.reports.publishing.card import Data, limits

__all__ = ["croissant", "written"]

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FORMATS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".parquet": "application/x-parquet",
}


def written(data: Data, about: About, verdict: Judgement | None) -> str:
    """Return the description as the text of a file."""
    return json.dumps(croissant(data, about, verdict), indent=1, ensure_ascii=False) + "\n"


def croissant(data: Data, about: About, verdict: Judgement | None) -> dict[str, Any]:
    """Return the description of a dataset as JSON-LD."""
    name = about.name or (data.files[0].name if data.files else "dataset")
    made = {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": name,
        "description": about.description or f"{data.rows:,} {'synthetic ' * data.synthetic}records.",
        "license": about.licence or NOT_STATED,
        "url": about.url,
        "datePublished": about.published,
        "inLanguage": list(about.languages),
        "distribution": [_file(one.name, one.sha256, one.bytes) for one in data.files],
        "recordSet": _records(data),
        **_responsible(data, about, verdict),
        **_provenance(data, about),
    }
    return {key: value for key, value in made.items() if value not in ("", [])}


def _file(name: str, sha256: str, size: int) -> dict[str, Any]:
    plain = name.lower().removesuffix(".gz")
    kind = next((kind for end, kind in FORMATS.items() if plain.endswith(end)), "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": kind,
        "sha256": sha256,
    }


def _records(data: Data) -> list[dict[str, Any]]:
    """Return one set of records per file."""
    names = ["records"] if len(data.files) == 1 else [f"records-{place}" for place in range(1, len(data.files) + 1)]
    return [
        {"@type": "cr:RecordSet", "@id": name, "name": name, "field": _fields(data, name, file.name)}
        for name, file in zip(names, data.files, strict=True)
        if data.columns
    ]


def _fields(data: Data, name: str, file: str) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column.name}",
            "name": column.name,
            "dataType": f"sc:{column.kind}",
            "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
        }
        for column in data.columns
    ]


def _responsible(data: Data, about: About, verdict: Judgement | None) -> dict[str, Any]:
    said = "Written by models, or by a generator fitted to real records." if data.synthetic else ""
    found = [reason.text for reason in verdict.reasons if reason.section == "fairness"] if verdict else []
    uses = [*about.uses, *(f"Not meant for: {one}" for one in about.misuses)]
    return {
        "rai:dataCollection": said,
        "rai:dataCollectionType": ["Others"],
        "rai:hasSyntheticData": data.synthetic,
        "rai:dataLimitations": limits(about, verdict),
        "rai:dataBiases": [*([about.biases] if about.biases else []), *found] or [NOT_STATED],
        "rai:personalSensitiveInformation": [about.personal or NOT_STATED],
        "rai:dataUseCases": uses or [NOT_STATED],
        "rai:dataSocialImpact": about.impact or NOT_STATED,
    }


def _provenance(data: Data, about: About) -> dict[str, Any]:
    derived = [{"@type": "sc:Dataset", "name": one.name, "license": one.terms, "url": one.url} for one in about.seeds]
    derived += [
        {"@type": "sc:Dataset", "name": one.name, "license": NOT_STATED, "sha256": one.sha256}
        for one in data.real
        if not about.seeds
    ]
    activity = {
        "@type": "prov:Activity",
        "prov:label": "Synthetic data generation" if data.synthetic else "Collection",
        "sc:description": f"Measured and described by regrowth {__version__}. {data.command}".strip(),
        "prov:wasAssociatedWith": [_agent(one) for one in about.teachers],
    }
    kept = [{key: value for key, value in one.items() if value} for one in derived]
    return {
        "prov:wasDerivedFrom": kept,
        "prov:wasGeneratedBy": [{key: value for key, value in activity.items() if value}],
    }


def _agent(teacher: Origin) -> dict[str, Any]:
    found = {"@type": "prov:SoftwareAgent", "prov:label": teacher.name, "license": teacher.terms, "url": teacher.url}
    return {key: value for key, value in found.items() if value}
