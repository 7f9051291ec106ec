"""Records with personal data: refused without being quoted, masked alike, replaced by what belongs to nobody."""

import asyncio
import pickle
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message, Messages, Record
from regrowth.curation.findings import asked_of_each, parted
from regrowth.gates.personal import Search, counted, hits_in, masked, no_personal_data, replaced, told
from regrowth.gates.personal.countries import rules
from regrowth.gates.personal.hits import Hit, compact
from regrowth.gates.personal.making import made

SAMPLING = Sampling()
KEY = "REGROWTH_TEST_MASK_KEY"
SECRET = "ghp_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD2eF4"
RECORD = Record(
    messages=(
        Message("system", "You help Anna Berg."),
        Message("user", "Write to max@posteo.de and lena@posteo.de, not to Max@Posteo.de; SSN 219-45-1234."),
    ),
    response="Done: lena@posteo.de, +49 170 2345678 (at home 0170/2345678), see jane@example.com.",
    rejected=f"I used {SECRET}",
    target="219451234",
    attributes={"context": "Lange Straße 12a, 04103 Leipzig", "difficulty": 3},
    origin="real",
    scores={"grade": 4.0},
)
CLEAN = Record.of("What is 2 + 2?", response="4, says jane@example.com")


class Tagger:
    """A language model that lists names, some of them made up."""

    digest = "tagger"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def ask(self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seed: int) -> str:
        self.asked.append(str(messages))
        return self.reply


def test_a_refusal_counts_kinds_and_names_places_but_quotes_nothing() -> None:
    with pytest.raises(Rejected) as refusal:
        no_personal_data()(RECORD)
    assert refusal.value.reason == (
        "4 email, 2 national_id (US SSN), 1 phone (DE international), 1 phone (DE national), "
        "1 secret (GitHub token), 1 address (DE): in messages[1], response, rejected, target, attributes.context"
    )
    assert no_personal_data()(CLEAN) is CLEAN
    with pytest.raises(Rejected, match="1 email: in response"):
        no_personal_data(examples=True)(CLEAN)


def test_the_same_value_gets_the_same_mask_however_it_is_written() -> None:
    safe = masked()(RECORD)
    assert isinstance(safe, Record)
    assert safe.prompt == "Write to [EMAIL_1] and [EMAIL_2], not to [EMAIL_1]; SSN [NATIONAL_ID_1]."
    assert safe.response == "Done: [EMAIL_2], [PHONE_1] (at home [PHONE_1]), see jane@example.com."
    assert safe.rejected == "I used [SECRET_1]"
    assert safe.target == "[NATIONAL_ID_1]"
    assert safe.attributes == {"context": "[ADDRESS_1]", "difficulty": 3}
    assert (safe.parents, safe.origin) == ((RECORD.id,), "real")
    assert safe.scores == {"grade": 4.0, "personal_masked": 10.0}
    assert no_personal_data()(safe) is safe
    assert masked()(safe) is safe


def test_masks_by_a_key_are_the_same_in_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=KEY):
        masked(key=KEY)
    monkeypatch.setenv(KEY, "long and random")
    gate = masked(key=KEY)
    one, other = gate(Record.of("a max@posteo.de")), gate(Record.of("lena@posteo.de, MAX@posteo.de"))
    assert isinstance(one, Record)
    assert isinstance(other, Record)
    (mask,) = re.findall(r"\[EMAIL_[0-9a-f]{8}\]", one.prompt)
    assert other.prompt.endswith(mask)
    assert other.prompt.count(mask) == 1
    monkeypatch.setenv(KEY, "another")
    changed = gate(Record.of("a max@posteo.de"))
    assert isinstance(changed, Record)
    assert mask not in changed.prompt
    assert b"long and random" not in pickle.dumps(gate)


def test_made_up_values_have_the_same_form_and_are_the_same_for_the_same_value() -> None:
    fresh = replaced()(RECORD)
    assert isinstance(fresh, Record)
    first, second, third = re.findall(r"[\w.]+@example\.\w+", fresh.prompt)
    assert (first, first == second) == (third, False)
    assert second in fresh.response
    assert re.search(r"SSN 9\d\d-[0-4]\d-\d{4}\.", fresh.prompt)
    assert compact(fresh.target) in compact(fresh.prompt)
    assert replaced()(RECORD) == fresh
    assert not re.search("posteo|219|2345678|Leipzig|aB3dE5", str(fresh.to_json()))


def test_only_reserved_values_leave_nothing_to_refuse() -> None:
    record = Record.of("PESEL 72120785178, geb. am 3. Mai 1984, IBAN DE75 5121 0800 1245 1261 99, " + SECRET)
    left = replaced()(record)
    assert isinstance(left, Record)
    assert {one.hit.kind for one in hits_in(left)} == {"national_id", "birth_date"}
    safe = replaced(reserved_only=True)(record)
    assert isinstance(safe, Record)
    assert hits_in(safe) == ()
    assert safe.prompt.startswith("PESEL [NATIONAL_ID_1], geb. am [BIRTH_DATE_2], IBAN DE")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.country} {rule.form}")
def test_a_made_up_number_passes_the_check_of_its_country(rule: object) -> None:
    for chosen in (one for one in rules() if one is rule):
        hit = Hit(chosen.kind, 0, 9, 0.9, chosen.country, chosen.form)
        fresh = made(hit, "12 345", random.Random(3)).text
        same = [one for one in rules() if (one.country, one.form) == (chosen.country, chosen.form)]
        assert any(one.check(compact(fresh)) for one in same)


def test_findings_over_a_dataset_say_what_and_part_it() -> None:
    found = asked_of_each(no_personal_data(), [RECORD, CLEAN], name="no_personal_data")
    assert (found.examined, [one.record for one in found.findings]) == (2, [RECORD.id])
    kept, refused = parted([RECORD, CLEAN], found)
    assert (kept, len(refused)) == ([CLEAN], 1)
    assert not re.search("posteo|219-45|aB3d", str(refused[0].reason) + str(found))


def test_what_a_person_is_told_shows_two_characters_and_no_secret() -> None:
    found = hits_in(RECORD)
    assert counted(found) == {"email": 4, "national_id": 2, "phone": 2, "secret": 1, "address": 1}
    lines = told(RECORD, found)
    assert "messages[1]: email at 9–22: ma…de" in lines
    assert f"rejected: secret (GitHub token) at 7–{7 + len(SECRET)}" in lines
    assert not re.search("posteo|219-45|aB3d", "\n".join(lines))


def test_names_come_from_a_tagger_or_a_language_model() -> None:
    by_function = masked(names=lambda text: [match.span() for match in re.finditer("Anna Berg", text)])(RECORD)
    assert isinstance(by_function, Record)
    assert by_function.messages[0].content == "You help [NAME_1]."
    model = Tagger('Sure: ["Anna Berg", "Nobody Else", 3, ""]')
    by_model: Record = asyncio.run(masked(names=model)(RECORD))  # type: ignore[arg-type]
    assert by_model.messages == by_function.messages
    assert "Anna Berg" in model.asked[0]
    for nonsense in ("none", "[[[[", "[1, 2", '{"a": "Anna"}'):
        assert asyncio.run(no_personal_data(names=Tagger(nonsense))(CLEAN)) is CLEAN  # type: ignore[arg-type]


def test_gates_carry_names_and_can_be_pickled() -> None:
    for gate, name in ((no_personal_data(), "no_personal_data"), (masked(), "masked"), (replaced(), "replaced")):
        assert vars(gate)["__name__"] == name
        again = pickle.loads(pickle.dumps(gate))
        assert again(CLEAN) is not None
    assert counted(hits_in(RECORD, Search(kinds=("phone",)))) == {"phone": 2}


PIECES = st.sampled_from(
    ["max@posteo.de", "+49 170 2345678", "SSN 219-45-1234", "DE75512108001245126199", SECRET, "password=hT7-kq2!xw",
     "219451234", " ", ", ", "\n", "\u200b", "&#64;", "(at)", "０", "🙂", "\ud83d", "geb. am 3. Mai 1984",
     "Lange Straße 12", "born", "12"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=10).map(" ".join), st.lists(PIECES, max_size=6).map(" ".join))
def test_after_masking_less_is_left_to_find_and_no_address_or_key(prompt: str, response: str) -> None:
    record = Record.of(prompt, response=response)
    safe = masked()(record)
    assert isinstance(safe, Record)
    if safe is not record:
        left = [one for one in hits_in(safe) if one.hit.kind != "secret"]
        assert len(left) < len(hits_in(record))
    assert not any(value in safe.prompt + safe.response for value in ("max@posteo.de", SECRET))
