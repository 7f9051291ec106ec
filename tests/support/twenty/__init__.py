"""Twenty small functions; beside this file the same in other languages. A test calls them all and compares."""

__all__ = ["INPUTS"]

NASTY = ["plain", "", "Zoë 😀 日本", "q\"uo'te`", "a\\b$HOME${x}#{y}%d@z\\", 'two\nlines\tand tab?"??/', "\x01\x7f"]

INPUTS: dict[str, list[list[object]]] = {
    "add": [[1, 2], [-5, 3], [2**40, 1], [0, 0]],
    "negate": [[1.5], [-2.25], [0.1], [1e20], [3.0]],
    "is_even": [[4], [7], [-3], [0]],
    "greet": [["Ann"], ["Zoë 😀"], ["$x"]],
    "echo": [[text] for text in NASTY],
    "repeated": [["ab", 3], ["é", 2], ["x", 0]],
    "doubled": [[[1, 2, 3]], [[]], [[-7]]],
    "total": [[[0.5, 0.25]], [[1.5]], [[]], [[-1.0, 3.0]]],
    "numbered": [[0], [1], [3]],
    "flatten": [[[[1, 2], [3]]], [[[5]]], [[[]]]],
    "chunks": [[[1, 2, 3, 4, 5], 2], [[1], 3], [[7, 8], 1]],
    "counts": [[["a", "b", "a"]], [["z"]]],
    "lookup": [[{"a": 1, "b": 2}, "b"], [{"a": 1}, "x"], [{"": 5, "k k": 7}, "k k"]],
    "first": [[[3, 4]], [[]], [[-1]]],
    "after": [[4], [None], [-1]],
    "divided": [[7, 2], [9, 3]],
    "squares": [[3], [1]],
    "inverted": [[[True, False]], [[False]], [[]]],
    "half": [[3], [4], [-1]],
    "no_entries": [[1]],
}


def add(a: int, b: int) -> int:
    return a + b


def negate(x: float) -> float:
    return -x


def is_even(n: int) -> bool:
    return n % 2 == 0


def greet(name: str) -> str:
    return "Hello, " + name + "!"


def echo(text: str) -> str:
    return text


def repeated(text: str, n: int) -> str:
    return text * n


def doubled(xs: list[int]) -> list[int]:
    return [2 * x for x in xs]


def total(xs: list[float]) -> float:
    return float(sum(xs))


def numbered(n: int) -> list[str]:
    return [f"w{at}" for at in range(n)]


def flatten(rows: list[list[int]]) -> list[int]:
    return [x for row in rows for x in row]


def chunks(xs: list[int], n: int) -> list[list[int]]:
    return [xs[at : at + n] for at in range(0, len(xs), n)]


def counts(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in words}


def lookup(table: dict[str, int], key: str) -> int | None:
    return table.get(key)


def first(xs: list[int]) -> int | None:
    return xs[0] if xs else None


def after(n: int | None) -> int:
    return 0 if n is None else n + 1


def divided(a: int, b: int) -> tuple[int, int]:
    return divmod(a, b)


def squares(n: int) -> dict[int, int]:
    return {at: at * at for at in range(1, n + 1)}


def inverted(flags: list[bool]) -> list[bool]:
    return [not flag for flag in flags]


def half(n: int) -> float:
    return n / 2


def no_entries(n: int) -> dict[str, int]:
    return {}
