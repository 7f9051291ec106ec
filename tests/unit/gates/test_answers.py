"""Final answers: what is read as one, and what is refused as doubtful."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates import exact_answer, final_answer, final_number
from support.data import shared_data


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_data(name), "rt") as file:
        yield from map(json.loads, file)


def accepts(response: str, target: str, kind: Literal["auto", "number", "text"] = "auto") -> bool:
    try:
        exact_answer(kind)(Record.of("?", response=response, target=target))
    except Rejected:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("He gets 11 x 5 = <<11*5=55>>55 liters.\nA: 55", 55),
        ("It takes 2/2=<<2/2=1>>1 bolt.\n#### 3", 3),
        ("so the price is \\boxed{\\$1{,}234.50}", Fraction(2469, 2)),
        ("The answer is **7 apples**, because 3 + 4 = 7.", 7),
        ("3 pens and 4 pens make 7 pens.", 7),
        ("**Answer:** 3/4", Fraction(3, 4)),
        ("Answer:\n\n18 dollars", 18),
        ("The final answer is: $\\boxed{18}$.", 18),
        ("The answer is 7 because 3+4=7, and 2+2=4", 7),
        ("Therefore, the answer is x = 3", 3),
        ("Die Antwort lautet 12 Euro.", 12),
        ("Ergebnis: 12", 12),
        ("First I thought the answer is 5. No, the answer is 6.", 6),
        ("#### 5\nThe answer is final.", 5),
        ("a: 5\nb: 6\nso it is 7", 7),
        ("A: 1,234,567", 1_234_567),
        ("#### $1,000,000 dollars", 1_000_000),
        ("20%", 20),
        ("A: 50 cents", 50),
        ("5.0", 5),
        (".5", Fraction(1, 2)),
        ("...5", 5),
        ("1/2", Fraction(1, 2)),
        ("1 1/2 cups", Fraction(3, 2)),
        ("1½ cups", Fraction(3, 2)),
        ("\\boxed{-\\frac{7}{2}}", Fraction(-7, 2)),
        ("2\\dfrac{1}{4}", Fraction(9, 4)),
        ("-3", -3),
        ("−3", -3),
        ("-$3", -3),
        ("$-3", -3),
        ("- 3 apples", 3),
        ("5 - 3 = 2", 2),
        ("1.2e3", 1200),
        ("1.2 × 10^3", 1200),
        ("$1.2\\times10^{-3}$", Fraction(12, 10_000)),
        ("COVID-19", 19),
        ("an area of 5 m²", 5),
        ("٣", 3),
    ],
)
def test_the_final_number_is_found(text: str, number: int | Fraction) -> None:
    assert final_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "none", "A: 1,5", "1.234,56", "3,4,5", "1.2.3", "5 or 6", "The answer is 5 or 6", "A: 10-12", "A: 5–6", "9π",
     "2^10", "\\boxed{2\\pi}", "\\sqrt{2}", "√2", "1/0", "1e999999999", "9" * 5000, "1 × 10^99999", "."],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_not_at_all_is_no_number(text: str) -> None:
    assert final_number(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [("So:\nParis.", "Paris."), ("The answer is Paris.", "Paris."), ("A: B\n\n", "B"), ("", ""), (" \n ", "")],
)
def test_the_final_answer_is_what_is_marked_else_the_last_line(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("response", "target"),
    [
        ("The answer is 7 apples.", "7"),
        ("It is 5.0.", "5"),
        ("A: 50 %", "50%"),
        ("18", "He makes 9 * 2 = $18.\n#### 18"),
        ("The capital of France is\nParis.", "paris"),
        ("The answer is „Paris“.", "Paris"),
        ("A: GRÜN", "grün"),
        ("1\n2\n3", "1\n2\n3"),
        ("3 4 5", "3 4 5"),
        ("It is\n12:30", "12:30"),
        ("1,5", "1,5"),
        ("\\boxed{2\\pi}", "\\boxed{2\\pi}"),
    ],
)
def test_an_answer_that_says_the_same_is_accepted(response: str, target: str) -> None:
    assert accepts(response, target)


@pytest.mark.parametrize(
    ("response", "target"),
    [
        ("The answer is 8 apples.", "7"),
        ("It is 5 or 7.", "7"),
        ("", "7"),
        ("A: 0.2", "20%"),
        ("London", "Paris"),
        ("Paris or London", "Paris"),
        ("x\n3", "1\n2\n3"),
        ("1 2 5", "3 4 5"),
        ("!", "."),
        ("7", ""),
    ],
)
def test_another_answer_is_refused(response: str, target: str) -> None:
    assert not accepts(response, target)


def test_the_refusal_says_what_was_found_and_what_was_expected() -> None:
    with pytest.raises(Rejected, match=r"exact_answer: found '7/2', expected '18'"):
        exact_answer()(Record.of("?", response="A: 3.5", target="#### 18"))


def test_the_kind_decides_how_a_target_is_read() -> None:
    assert accepts("A: 7 apples", "7 pens", "number")
    assert not accepts("A: 7.0", "7", "text")
    assert not accepts("A: 7", "seven", "number")
    with pytest.raises(SettingsError, match="expected 'auto', 'number' or 'text'"):
        exact_answer("words")  # type: ignore[arg-type]


def test_the_gate_carries_its_name() -> None:
    assert vars(exact_answer())["__name__"] == "exact_answer"


def test_every_verdict_on_real_solutions_agrees_with_the_publishers() -> None:
    agreement = Counter[tuple[bool, bool]]()
    for row in rows("reasoning/gsm8k_model_solutions.jsonl.gz"):
        for solution in (value for value in row.values() if isinstance(value, dict)):
            verdict = accepts(solution["solution"], row["ground_truth"])
            agreement[verdict, solution["is_correct"]] += 1
    assert agreement == {(True, True): 551, (False, False): 925}


def test_the_marked_answer_of_every_real_problem_is_read() -> None:
    for row in rows("reasoning/gsm8k_test.jsonl.gz"):
        marked = row["answer"].rpartition("#### ")[2]
        assert final_number(row["answer"]) == Fraction(marked.replace(",", "")), json.dumps(row)


@pytest.mark.slow
def test_the_last_number_is_the_answer_of_a_real_solution_as_often_as_the_docs_say() -> None:
    unmarked = [row["answer"].rpartition("\n#### ") for row in rows("reasoning/gsm8k_train.jsonl.gz")]
    misses = sum(final_number(worked) != Fraction(answer.replace(",", "")) for worked, _, answer in unmarked)
    assert (misses, len(unmarked)) == (214, 7473)


@pytest.mark.parametrize("filling", ["#### ", "\nA: ", "answer: ", "\\boxed{", "1 ", "½", "1/", "1e", " or 1", "<<"])
def test_no_text_keeps_the_search_busy(filling: str) -> None:
    started = time.process_time()
    accepts(filling * 20_000, "5")
    accepts(filling * 20_000, "five")
    assert time.process_time() - started < 1
