"""What is found in a text, where, and how sure: kinds, languages, words beside a number, examples, ways of hiding."""

import pytest

from regrowth.core.errors import SettingsError
from regrowth.gates.personal import KINDS, Hit, Search, hits, shown
from regrowth.gates.personal.hits import OPTIONAL, Kind
from regrowth.gates.personal.phones import significant

ALL = Search(kinds=KINDS)
FOUND: tuple[tuple[Kind, str, str], ...] = (
    # kind, what is found, the text
    ("email", "max.mueller@posteo.de", "Schreib an max.mueller@posteo.de."),
    ("email", "jürgen@müller-bau.de", "Mail: jürgen@müller-bau.de"),
    ("email", "o'neil+news@mail.co.uk", "<o'neil+news@mail.co.uk>"),
    ("phone", "+49 (0)170 1234567", "ruf +49 (0)170 1234567 an"),
    ("phone", "0049 30 901820", "Telefon 0049 30 901820"),
    ("phone", "030 / 90 18 20 11", "Tel.: 030 / 90 18 20 11"),
    ("phone", "(0 30) 90 18 20", "Büro (0 30) 90 18 20"),
    ("phone", "0171-2345678", "Handy 0171-2345678"),
    ("phone", "(212) 736-5000", "at (212) 736-5000 until"),
    ("phone", "1-212-736-5000", "dial 1-212-736-5000 now"),
    ("phone", "01 42 68 53 00", "au 01 42 68 53 00"),
    ("phone", "+33 1 42 68 53 00", "appelez le +33 1 42 68 53 00"),
    ("phone", "912 345 678", "Teléfono: 912 345 678"),
    ("phone", "020 7219 3000", "on 020 7219 3000."),
    ("phone", "07911 123456", "text 07911 123456"),
    ("phone", "(11) 98765-4321", "fale com (11) 98765-4321"),
    ("phone", "138 0013 8000", "电话 138 0013 8000"),
    ("phone", "03-1234-5678", "電話 03-1234-5678"),
    ("phone", "736-5000", "my phone number is 736-5000"),
    ("iban", "DE75 5121 0800 1245 1261 99", "auf DE75 5121 0800 1245 1261 99 bis"),
    ("iban", "fr4120041010050500013m02605", "nicht fr1420041010050500013m02606, fr4120041010050500013m02605"),
    ("card", "4929 1234 5678 9007", "Visa 4929 1234 5678 9007"),
    ("card", "3712 123456 78900", "Amex 3712 123456 78900"),
    ("ip", "81.20.33.7", "login from 81.20.33.7:443"),
    ("ip", "2a02:8109:9a40:1a2c::7e1f", "host 2a02:8109:9a40:1a2c::7e1f up"),
    ("mac", "3c:22:fb:12:9a:0e", "ether 3c:22:fb:12:9a:0e"),
    ("mac", "3C-22-FB-12-9A-0E", "Gerät 3C-22-FB-12-9A-0E"),
    ("mac", "3c22.fb12.9a0e", "port 3c22.fb12.9a0e"),
    ("address", "Lange Straße 12a, 04103 Leipzig", "wohnt Lange Straße 12a, 04103 Leipzig."),
    ("address", "Schillerstr. 5", "Schillerstr. 5"),
    ("address", "Am Markt 3, 07743 Jena", "Büro: Am Markt 3, 07743 Jena"),
    ("address", "2475 Berkshire Valley Rd, Easton, PA 18042", "at 2475 Berkshire Valley Rd, Easton, PA 18042"),
    ("address", "221B Baker Street, London NW1 6XE", "221B Baker Street, London NW1 6XE"),
    ("address", "12 rue de la Paix, 75002 Paris", "au 12 rue de la Paix, 75002 Paris"),
    ("address", "Calle de Alcalá 45, 28014 Madrid", "vive en Calle de Alcalá 45, 28014 Madrid"),
    ("birth_date", "3. Mai 1984", "geb. am 3. Mai 1984"),
    ("birth_date", "1984-05-03", '"date of birth": "1984-05-03"'),
    ("birth_date", "3 mai 1984", "née le 3 mai 1984"),
    ("birth_date", "03/05/1984", "fecha de nacimiento: 03/05/1984"),
    ("coordinates", "52.520008, 13.404954", "GPS 52.520008, 13.404954"),
    ("coordinates", "52° 31' 12\" N 13° 24' 18\" E", "Standort 52° 31' 12\" N 13° 24' 18\" E"),
    ("national_id", "65 929 970 489", "Steuer-ID: 65 929 970 489"),
    ("national_id", "26 120590 B 759", "26 120590 B 759"),
    ("passport", "L0C8063W08", "Personalausweis L0C8063W08"),
    ("national_id", "219-45-1234", "SSN 219-45-1234"),
    ("national_id", "219451234", "social security number 219451234"),
    ("national_id", "AB 12 34 56 C", "NINO AB 12 34 56 C"),
    ("national_id", "943 476 5870", "NHS no 943 476 5870"),
    ("national_id", "2 95 10 99 126 111 93", "NIR 2 95 10 99 126 111 93"),
    ("national_id", "44391827X", "DNI 44391827X"),
    ("national_id", "BYKTZV83C30J682B", "codice fiscale BYKTZV83C30J682B"),
    ("national_id", "72120785178", "PESEL 72120785178"),
    ("national_id", "145.498.174-10", "145.498.174-10"),
    ("national_id", "12010119831008690X", "12010119831008690X"),
    ("national_id", "756.5707.0499.96", "AHV 756.5707.0499.96"),
    ("name", "Anna Berg", "Frau Dr. Anna Berg"),
    ("handle", "@anna_berg", "folge @anna_berg"),
)
CLEAN = (
    "In 2010, 1,234,567 people lived in 12 towns; 3.14159265358979 is not 22/7.",
    "Tom has 1200 apples and 3600-1200=2400, so 48/2 = <<48/2=24>>24, $1,000,000 in 12345678 parts.",
    "ISBN 978-3-16-148410-0, order 4929123456789007999, arXiv:2403.01081, RFC 2606, DIN EN 61010-1:2011.",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "nobody@at.home, .herlirthing@ladryoTomladly.ats inirst",
    "Version 10.2.33.1 of 12.04.2011 at 12:30:45; std::vector<int> a::b, x[1:2:3], abc::def, ::",
    "from 1999-2004 and 2001/2002, pp. 1234-1256, 1914 - 1918, (1508-1512), 02-12-2009, 2009-12-02 10:11:12",
    "Call 911. Room 12, Section 3.2.1.4; the 8 District Court ruled.",
    "def f(a: str = '@property') -> None: a @ b.T; @media screen { foo@2x.png }",
    "git clone git@github.com:org/repo.git && npm i @scope/pkg@1.2.3",
    "password = os.environ['PASSWORD']; token = get_token(); secret: everything; key: value; api_key=<your key>",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "0.12345678901, -1234567890, 1e10, 12345678901%, 12345678901 €, https://x.org/status/1234567890123456789",
    "Platz 3 beim Rennen, Kapitel 12, Am Abend 3 Gäste, im Jahr 2004, der Weg 5 ist lang",
)


@pytest.mark.parametrize(("kind", "value", "text"), FOUND, ids=[f"{kind} {value}" for kind, value, _ in FOUND])
def test_what_is_personal_is_found_where_it_stands(kind: Kind, value: str, text: str) -> None:
    found = [hit for hit in hits(text, ALL) if not hit.example]
    assert [(hit.kind, text[hit.start : hit.end]) for hit in found] == [(kind, value)]


@pytest.mark.parametrize("text", CLEAN)
def test_numbers_dates_versions_and_code_are_left_alone(text: str) -> None:
    assert [(hit, text[hit.start : hit.end]) for hit in hits(text) if not hit.example] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane@example.com", "email"),
        ("ping 192.0.2.7", "ip"),
        ("ping 2001:db8::1:22", "ip"),
        ("use 8.8.8.8 as server", "ip"),
        ("ether 00:00:5E:00:53:af", "mac"),
        ("call (212) 555-0123", "phone"),
        ("call 07700 900123", "phone"),
        ("Tel. 030 23125 417", "phone"),
        ("card 4111 1111 1111 1111", "card"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban"),
        ("SSN 078-05-1120", "national_id"),
        ("SSN 987-65-4321", "national_id"),
        ("NINO QQ123456C", "national_id"),
        ("Steuer-ID 02318764952", "national_id"),
        ("lives at 12 Example Street", "address"),
        ("AWS " + "AKIA" + "IOSFODNN7EXAMPLE", "secret"),
    ],
)
def test_what_is_reserved_for_manuals_and_tests_is_an_example(text: str, kind: str) -> None:
    assert [(hit.kind, hit.example) for hit in hits(text)] == [(kind, True)]


@pytest.mark.parametrize(
    ("written", "plainly"),
    [
        ("max (at) posteo (dot) de", "max@posteo.de"),
        ("max [at] posteo.de", "max@posteo.de"),
        ("max at posteo dot de", "max@posteo.de"),
        ("max&#64;posteo.de", "max@posteo.de"),
        ("max&#x40;posteo&period;de", "max@posteo.de"),
        ("ｍａｘ＠ｐｏｓｔｅｏ．ｄｅ", "max@posteo.de"),
        ("max\u200b@pos\u00adteo.de", "max@posteo.de"),
        ("+４９ １７０ １２３４５６７", "+49 170 1234567"),
        ("+49\u00a0170\u20111234567", "+49 170-1234567"),
        ("+49 1\u200b70 12\u200b345\u200b67", "+49 170 1234567"),
        ("+٤٩ ١٧٠ ١٢٣٤٥٦٧", "+49 170 1234567"),
        ("DE75\u202f5121\u202f0800\u202f1245\u202f1261\u202f99", "DE75 5121 0800 1245 1261 99"),
    ],
)
def test_hidden_or_spelled_out_it_is_found_at_its_place_in_the_original(written: str, plainly: str) -> None:
    (bare,) = hits(plainly)
    for before, after in (("", ""), ("Schönen Gruß – ", " 🙂 ok")):
        (hit,) = hits(before + written + after)
        assert (hit.kind, hit.form) == (bare.kind, bare.form)
        assert (hit.start, hit.end) == (len(before), len(before) + len(written))


def test_a_word_beside_a_number_decides_what_it_is() -> None:
    assert hits("the number 72120785178") == ()
    assert hits("PESEL 72120785178")[0].country == "PL"
    assert hits("72120785178 (PESEL)")[0].country == "PL"
    assert hits("Kreditkarte: 4929123456789007")[0].kind == "card"
    assert hits("order 4929123456789007") == ()
    assert hits("Steuer-ID 65929970489")[0].confidence > 0.9
    assert hits("no 65929970489") == ()
    assert hits("no 65929970489", Search(at_least={"national_id": 0.4}))[0].form == "Steuer-ID"


def test_private_and_public_machine_addresses_are_told_apart() -> None:
    assert hits("from 10.0.0.7") == ()
    (private,) = hits("from 192.168.178.21", Search(at_least={"ip": 0.2}))
    assert (private.form, private.example) == ("private", False)
    assert hits("at 93.184.216.34")[0].form == ""


def test_a_zone_of_a_passport_is_found_by_its_check_digits() -> None:
    lines = "P<D<<MUSTER<<ERIKA<<<<<<<<<<<<<<<<<<<<<<<<<<\nC01X00T478D<<6408125F2702283<<<<<<<<<<<<<<<4"
    (hit,) = hits(f"scan:\n{lines}\nend")
    assert (hit.kind, hit.country, hit.form) == ("passport", "DE", "MRZ")
    assert all(hit.form != "MRZ" for hit in hits(lines.replace("640812", "640813")))


def test_of_what_overlaps_the_surest_stays() -> None:
    text = "https://ann:Tr0ub4dor-3@db.host.org/x"
    assert [(hit.kind, text[hit.start : hit.end]) for hit in hits(text)] == [("secret", "Tr0ub4dor-3")]


def test_a_model_of_names_is_asked_and_settled_with_the_rest() -> None:
    text = "Anna Berg wrote."
    assert hits(text) == ()
    assert hits(text, names=[(0, 9)]) == (Hit("name", 0, 9, 0.9),)
    assert hits(text, names=[(-1, 4), (5, 99), (3, 3)]) == ()


def test_what_is_shown_of_a_hit_is_two_characters_and_of_a_secret_none() -> None:
    text = "mail max@posteo.de, key " + "ghp_" + "a1B2" * 9
    mail, key = hits(text)
    assert shown(mail, text) == "email at 5–18: ma…de"
    assert shown(key, text) == f"secret (GitHub token) at 24–{len(text)}"
    assert "posteo" not in repr((mail, key))


def test_a_number_at_home_and_abroad_is_the_same() -> None:
    assert {significant(one) for one in ("+49 (0)170 1234567", "0049 170 1234567", "0170/1234567")} == {"1701234567"}


def test_kinds_and_thresholds_are_checked() -> None:
    with pytest.raises(SettingsError, match="shoe_size"):
        Search(kinds=("shoe_size",))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="between 0 and 1"):
        Search(at_least={"email": 2})
    assert set(Search().kinds) == set(KINDS) - OPTIONAL
    assert hits("max@posteo.de", Search(kinds=("phone",))) == ()
