"""Attack one backend and print the verdicts as JSON lines.

python -m attacks landlock                   # or namespaces, guard; then names of attacks, all if none
"""

import json
import sys

from attacks.guard import Guard
from attacks.known import ATTACKS
from attacks.matrix import Arena
from regrowth.sandbox.ladder import sandbox
from regrowth.sandbox.languages import toolchain_paths


def main() -> None:
    """Attack."""
    kind, *names = sys.argv[1:]
    unknown = set(names) - {attack.name for attack in ATTACKS}
    if unknown:
        raise SystemExit(f"no such attack: {', '.join(unknown)}")
    with Arena(lambda: Guard() if kind == "guard" else sandbox(kind, paths=toolchain_paths())) as arena:
        for attack in ATTACKS:
            if not names or attack.name in names:
                print(json.dumps(arena.judge(attack).to_json()), flush=True)


if __name__ == "__main__":
    main()
