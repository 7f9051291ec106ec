"""A record in, the record or a refusal with a reason out.

A gate is a function: it returns the record, perhaps with a score, or raises `Rejected(gate, reason)`. Gates that have
settings are made by a function of the same name; all others are gates as they stand:

    gates=[not_empty, no_refusal, length(at_most=2000), exact_answer()]

Gates that need a judge are given a `Model`; they know no kind of model themselves.
"""

from regrowth.gates.answers import exact_answer, final_answer, final_number
from regrowth.gates.form import matches, no_refusal, not_empty, not_repetitive, refusal, repetition, valid_json
from regrowth.gates.garbled import not_garbled
from regrowth.gates.graded import graded, parse_score
from regrowth.gates.injection import no_orders
from regrowth.gates.language import in_language
from regrowth.gates.length import length, not_cut
from regrowth.gates.personal import masked, no_personal_data, replaced
from regrowth.gates.principled import principled
from regrowth.gates.refusals import fitting, not_refused
from regrowth.gates.taint import untainted
from regrowth.gates.tools import Call, Tool, execute, executed_call, parse_call
from regrowth.gates.turns import well_formed

__all__ = [
    "Call",
    "Tool",
    "exact_answer",
    "execute",
    "executed_call",
    "final_answer",
    "final_number",
    "fitting",
    "graded",
    "in_language",
    "length",
    "masked",
    "matches",
    "no_orders",
    "no_personal_data",
    "no_refusal",
    "not_cut",
    "not_empty",
    "not_garbled",
    "not_refused",
    "not_repetitive",
    "parse_call",
    "parse_score",
    "principled",
    "refusal",
    "repetition",
    "replaced",
    "untainted",
    "valid_json",
    "well_formed",
]
