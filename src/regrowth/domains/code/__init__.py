"""Programs as answers: small Python functions, judged by running them in a sandbox.

CODE is one domain among the others (`regrowth.domains.DOMAINS["code"]`); its program needs an executor.
"""
