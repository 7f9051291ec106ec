import pytest

from regrowth.core.errors import SettingsError
from regrowth.training.objectives import OBJECTIVES, objective


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_can_be_had_by_its_name(name: str) -> None:
    assert objective(name).to_json() == OBJECTIVES[name]().to_json()
    assert objective(name).name == name


def test_parameters_may_be_strings_as_in_a_settings_file() -> None:
    assert objective("dpo", beta="0.3").parameters["beta"] == 0.3


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("dppo", {}, "Did you mean 'dpo'"),
        ("dpo", {"betta": 1}, "dpo has no parameter 'betta'. It has: beta"),
        ("dpo", {"beta": "high"}, "dpo, beta: .*found 'high'"),
        ("dpo", {"form": "round"}, "dpo, form: .*'sigmoid'"),
    ],
)
def test_a_name_or_parameter_that_is_not_there_is_told(name: str, parameters: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        objective(name, **parameters)
