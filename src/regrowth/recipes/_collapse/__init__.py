"""Worlds that are refitted on their own samples: data, fit, sample and risk of each, the arms, closed forms, blocks."""
