"""Check digits and built-in dates of the numbers that states give out, a function each.

    german_tax("65929970489")    True
    pesel("44051401359")         True: a birth date and a check digit

Each function takes letters in capitals and digits only. The sources are the rules that the offices publish; every
function is tested on published numbers and on one-digit errors.
"""

from collections import Counter
from collections.abc import Sequence

from regrowth.gates.personal.digits import LETTERS, date_at, iso_11_10, luhn, mrz_digit, verhoeff, weighted


def _six(ymd: str) -> bool:
    return date_at(ymd[4:6], ymd[2:4], ymd[:2])


def german_tax(number: str) -> bool:
    """Check a Steuer-ID: one of the first ten digits twice or thrice, none else again; ISO 7064 MOD 11,10."""
    counts = sorted(Counter(number[:10]).values())
    return counts[-1] in (2, 3) and (len(counts) < 2 or counts[-2] == 1) and iso_11_10(number)


def _cross(digits: str, weights: Sequence[int]) -> int:
    return sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(digits, weights, strict=True)) % 10


def german_pension(number: str) -> bool:
    """Check a Rentenversicherungsnummer: area, birth date, letter of the birth name, serial, check digit."""
    spelled = f"{number[:8]}{LETTERS[number[8]] - 9:02}{number[9:11]}"
    day = int(number[2:4])
    born = date_at(f"{day - 50 if day > 50 else day:02}", number[4:6], number[6:8])
    return born and _cross(spelled, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)) == int(number[11])


def german_health(number: str) -> bool:
    """Check a Krankenversichertennummer: a letter as two digits, eight digits, check digit."""
    spelled = f"{LETTERS[number[0]] - 9:02}{number[1:9]}"
    return _cross(spelled, (1, 2) * 5) == int(number[9])


def german_card(number: str) -> bool:
    """Check the number of a German identity card or passport, check digit included."""
    return any(character.isdigit() for character in number[:9]) and mrz_digit(number[:9]) == number[9]


def ssn(number: str) -> bool:
    """Check a US social security number: areas, groups, serials that are given out, or 9xx-00…49, which never are."""
    given = number[:3] not in ("000", "666") and number[3:5] != "00" and number[5:] != "0000"
    return given and (number[0] != "9" or number[3] < "5")


def itin(number: str) -> bool:
    """Check a US individual taxpayer number: 9xx, groups 50-65, 70-88, 90-92, 94-99."""
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or group in (90, 91, 92) or group >= 94)


def nino(number: str) -> bool:
    """Check a UK national insurance number by its prefix; QQ is the office's own example."""
    return number[:2] == "QQ" or not (
        set(number[:2]) & set("DFIQUV") or number[1] == "O" or number[:2] in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")
    )


def nhs(number: str) -> bool:
    """Check a UK NHS number: weights 10 to 2, modulo 11."""
    return len(set(number)) > 1 and 11 - weighted(number, range(10, 1, -1)) % 11 == (int(number[9]) or 11)


def nir(number: str) -> bool:
    """Check a French NIR with its key: 97 less the remainder; Corsica's 2A and 2B are 19 and 18."""
    digits = number.replace("2A", "19").replace("2B", "18")
    if not digits.isdigit() or not ("01" <= number[3:5] <= "12" or "20" <= number[3:5] <= "42" or number[3] > "4"):
        return False
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def dni(number: str) -> bool:
    """Check a Spanish DNI or NIE by its letter."""
    digits = "XYZ".find(number[0])
    value = int((str(digits) if digits >= 0 else number[0]) + number[1:8])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23] == number[8]


_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def codice_fiscale(number: str) -> bool:
    """Check an Italian codice fiscale, omocodia included."""
    places = [int(character) if character.isdigit() else LETTERS[character] - 10 for character in number]
    total = sum(_ODD[value] for value in places[:15:2]) + sum(places[1:15:2])
    return total % 26 == places[15]


def pesel(number: str) -> bool:
    """Check a Polish PESEL: a birth date (century in the month) and weights 1, 3, 7, 9."""
    return date_at(number[4:6], f"{int(number[2:4]) % 20:02}", number[:2]) and not (
        weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10
    )


def bsn(number: str) -> bool:
    """Check a Dutch BSN: weights 9 to 2 and -1, modulo 11."""
    return number.strip("0") != "" and weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def belgian(number: str) -> bool:
    """Check a Belgian national number: 97 less the remainder, with a 2 in front for births since 2000."""
    keys = (97 - int(century + number[:9]) % 97 for century in ("", "2"))
    return 1 <= int(number[2:4]) <= 12 and int(number[4:6]) <= 31 and int(number[9:]) in keys


def personnummer(number: str) -> bool:
    """Check a Swedish personnummer of ten or twelve digits: a date (day + 60 for coordination numbers), Luhn."""
    ten = number[-10:]
    return date_at(f"{int(ten[4:6]) % 60:02}", ten[2:4], number[:-8]) and luhn(ten)


def nif(number: str) -> bool:
    """Check a Portuguese NIF: weights 9 to 2, modulo 11."""
    rest = weighted(number, range(9, 1, -1)) % 11
    return (0 if rest < 2 else 11 - rest) == int(number[8])


def _elevens(digits: str, weights: Sequence[int]) -> str:
    rest = weighted(digits, weights) % 11
    return str(0 if rest < 2 else 11 - rest)


def cpf(number: str) -> bool:
    """Check a Brazilian CPF: two check digits modulo 11."""
    first = _elevens(number, range(10, 1, -1))
    return len(set(number)) > 1 and first + _elevens(number[:9] + first, range(11, 1, -1)) == number[9:]


def cnpj(number: str) -> bool:
    """Check a Brazilian CNPJ: two check digits modulo 11."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = _elevens(number[:12], weights[1:])
    return len(set(number)) > 1 and first + _elevens(number[:12] + first, weights) == number[12:]


def aadhaar(number: str) -> bool:
    """Check an Indian Aadhaar number: twelve digits, Verhoeff; those that begin with 0 or 1 are given to nobody."""
    return len(set(number)) > 2 and verhoeff(number)


def pan(number: str) -> bool:
    """Check an Indian PAN: the fourth letter is the kind of holder (there is no public check letter)."""
    return number[3] in "ABCFGHJKLPT" and number[5:9] != "0000"


_PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 91"


def resident(number: str) -> bool:
    """Check a Chinese resident number: province, birth date, ISO 7064 MOD 11-2."""
    total = weighted(number[:17], [pow(2, 17 - place, 11) for place in range(17)])
    right = "10X98765432"[total % 11] == number[17]
    return right and number[:2] in _PROVINCES.split() and date_at(number[12:14], number[10:12], number[6:10])


def japanese(number: str) -> bool:
    """Check a Japanese My Number: weights 6 to 2 and 7 to 2, modulo 11."""
    return len(set(number)) > 1 and _elevens(number[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) == number[11]


def korean(number: str) -> bool:
    """Check a Korean RRN: birth date, century and sex, check digit (which those given since 2020 may lack)."""
    total = weighted(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return _six(number[:6]) and number[6] in "12345678" and (11 - total % 11) % 10 == int(number[12])


_CURP = "0123456789ABCDEFGHIJKLMN?OPQRSTUVWXYZ"


def curp(number: str) -> bool:
    """Check a Mexican CURP: birth date and check digit over 37 characters."""
    total = sum(_CURP.index(character) * (18 - place) for place, character in enumerate(number[:17]))
    return _six(number[4:10]) and number[17].isdigit() and -total % 10 == int(number[17])


def tfn(number: str) -> bool:
    """Check an Australian tax file number: weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulo 11."""
    return len(set(number)) > 1 and weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(number: str) -> bool:
    """Check an Australian Medicare number: weights 1, 3, 7, 9, modulo 10."""
    return number[0] in "23456" and weighted(number[:8], (1, 3, 7, 9) * 2) % 10 == int(number[8])


def ahv(number: str) -> bool:
    """Check a Swiss AHV number: 756, EAN-13."""
    return number[:3] == "756" and weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def austrian(number: str) -> bool:
    """Check an Austrian social security number: serial, check digit, birth date."""
    total = weighted(number[:3] + number[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
    return number[0] != "0" and total == int(number[3]) and date_at(number[4:6], number[6:8], number[8:])


def norwegian(number: str) -> bool:
    """Check a Norwegian birth number: date and two check digits modulo 11."""
    first = weighted(number[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    day = f"{int(number[:2]) % 40:02}"
    return first % 11 == 0 and second % 11 == 0 and date_at(day, number[2:4], number[4:6])


def finnish(number: str) -> bool:
    """Check a Finnish personal identity code: date, serial, character modulo 31."""
    digits = number[:6] + number[-4:-1]
    return date_at(number[:2], number[2:4], number[4:6]) and (
        "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == number[-1]
    )


def tckn(number: str) -> bool:
    """Check a Turkish identity number: two check digits modulo 10."""
    odd, even = sum(map(int, number[0:9:2])), sum(map(int, number[1:8:2]))
    tenth = (odd * 7 - even) % 10
    return number[0] != "0" and tenth == int(number[9]) and (odd + even + tenth) % 10 == int(number[10])


def snils(number: str) -> bool:
    """Check a Russian SNILS: weights 9 to 1, modulo 101."""
    return len(set(number)) > 1 and weighted(number[:9], range(9, 0, -1)) % 101 % 100 == int(number[9:])


def south_african(number: str) -> bool:
    """Check a South African identity number: birth date, citizenship, Luhn."""
    return _six(number[:6]) and number[10] in "01" and luhn(number)
