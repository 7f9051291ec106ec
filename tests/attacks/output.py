"""Saying too much, or in a way that hurts whoever listens."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import ended, python

__all__ = ["OUTPUT"]

FLOOD = "block = b'x' * (1 << 20)\nfor _ in range(1024): os.write({}, block)\n"

OUTPUT = (
    python("a gigabyte of output", "output", FLOOD.format(1), ended("output")),
    python("a gigabyte of errors", "output", FLOOD.format(2), ended("output")),
    python(
        "both at once",
        "output",
        "if os.fork() == 0:\n    "
        + FLOOD.format(2).replace("\nfor", "\n    for")
        + "\n    os._exit(0)\n"
        + FLOOD.format(1),
        ended("output"),
    ),
    python(
        "many small pieces",
        "output",
        "for _ in range(3_000_000): os.write(1, b'x\\n')",
        ended("output", "timeout", "cpu"),
    ),
    python(
        "many writers",
        "output",
        "for _ in range(4): os.fork()\nfor _ in range(200): os.write(1, b'x' * 4096); os.write(2, b'y' * 4096)",
        ended("output", "ok"),
    ),
    python(
        "no line, no letter",
        "output",
        "os.write(1, bytes(range(256)) * 100 + b'\\0' * 9000 + b'\\xff' * 9000); os.write(2, b'\\r\\x1b[2J\\x1b]0;x\\7' * 50)",
        ended("ok"),
    ),
    python("it never reads its input", "output", "time.sleep(0.2); print('done')", ended("ok"), stdin="x" * (1 << 20)),
    python(
        "it closes its input",
        "output",
        "os.close(0); time.sleep(0.2); print('done')",
        ended("ok"),
        stdin="x" * (1 << 20),
    ),
    python(
        "an input that does not end",
        "output",
        "size = 0\nwhile block := os.read(0, 1 << 16): size += len(block)\nprint(size)",
        lambda seen: "" if seen.text.strip() == str(1 << 20) else f"said {seen.text[:40]!r}",
        stdin="x" * (1 << 20),
    ),
    python(
        "reading its own output",
        "output",
        """
import fcntl
for number in (1, 2):
    os.write(number, b"mine")
    tried(lambda: os.set_blocking(number, False), lambda: os.read(number, 100), lambda: os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK),
          lambda: fcntl.fcntl(number, 1031, 4096))
""",
    ),
    python(
        "output that never flows",
        "output",
        """
# the reader's end: a writer that fills the pipe and stays
import fcntl
for number in (1, 2): tried(lambda: fcntl.fcntl(number, 1031, 1 << 20))
if os.fork() == 0: os.setsid(); os.write(1, b"x" * (1 << 26)); os._exit(0)
time.sleep(0.1)
""",
    ),
)
