"""Parts of `cft`: its world, verdicts, the persona, lessons and the guard."""
