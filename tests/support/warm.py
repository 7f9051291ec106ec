"""Run the command line in forked children of one warm process, so that fifty kills do not cost fifty torch imports.

Reads lines of JSON arguments on its standard input; for each it forks a child that runs them, and prints the child's
process number at once and its exit status at the end.
"""

import json
import os
import sys

import torch  # noqa: F401 - what takes seconds to import

from regrowth.cli import main
from regrowth.recipes import rejection_sampling  # noqa: F401
from regrowth.training import fit  # noqa: F401


def child(arguments: list[str], log: str) -> None:
    """Run the command line in this process, its output in a file, and end."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os._exit(main(arguments))


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if number == 0:
            child(order["arguments"], order["log"])
        print(number, flush=True)
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
