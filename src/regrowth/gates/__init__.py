"""A record in, the record or a refusal with a reason out."""
