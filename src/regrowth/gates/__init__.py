"""A record in, the record or a refusal with a reason out.

A gate is a function: it returns the record, perhaps with a score, or raises `Rejected(gate, reason)`. Gates that have
settings are made by a function of the same name; all others are gates as they stand:

    gates=[not_empty, no_refusal, length(at_most=2000), exact_answer()]

Gates that need a judge are given a `Model`; they know no kind of model themselves.
"""

from regrowth.gates.answers import exact_answer, final_answer, final_number
from regrowth.gates.form import matches, no_refusal, not_empty, not_repetitive, refusal, repetition, valid_json
from regrowth.gates.graded import graded, parse_score
from regrowth.gates.length import length, not_cut
from regrowth.gates.tools import Call, Tool, execute, executed_call, parse_call

__all__ = [
    "Call",
    "Tool",
    "exact_answer",
    "execute",
    "executed_call",
    "final_answer",
    "final_number",
    "graded",
    "length",
    "matches",
    "no_refusal",
    "not_cut",
    "not_empty",
    "not_repetitive",
    "parse_call",
    "parse_score",
    "refusal",
    "repetition",
    "valid_json",
]
