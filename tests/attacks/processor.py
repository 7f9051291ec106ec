"""Too much time: of the processor, or by the clock. All end by themselves after some seconds."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import LIMITS, Attack, ended, python
from regrowth.core.protocols import Limits

__all__ = ["PROCESSOR"]

BUSY = "until = time.monotonic() + 9\nwhile time.monotonic() < until: pass\n"
LONG = Limits(cpu=0.8, wall=3.0, memory=LIMITS.memory, processes=LIMITS.processes)

PROCESSOR = (
    python("endless loop", "time", BUSY, ended("cpu", "timeout")),
    python(
        "deaf to every signal",
        "time",
        """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(9)
""",
        ended("timeout"),
    ),
    python(
        "deaf to the signal of the limit",
        "time",
        "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n" + BUSY,
        ended("cpu", "timeout"),
    ),
    python(
        "many busy processes",
        "time",
        "for _ in range(7):\n    try: os.fork()\n    except OSError: pass\n" + BUSY,
        ended("cpu", "timeout", "memory"),
        limits=LONG,
    ),
    python(
        "one after another",
        "time",
        # each child stays below a limit that counts by process
        """
until = time.monotonic() + 9
while time.monotonic() < until:
    child = os.fork()
    if child == 0:
        start = time.process_time()
        while time.process_time() - start < 0.4: pass
        os._exit(0)
    os.waitpid(child, 0)
""",
        ended("cpu", "timeout"),
        limits=LONG,
    ),
    python(
        "nobody waits for the busy ones",
        "time",
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
until = time.monotonic() + 9
while time.monotonic() < until:
    try:
        if os.fork() == 0:
            os.setsid()
            start = time.process_time()
            while time.process_time() - start < 0.2: pass
            os._exit(0)
    except OSError: pass
    time.sleep(0.1)
""",
        ended("cpu", "timeout"),
        limits=LONG,
    ),
    python(
        "busy, and never counted",
        "time",
        # the kernel forgets the time of a child that its parent does not want to hear of
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def burn():
    until = time.monotonic() + 9
    while time.monotonic() < until:
        if os.fork() == 0:
            start = time.process_time()
            while time.process_time() - start < 0.1: pass
            os._exit(0)
        try: os.waitpid(-1, 0)
        except ChildProcessError: pass
if os.fork(): burn()
else: burn()
""",
        ended("cpu", "timeout"),
        limits=LONG,
    ),
    python(
        "busy in pieces too small to count",
        "time",
        # less than a tick of the clock that /proc counts in: a control group sees it, else the clock ends it
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
until = time.monotonic() + 9
def burn():
    start = time.process_time()
    while time.process_time() - start < 0.006: pass
while time.monotonic() < until:
    if os.fork() == 0: burn(); os._exit(0)
    try: os.waitpid(-1, 0)
    except ChildProcessError: pass
""",
        ended("cpu", "timeout"),
        limits=LONG,
    ),
    python("busy threads in C", "time", "import re\nre.match('(a+)+$', 'a' * 32 + 'b')", ended("cpu", "timeout")),
    python("a number too large", "time", "n = 7 ** (7 ** 9)", ended("cpu", "timeout", "memory", "nonzero")),
    python("stops itself", "time", "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(9)", ended("timeout")),
    python(
        "stops its children and waits for them",
        "time",
        "child = os.fork()\nif child == 0: os.kill(os.getpid(), signal.SIGSTOP); time.sleep(9); os._exit(0)\nos.waitpid(child, 0)",
        ended("timeout"),
    ),
    python("closes everything and sleeps", "time", "os.closerange(0, 256); time.sleep(9)", ended("timeout")),
    python("waits for input that never comes", "time", "r, w = os.pipe()\nos.read(r, 1)", ended("timeout")),
    Attack(
        "sleeping shell",
        "time",
        "trap '' TERM INT HUP QUIT\nsleep 9 & sleep 9\nwait\n",
        ended("timeout"),
        language="sh",
    ),
    python(
        "higher priority",
        "time",
        """
mark()
tried(lambda: os.nice(-10), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
      lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)), lambda: kernel(251, 1, 0, (1 << 13) | 0),
      lambda: kernel(314, 0, struct.pack("IIQiIQQQ", 48, 6, 0, 0, 0, 10**7, 10**7, 10**7), 0))
hold()
""",
        lambda seen: "took a higher priority" if any(facts.privileged for facts in seen.watch.marked) else "",
    ),
)
