"""Invented people: as columns, or as a CSV file with dates and a name that would like to be markup."""

import random
from pathlib import Path

__all__ = ["people", "write_people"]


def people(count: int, seed: int) -> dict[str, list[object]]:
    """Return mixed columns of so many people, all drawn apart."""
    dice = random.Random(seed)
    return {
        "age": [dice.randint(18, 90) for _ in range(count)],
        "income": [round(dice.lognormvariate(10, 1), 2) for _ in range(count)],
        "town": [dice.choice("ABCDEFGHIJ") for _ in range(count)],
        "job": [dice.choice(["none", "some", None]) for _ in range(count)],
    }


def write_people(path: Path, seed: int, rows: int = 120) -> Path:
    """Write a table whose pay follows from age; other seeds draw other people of the same kind."""
    chance = random.Random(seed)
    lines = ["age,job,pay,start"]
    for _ in range(rows):
        age = chance.randint(18, 70)
        job = chance.choice(["teacher", "farmer", "<b>smith</b>"])
        lines.append(f"{age},{job},{20 * age + chance.gauss(0, 50):.2f},2021-{chance.randint(1, 12):02}-01")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
