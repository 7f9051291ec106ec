"""The card and its description: what is known stands there, what is not is not guessed, and nothing breaks out."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.protocols import Estimate
from regrowth.reports.blocks import Report
from regrowth.reports.publishing import croissant, folder
from regrowth.reports.publishing.about import NOT_STATED, About, Origin, read_about
from regrowth.reports.publishing.card import Data, card, columns_of
from regrowth.reports.publishing.manifest import Input, check
from support import reports

FILE = Input("synthetic", "made.csv", "ab" * 32, 1234)
SEED = Input("real", "train.csv", "cd" * 32, 999)
SCHEMA = pa.schema(
    [("age", pa.int64()), ("height", pa.float64()), ("job", pa.string()), ("member", pa.bool_()),
     ("born", pa.date32()), ("seen", pa.timestamp("us")), ("tags", pa.list_(pa.string()))]
)  # fmt: skip
DATA = Data(files=[FILE], rows=2000, columns=columns_of(SCHEMA), real=[SEED], command="regrowth compare a b")
REPORT = Report(title="made.csv beside train.csv", blocks=(reports.JUDGEMENT, reports.READINGS))
ABOUT = About(
    name="Census, synthetic",
    licence="CC-BY-4.0",
    seeds=(Origin(name="Adult census income", licence="CC-BY-4.0", url="https://example.org/adult"),),
    teachers=(Origin(name="tiny"), Origin(name="my-model")),
    uses=("testing software",),
    misuses=("decisions about people",),
    limits=("Only one country.",),
    biases="Few old people.",
    personal="none",
)


def header(text: str) -> dict[str, object]:
    _, written, _ = text.split("---\n", 2)
    return dict(yaml.safe_load(written))


def test_the_header_is_what_the_hub_reads() -> None:
    assert header(card(DATA, ABOUT, REPORT)) == {
        "pretty_name": "Census, synthetic",
        "license": "cc-by-4.0",
        "size_categories": ["1K<n<10K"],
        "tags": ["synthetic", "tabular", "regrowth"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": ["made.csv"]}]}],
    }


def test_the_card_says_verdict_origins_uses_limits_and_figures() -> None:
    text = card(DATA, ABOUT, REPORT)
    for words in (
        "# Census, synthetic",
        "**Stop. Real records can be told from these data.**",
        "| Adult census income | CC-BY-4.0 | https://example.org/adult |",
        "| tiny | Apache-2.0 |  |",
        "| my-model | not stated |  |",
        "- testing software",
        "Not meant for:\n\n- decisions about people",
        "- Only one country.\n- Records identical to a training record",
        "Personal or sensitive information: none.",
        "| Column shapes | 0.970 (0.960 to 0.980) | 0.965 to 0.985 | 2,000 |",
        f"| made.csv | 1,234 | `{'ab' * 32}` |",
        "regrowth compare a b",
    ):
        assert words in text


def test_what_nobody_stated_is_not_guessed() -> None:
    text = card(DATA, About(), REPORT)
    assert header(text)["license"] == "unknown"
    assert "| train.csv | not stated |  |" in text
    assert "Licence of these data: not stated." in text
    assert "Teachers: not stated." in text
    made = croissant.croissant(DATA, About(), None)
    assert made["license"] == NOT_STATED
    assert made["rai:dataUseCases"] == [NOT_STATED]
    assert "datePublished" not in made
    assert "url" not in made


def test_data_that_were_not_compared_say_so() -> None:
    assert "were not compared with real ones" in card(DATA, About(), Report(title="run"))


def test_hostile_words_break_out_of_nothing() -> None:
    bad = '---\n# Boo | <script>alert(1)</script> `x` [a](javascript:1) \u202e"\n---\nlicense: mit'
    about = ABOUT.model_copy(update={"name": bad, "licence": bad, "uses": (bad,), "teachers": (Origin(name=bad),)})
    text = card(DATA, about, REPORT)
    assert header(text)["pretty_name"] == bad
    body = text.split("---\n", 2)[2]
    assert "<script>" not in body.replace("\\<", "")
    assert "[a](" not in body.replace("\\[", "").replace("\\]", "")
    assert "\u202e" not in body
    assert body.count("\n# ") == 1
    json.loads(croissant.written(DATA, about, None))


def test_the_description_names_the_fields_for_synthetic_data() -> None:
    made = croissant.croissant(DATA, ABOUT, reports.JUDGEMENT)
    assert made["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert made["rai:hasSyntheticData"] is True
    assert made["rai:dataBiases"] == ["Few old people."]
    assert made["rai:dataLimitations"][0] == "Only one country."
    assert made["rai:dataUseCases"] == ["testing software", "Not meant for: decisions about people"]
    assert made["prov:wasDerivedFrom"] == [
        {
            "@type": "sc:Dataset",
            "name": "Adult census income",
            "license": "CC-BY-4.0",
            "url": "https://example.org/adult",
        }
    ]
    activity = made["prov:wasGeneratedBy"][0]
    assert [agent["prov:label"] for agent in activity["prov:wasAssociatedWith"]] == ["tiny", "my-model"]
    assert made["distribution"][0]["sha256"] == FILE.sha256
    fields = {field["name"]: field["dataType"] for field in made["recordSet"][0]["field"]}
    assert fields == {
        "age": "sc:Integer", "height": "sc:Float", "job": "sc:Text", "member": "sc:Boolean",
        "born": "sc:Date", "seen": "sc:DateTime", "tags": "sc:Text",
    }  # fmt: skip


def test_every_key_of_the_description_is_a_term_of_its_context() -> None:
    made = croissant.croissant(DATA, ABOUT, reports.JUDGEMENT)
    prefixes = {"rai", "prov", "sc", "cr", "dct"}
    assert prefixes <= set(made["@context"])

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {key for one in value.values() for key in keys(one)}
        return {key for one in value for key in keys(one)} if isinstance(value, list) else set()

    prefixed = {key for key in keys({name: one for name, one in made.items() if name != "@context"}) if ":" in key}
    assert {key.split(":")[0] for key in prefixed} <= prefixes


def test_what_is_stated_is_read_and_what_nobody_asks_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "about.toml"
    path.write_text('name = "N"\n[[seeds]]\nname = "S"\nlicence = "MIT"\n')
    assert read_about(path) == About(name="N", seeds=(Origin(name="S", licence="MIT"),))
    path.write_text('license = "MIT"')
    with pytest.raises(DataError, match=r"license.*Known: name, description, licence"):
        read_about(path)
    path.write_text("name = ")
    with pytest.raises(DataError, match="cannot be read"):
        read_about(path)


def test_all_that_goes_out_is_in_the_manifest(tmp_path: Path) -> None:
    folder.publish(REPORT, DATA, ABOUT, tmp_path, inputs=[SEED, FILE])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md", "croissant.json", "report.html", "report.json", "report.manifest.json"
    ]  # fmt: skip
    assert check(tmp_path).files == 4
    assert check(tmp_path).passed


def test_files_of_somebody_else_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my project")
    with pytest.raises(SettingsError, match=r"README\.md"):
        folder.publish(REPORT, DATA, ABOUT, tmp_path, inputs=[])
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "my project"


def test_a_reading_of_a_column_is_no_figure_of_the_card() -> None:
    assert "Shape of a number column" not in card(DATA, ABOUT, Report(title="t", blocks=(reports.READINGS,)))
    assert Estimate(0.97, 0.96, 0.98, 2000) == reports.READINGS.measures[0].readings[0].estimate
