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
