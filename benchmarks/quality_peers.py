"""Languages by two libraries, in an interpreter that has them: texts on standard input, answers on standard output."""

import json
import sys
import time


def py3langid() -> object:
    """Return a function from a text to a code."""
    from py3langid import langid

    reader = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return lambda text: str(reader.classify(text)[0])


def lingua() -> object:
    """Return a function from a text to a code."""
    from lingua import LanguageDetectorBuilder

    reader = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def code(text: str) -> str:
        found = reader.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else "und"

    return code


if __name__ == "__main__":
    given = json.load(sys.stdin)
    told = {}
    for make in (py3langid, lingua):
        try:
            tell = make()
        except ImportError as error:
            print(f"{make.__name__}: left out ({error})", file=sys.stderr)
            continue
        started = time.process_time()
        answers = [[tell(text) for text in some] for some in given]  # type: ignore[operator]
        told[make.__name__] = {"answers": answers, "seconds": time.process_time() - started}
    json.dump(told, sys.stdout)
