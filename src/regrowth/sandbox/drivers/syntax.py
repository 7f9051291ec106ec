"""Say whether `candidate.py` compiles: `candidate.py:3: SyntaxError: '(' was never closed`, or nothing."""

import sys
import warnings
from pathlib import Path


def main() -> int:
    """Compile the candidate, print what the compiler has against it, and return the exit code."""
    warnings.simplefilter("ignore")
    try:
        compile(Path("candidate.py").read_bytes(), "candidate.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        found, line = f"{type(error).__name__}: {error.msg}", error.lineno or 0
    except (ValueError, RecursionError, MemoryError) as error:
        found, line = f"{type(error).__name__}: {error}", 0
    else:
        return 0
    sys.stdout.write(f"candidate.py:{line}: {found}\n".encode("ascii", "backslashreplace").decode())
    return 1


if __name__ == "__main__":
    sys.exit(main())
