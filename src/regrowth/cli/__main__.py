"""Run the command line as a module."""

import sys

from regrowth.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
