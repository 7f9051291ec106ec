"""Settings of a recipe are options of their own, and mean the same as with --set."""

import argparse

import pytest

from regrowth.cli.main import main
from regrowth.cli.settings import read_settings, takes_settings
from regrowth.recipes import RECIPES, recipe


def _read(*words: str, own: str = "") -> list[str]:
    parser = argparse.ArgumentParser(prog="regrowth run", exit_on_error=False)
    parser.add_argument("recipe")
    if own:
        parser.add_argument(own)
    takes_settings(parser, ["run", *words])
    found: list[str] = parser.parse_args(list(words)).set
    return found


def test_an_option_named_like_a_setting_sets_it() -> None:
    sets = _read("collapse", "--world", "kde", "--details.shape=line", "--set", "seed=3", "--mixing.real_share", "0.3")
    assert sets == ["world=kde", "details.shape=line", "seed=3", "mixing.real_share=0.3"]
    settings = read_settings(recipe("collapse"), None, sets).model_dump()
    assert settings["world"] == "kde"
    assert settings["details"]["shape"] == "line"
    assert settings["mixing"]["real_share"] == 0.3


def test_an_option_of_the_command_keeps_its_meaning() -> None:
    assert _read("tables", "--path", "a.csv", "--rows", "7", own="--rows") == ["path=a.csv"]
    assert _read("tables", "--path", "a.csv", "--rows", "7") == ["path=a.csv", "rows=7"]


def test_what_is_set_by_a_key_of_the_users_own_is_an_option_too() -> None:
    sets = _read("tables", "--path=a.csv", "--conditions.sex", '{"f": 0.5, "m": 0.5}', "--conditions.age=30")
    settings = read_settings(recipe("tables"), None, sets).model_dump()
    assert settings["conditions"] == {"sex": {"f": 0.5, "m": 0.5}, "age": 30}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{f = 0.5, m = 0.5}", {"f": 0.5, "m": 0.5}),
        ('{"f": 0.5, "m": 0.5}', {"f": 0.5, "m": 0.5}),
        ("30", 30),
        ("thirty", "thirty"),
        ("{thirty", "{thirty"),
    ],
)
def test_a_value_is_read_as_toml_or_json_or_is_a_string(text: str, value: object) -> None:
    sets = ["path=a.csv", f"conditions.sex={text}"]
    assert read_settings(recipe("tables"), None, sets).model_dump()["conditions"]["sex"] == value


def test_a_word_that_is_no_setting_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "collapse", "--no-such-setting", "3"])
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize("name", RECIPES)
def test_the_help_of_every_recipe_names_all_its_settings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for field in recipe(name).settings.model_fields:
        assert f"--{field}" in told, field
