"""What the benchmark of personal data asks of other people's programs; run by their interpreter, without Regrowth.

    PEERS/bin/python benchmarks/personal_peers.py plant 8 2026   # values by Faker, phonenumbers, python-stdnum
    PEERS/bin/python benchmarks/personal_peers.py presidio < …     # presidio-analyzer, blank spaCy pipelines, offline
    PEERS/bin/python benchmarks/personal_peers.py secrets < …      # detect-secrets with its default plug-ins

Standard input holds a JSON object {"texts": [...], "languages": [...], "repeats": 1}; standard output JSON.
"""

import base64
import importlib
import json
import logging
import random
import re
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "fr", "es")
LOCALES = {"en": "en_US", "de": "de_DE", "fr": "fr_FR", "es": "es_ES"}
REGIONS = {"en": ("US", "GB"), "de": ("DE", "AT", "CH"), "fr": ("FR",), "es": ("ES", "MX")}
ALNUM = string.ascii_letters + string.digits
Draw = random.Random

NUMBERS: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    # language: (country, form, the word that names it, module of python-stdnum, model)
    "en": (
        ("US", "SSN", "SSN", "us.ssn", "999-99-9999"),
        ("GB", "NHS number", "NHS number", "gb.nhs", "999 999 9999"),
        ("IN", "Aadhaar", "Aadhaar", "in_.aadhaar", "9999 9999 9999"),
        ("CA", "SIN", "SIN", "ca.sin", "999-999-999"),
        ("AU", "TFN", "TFN", "au.tfn", "999 999 999"),
        ("ZA", "identity number", "ID number", "za.idnr", "{yymmdd}9999099"),
    ),
    "de": (
        ("DE", "Steuer-ID", "Steuer-ID", "de.idnr", "{idnr}"),
        ("CH", "AHV number", "AHV-Nummer", "ch.ssn", "756.9999.9999.99"),
        ("AT", "social security number", "Sozialversicherungsnummer", "at.vnr", "9999 {ddmmyy}"),
    ),
    "fr": (
        ("FR", "NIR", "numéro de sécurité sociale", "fr.nir", "1 99 {mm} 75 999 999 99"),
        ("BE", "national number", "numéro national", "be.nn", "{yymmdd}-999.99"),
    ),
    "es": (
        ("ES", "DNI", "DNI", "es.dni", "99999999A"),
        ("ES", "NIE", "NIE", "es.nie", "X9999999A"),
        ("MX", "CURP", "CURP", "mx.curp", "AEAA{yymmdd}HDFBCD09"),
        ("BR", "CPF", "CPF", "br.cpf", "999.999.999-99"),
        ("PT", "NIF", "NIF", "pt.nif", "299999999"),
    ),
    "other": (
        ("PL", "PESEL", "PESEL", "pl.pesel", "{yymmdd}99999"),
        ("NL", "BSN", "BSN", "nl.bsn", "999999999"),
        ("SE", "personnummer", "personnummer", "se.personnummer", "{yymmdd}-9999"),
        ("IT", "codice fiscale", "codice fiscale", "it.codicefiscale", "AAAAAA99A{dd}A999A"),
        ("NO", "birth number", "fødselsnummer", "no.fodselsnummer", "{ddmmyy}99999"),
        ("FI", "personal identity code", "henkilötunnus", "fi.hetu", "{ddmmyy}-999A"),
        ("TR", "identity number", "kimlik", "tr.tckimlik", "99999999999"),
        ("CN", "resident number", "身份证号", "cn.ric", "110101{yyyymmdd}999A"),
        ("KR", "RRN", "주민등록번호", "kr.rrn", "{yymmdd}-1999999"),
    ),
}
KINDS = ("email", "phone", "iban", "card", "ip", "mac", "address", "birth_date", "coordinates", "secret")
NAMED = {
    language: dict(zip(KINDS, words.split(", "), strict=True))
    for language, words in {
        "en": "E-mail, Phone, IBAN, Credit card, IP address, MAC address, Address, Date of birth, GPS position, Key",
        "de": "E-Mail, Telefon, IBAN, Kreditkarte, IP-Adresse, MAC-Adresse, Anschrift, Geburtsdatum, Koordinaten, "
        "Schlüssel",
        "fr": "Courriel, Téléphone, IBAN, Carte bancaire, Adresse IP, Adresse MAC, Adresse, Date de naissance, "
        "Position GPS, Clé",
        "es": "Correo, Teléfono, IBAN, Tarjeta, Dirección IP, Dirección MAC, Dirección, Fecha de nacimiento, "
        "Coordenadas, Clave",
    }.items()
}


def filled(model: str, draw: Draw) -> str:
    """Draw by a model: 9 a digit, A a letter, {yymmdd} parts of a date."""
    year, month, day = draw.randrange(1940, 2005), draw.randrange(1, 13), draw.randrange(1, 29)
    for name, part in (("yyyy", f"{year}"), ("yy", f"{year % 100:02}"), ("mm", f"{month:02}"), ("dd", f"{day:02}")):
        model = model.replace("{" + name, "{" + part)
        while name in model:
            model = model.replace(name, part, 1)
    pools = {"9": string.digits, "A": string.ascii_uppercase}
    inside, out = False, []
    for character in model:
        inside = character == "{" or (inside and character != "}")
        if character not in "{}":
            out.append(character if inside or character not in pools else draw.choice(pools[character]))
    return "".join(out)


def steuer_id(draw: Draw) -> str:
    """Draw ten digits of which one stands twice, and any last digit."""
    digits = [*draw.sample("123456789", 9), "0"]
    one, other = draw.sample(range(1, 10), 2)
    digits[one] = digits[other]
    return "".join(digits) + draw.choice(string.digits)


def number(row: tuple[str, ...], draw: Draw) -> dict[str, str]:
    """Draw a number until python-stdnum calls it valid."""
    country, form, word, module, model = row
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    while True:
        value = steuer_id(draw) if model == "{idnr}" else filled(model, draw)
        if valid(value) and not value.startswith(("999", "0")):
            return {"kind": "national_id", "country": country, "form": form, "word": word, "value": value}


def phone(region: str, abroad: bool, draw: Draw) -> str:
    """Draw a number that phonenumbers calls valid, as the region writes it."""
    import phonenumbers as them

    kinds = (them.PhoneNumberType.FIXED_LINE, them.PhoneNumberType.MOBILE)
    sample = them.example_number_for_type(region, draw.choice(kinds))
    digits = str(sample.national_number)
    while True:
        tail = "".join(draw.choices(string.digits, k=5))
        found = them.parse(digits[:-5] + tail, region)
        if them.is_valid_number(found):
            style = them.PhoneNumberFormat.INTERNATIONAL if abroad else them.PhoneNumberFormat.NATIONAL
            return str(them.format_number(found, style))


def secret(draw: Draw) -> tuple[str, str, str]:
    """Draw a secret of one of the published forms: the form, what is written, and the part that must be found."""

    def some(size: int, pool: str = ALNUM) -> str:
        return "".join(draw.choices(pool, k=size - 1)) + draw.choice(string.digits)

    hexadecimal = "0123456789abcdef"
    pem = "\n".join(base64.b64encode(draw.randbytes(48)).decode() for _ in range(12))
    forms = {
        "AWS": "AKIA" + some(16, string.ascii_uppercase + "234567"),
        "Google": "AIza" + some(35, ALNUM + "-_"),
        "GitHub": draw.choice(("ghp_", "gho_", "ghs_")) + some(36),
        "GitLab": "glpat-" + some(20),
        "Slack": f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}",
        "Stripe": "sk_live_" + some(24),
        "OpenAI": "sk-proj-" + some(48),
        "Anthropic": "sk-ant-api03-" + some(93, ALNUM + "-_"),
        "Hugging Face": "hf_" + some(34),
        "npm": "npm_" + some(36),
        "SendGrid": f"SG.{some(22)}.{some(43)}",
        "Twilio": "SK" + some(32, hexadecimal),
        "Telegram": f"{draw.randrange(10**8, 10**10)}:AA{some(33)}",
        "JWT": "eyJ" + some(33) + ".eyJ" + some(70) + "." + some(43),
        "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{pem}\n-----END RSA PRIVATE KEY-----",
        "URL": f"postgres://app:{some(12)}@db{draw.randrange(90)}.intern.net:5432/main",
        "password": f'password = "{some(7)}-{some(5)}!"',
        "API key": f'api_key = "{some(32, hexadecimal)}"',
    }
    form = draw.choice(sorted(forms))
    inner = re.search(r'app:(\w+)@|"(.+)"', forms[form]) if form in ("URL", "password", "API key") else None
    return form, forms[form], (inner[1] or inner[2]) if inner else forms[form]


def birth_date(language: str, fake: Any, draw: Draw) -> str:
    born = fake.date_of_birth(minimum_age=18, maximum_age=90)
    forms = {
        "en": ("%m/%d/%Y", "%B %d, %Y", "%d %B %Y", "%Y-%m-%d"),
        "de": ("%d.%m.%Y", "%Y-%m-%d", "%d.%m.%y"),
        "fr": ("%d/%m/%Y", "%Y-%m-%d"),
        "es": ("%d/%m/%Y", "%d-%m-%Y"),
    }
    return str(born.strftime(draw.choice(forms[language])))


def value(kind: str, language: str, fake: Any, draw: Draw) -> dict[str, str]:
    """Draw one value of a kind as a language writes it."""
    plain: dict[str, Callable[[], str]] = {
        "email": fake.free_email,
        "iban": lambda: fake.iban() if draw.random() < 0.5 else grouped(fake.iban()),
        "card": lambda: (
            fake.credit_card_number("visa16") if draw.random() < 0.5 else grouped(fake.credit_card_number("mastercard"))
        ),
        "ip": lambda: fake.ipv4_public() if draw.random() < 0.7 else fake.ipv6(),
        "mac": lambda: fake.mac_address(),
        "address": lambda: fake.address().replace("\n", draw.choice((", ", "\n"))),
        "birth_date": lambda: birth_date(language, fake, draw),
        "coordinates": lambda: f"{fake.latitude():.6f}, {fake.longitude():.6f}",
    }
    made = {"kind": kind, "country": "", "form": "", "word": NAMED[language].get(kind, "")}
    if kind == "phone":
        region = draw.choice(REGIONS[language])
        abroad = draw.random() < 0.4
        return {
            **made,
            "country": region,
            "form": "international" if abroad else "national",
            "value": phone(region, abroad, draw),
        }
    if kind == "secret":
        form, text, core = secret(draw)
        return {**made, "form": form, "value": text, "core": core}
    return {**made, "value": plain[kind]()}


def grouped(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def plant(count: int, seed: int) -> list[dict[str, str]]:
    """Return values of every kind and language, `count` of each, and of every national number."""
    from faker import Faker

    planted, draw = [], random.Random(seed)
    for language in LANGUAGES:
        fake = Faker(LOCALES[language])
        fake.seed_instance(draw.randrange(10**9))
        planted += [
            {**value(kind, language, fake, draw), "language": language}
            for kind in (*sorted(NAMED["en"]), "phone")
            for _ in range(count)
        ]
    for language, rows in NUMBERS.items():
        spoken = "en" if language == "other" else language
        planted += [{**number(row, draw), "language": spoken} for row in rows for _ in range(count)]
    fake = Faker("de_DE")
    fake.seed_instance(seed + 1)
    for form, word, make in (
        ("Rentenversicherungsnummer", "Rentenversicherungsnummer", fake.rvnr),
        ("Krankenversichertennummer", "Versichertennummer", fake.kvnr),
    ):
        made = {"kind": "national_id", "country": "DE", "form": form, "word": word, "language": "de"}
        planted += [{**made, "value": make()} for _ in range(count)]
    return planted


def engine(every: bool) -> Any:
    """Return presidio's analyzer on blank pipelines: its default recognisers, or all that have a kind of ours."""
    logging.disable(logging.CRITICAL)
    import presidio_analyzer.predefined_recognizers as known
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        def load(self) -> None:
            self.nlp = {language: spacy.blank(language) for language in LANGUAGES}

    blank = Blank(models=[{"lang_code": language, "model_name": "blank"} for language in LANGUAGES])
    blank.load()
    registry = RecognizerRegistry(supported_languages=list(LANGUAGES))
    registry.load_predefined_recognizers(languages=list(LANGUAGES), nlp_engine=blank)
    if every:
        names = """
            UsSsn UsItin UkNino Nhs EsNif EsNie ItFiscalCode PlPesel DeTaxId DeSocialSecurity DeHealthInsurance DeIdCard
            DePassport InAadhaar InPan AuTfn AuMedicare KrRrn SePersonnummer FiPersonalIdentityCode TrNationalId CaSin
            ZaIdNumber CreditCard
        """
        for language in LANGUAGES:
            for name in filter(None, re.split(r"\s+", names)):
                registry.add_recognizer(getattr(known, f"{name}Recognizer")(supported_language=language))
            regions = [region for those in REGIONS.values() for region in those]
            registry.add_recognizer(known.PhoneRecognizer(supported_language=language, supported_regions=regions))
    return AnalyzerEngine(registry=registry, nlp_engine=blank, supported_languages=list(LANGUAGES))


def presidio(texts: Sequence[str], languages: Sequence[str], repeats: int, every: bool) -> dict[str, Any]:
    """Return what presidio finds, and the CPU seconds of a pass."""
    analyzer = engine(every)
    pairs = list(zip(texts, languages, strict=True))
    for language in LANGUAGES:
        analyzer.analyze("warm 030 123 a@b.de", language=language)
    seconds, found = [], []
    for _ in range(repeats):
        start = time.process_time()
        found = [analyzer.analyze(text, language=language) for text, language in pairs]
        seconds.append(time.process_time() - start)
    hits = [[(hit.entity_type, hit.start, hit.end, round(hit.score, 2)) for hit in those] for those in found]
    return {"seconds": statistics.median(seconds), "hits": hits}


def secrets(texts: Sequence[str], repeats: int) -> dict[str, Any]:
    """Return what detect-secrets finds in a file for each text, and the CPU seconds of a pass."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    seconds, found = [], []
    with tempfile.TemporaryDirectory() as folder, default_settings():
        paths = [Path(folder, f"{place}.txt") for place in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        for _ in range(repeats):
            start = time.process_time()
            found = [list(scan_file(str(path))) for path in paths]
            seconds.append(time.process_time() - start)
    hits = [
        sorted({("secret", text.find(one.secret_value or "\0"), len(one.secret_value or "")) for one in those})
        for text, those in zip(texts, found, strict=True)
    ]
    return {"seconds": statistics.median(seconds), "hits": hits}


def main() -> None:
    task = sys.argv[1]
    if task == "plant":
        json.dump(plant(int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
        return
    asked = json.load(sys.stdin)
    texts, languages, repeats = asked["texts"], asked["languages"], asked["repeats"]
    found = (
        secrets(texts, repeats) if task == "secrets" else presidio(texts, languages, repeats, task == "presidio-all")
    )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
