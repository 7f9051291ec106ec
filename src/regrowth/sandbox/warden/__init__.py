"""The process that keeps programs nobody trusts: it starts them, counts what they take, and ends them.

Standard library only, and no import of the rest of the house: this package runs by itself, in an interpreter without
site-packages, as `python -s -S warden/__main__.py` with a socket as its standard input.

    warden (this user)
    └ zygote            enclosed; warm Python; never sees what a job holds, only passes descriptors on
      └ keeper          one per job; reaps, ends everything, reports
        └ program       locked down, then runs
"""
