import pytest
from pydantic import ValidationError

from regrowth.training.settings import TrainingSettings


def test_there_are_few_settings_each_with_its_meaning() -> None:
    fields = TrainingSettings.model_fields
    assert len(fields) <= 20
    assert all(info.description for info in fields.values())


def test_the_constant_schedule_climbs_and_stays() -> None:
    settings = TrainingSettings(steps=8, learning_rate=0.4, warmup=4)
    assert [settings.rate_at(step) for step in range(1, 9)] == pytest.approx([0.1, 0.2, 0.3] + [0.4] * 5)


def test_the_cosine_ends_at_a_tenth() -> None:
    settings = TrainingSettings(steps=12, learning_rate=1.0, warmup=2, schedule="cosine")
    rates = [settings.rate_at(step) for step in range(1, 13)]
    assert rates[:2] == pytest.approx([0.5, 1.0])
    assert rates[6] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1)
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_a_training_shorter_than_its_warm_up_is_no_error() -> None:
    assert TrainingSettings(steps=2, learning_rate=1.0, warmup=4, schedule="cosine").rate_at(2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"learning_rate": float("inf")}, {"clip": -1.0}, {"schedule": "linear"}, {"learning_rte": 1e-3}],
)
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings(**wrong)  # type: ignore[arg-type]
