"""Secrets: by the form of their makers, by what they are assigned to, and what only looks like one.

The secrets are put together here, so that no file holds one in full.
"""

import random
import string

import pytest

from regrowth.gates.personal import Hit, hits

ALNUM = string.ascii_letters + string.digits


def drawn(size: int, letters: str = ALNUM) -> str:
    """Draw letters, the same at each run, with a digit among them."""
    return "".join(random.Random(size).choices(letters, k=size - 2)) + "7" + letters[0]


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
VENDORS = {
    "AWS access key": "AKIA" + drawn(16, UPPER),
    "Google API key": "AIza" + drawn(35),
    "Google OAuth": "ya29." + drawn(60),
    "Azure storage key": "AccountKey=" + drawn(86) + "==",
    "Azure client secret": "aB" + "18Q~" + drawn(34),
    "GitHub token": "ghp_" + drawn(36),
    "GitLab token": "glpat-" + drawn(20),
    "Slack token": "xoxb-" + drawn(40),
    "Slack webhook": "hooks.slack.com/services/" + drawn(44),
    "Stripe key": "sk_live_" + drawn(24),
    "Anthropic key": "sk-ant-api03-" + drawn(90),
    "OpenAI-style key": "sk-proj-" + drawn(48),
    "Hugging Face token": "hf_" + drawn(34),
    "npm token": "npm_" + drawn(36),
    "PyPI token": "pypi-AgEIcHlwaS5vcmc" + drawn(60),
    "Twilio key": "SK" + drawn(32, HEX),
    "SendGrid key": "SG." + drawn(22) + "." + drawn(43),
    "Telegram bot token": "123456789" + ":AA" + drawn(33),
    "JSON web token": "eyJ" + drawn(30) + ".eyJ" + drawn(60) + "." + drawn(43),
    "DigitalOcean token": "dop_v1_" + drawn(64, HEX),
    "Docker token": "dckr_pat_" + drawn(27),
}
KEY = "\n".join(drawn(64) for _ in range(6))
PEM = "-----BEGIN {0}PRIVATE KEY-----\n" + KEY + "\n-----END {0}PRIVATE KEY-----"


def only(text: str) -> Hit:
    """Return the one secret in a text."""
    (hit,) = (hit for hit in hits(text) if hit.kind == "secret")
    return hit


@pytest.mark.parametrize("form", VENDORS)
@pytest.mark.parametrize(
    "frame", ["{}", "key: {} # note", '{{"t": "{}"}}', "export T='{}';", "siehe `{}`, bitte", "<b>{}</b>"]
)
def test_a_makers_form_is_found_whatever_stands_around_it(form: str, frame: str) -> None:
    text = frame.format(VENDORS[form])
    hit = only(text)
    assert (hit.form, hit.example) == (form, False)
    assert text[hit.start : hit.end] == VENDORS[form]


@pytest.mark.parametrize("form", VENDORS)
def test_a_makers_form_inside_of_a_word_is_none(form: str) -> None:
    assert all(hit.form != form for hit in hits("abc" + VENDORS[form]))


@pytest.mark.parametrize("what", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_is_found_to_its_end(what: str) -> None:
    text = "before\n" + PEM.format(what) + "\nafter"
    hit = only(text)
    assert (hit.form, text[hit.start : hit.end]) == ("private key", PEM.format(what))


def test_a_private_key_that_was_cut_is_found_as_far_as_it_goes() -> None:
    text = PEM.format("RSA ").partition("-----END")[0] + "\nText that follows."
    hit = only(text)
    assert KEY in text[hit.start : hit.end]
    assert only("use -----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + KEY).confidence > 0.9
    assert hits("the line -----BEGIN PRIVATE KEY----- opens it") == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DB_PASSWORD=hT7-kq2!xw", "hT7-kq2!xw"),
        ('password: "Tr0ub4dor&3"', "Tr0ub4dor&3"),
        ("Das Passwort lautet k4Tze-7Hund.", "k4Tze-7Hund"),
        ("contraseña: pL9x!zz41", "pL9x!zz41"),
        ("Server=db;Uid=sa;Pwd=w8Gr!tte;", "w8Gr!tte"),
        ('"api_key": "' + drawn(32) + '"', drawn(32)),
        ("aws_secret_access_key = " + drawn(40), drawn(40)),
        ("CLIENT_SECRET='" + drawn(28) + "'", drawn(28)),
        ("Authorization: Bearer " + drawn(40), drawn(40)),
        ("postgres://app:s3cr-T99x@10.0.0.5:5432/db", "s3cr-T99x"),
        ("https://ann:Tr0ub4dor-3@host.org/", "Tr0ub4dor-3"),
    ],
)
def test_what_is_assigned_to_a_password_or_key_is_found(text: str, value: str) -> None:
    hit = only(text)
    assert text[hit.start : hit.end] == value
    assert not hit.example


@pytest.mark.parametrize(
    "text",
    [
        "password = input('Password: ')",
        "password = os.environ['DB_PASSWORD']",
        "token = get_token(user)",
        "secret: everything is public",
        "key = 'name'; keys: alphabetical",
        "the secret is patience and the key is practice",
        "api_key = config.api_key",
        "Passwort: mindestens acht Zeichen",
        "max_tokens = 4096, token_count: 123456789",
        "tokenizer = AutoTokenizer.from_pretrained(model)",
        "password: ********",
        'assert pass_validity("password")==False',
        "https://user:${PASSWORD}@host.org",
        "primary_key: customer_identification",
        "assert hash('password') == '" + drawn(32, HEX) + "'",
    ],
)
def test_words_code_and_stand_ins_are_no_secrets(text: str) -> None:
    assert [hit for hit in hits(text) if hit.kind == "secret" and not hit.example] == []


@pytest.mark.parametrize(
    "text", ["password='changeme123!'", "api_key: 'your-api-key-goes-here-123'", "sk-" + "x" * 40 + "1"]
)
def test_stand_ins_of_the_form_of_a_secret_are_examples(text: str) -> None:
    assert all(hit.example for hit in hits(text))
