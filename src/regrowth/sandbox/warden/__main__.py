"""Start a warden where the package regrowth cannot be imported."""

import importlib
import os
import sys

if __name__ == "__main__":
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    office = importlib.import_module("warden.office")
    del sys.path[0]
    office.main()
