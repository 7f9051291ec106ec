"""Invented people, as a CSV file: numbers, names, dates, and a name that would like to be markup."""

import random
from pathlib import Path

__all__ = ["write_people"]


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
