"""Personal data and secrets in records: found, told without being shown, refused, masked or replaced. Offline.

    hits("IBAN DE75 5121 0800 1245 1261 99")      (Hit("iban", 5, 32, 0.98, "DE"),)
    no_personal_data()                            a gate: refuses with counts per kind
    masked()                                      a gate: "write to [EMAIL_1]"
    replaced()                                    a gate: "write to mia.muster7@example.org"
    counted(hits_in(record))                      {"email": 2, "phone": 1}

Patterns, check digits and the words beside a number; how often they are right is measured in docs/personal_data.md.
"""

from regrowth.gates.personal.acting import Found, counted, hits_in, masked, no_personal_data, replaced, told
from regrowth.gates.personal.hits import KINDS, Hit, Kind, shown
from regrowth.gates.personal.names import Names
from regrowth.gates.personal.scan import Search, hits

__all__ = [
    "KINDS",
    "Found",
    "Hit",
    "Kind",
    "Names",
    "Search",
    "counted",
    "hits",
    "hits_in",
    "masked",
    "no_personal_data",
    "replaced",
    "shown",
    "told",
]
