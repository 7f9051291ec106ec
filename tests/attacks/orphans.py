"""Staying behind: processes that try to outlive the program that started them."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Attack, ended, python

__all__ = ["ORPHANS"]

ORPHANS = (
    python(
        "a daemon",
        "orphans",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        mark(); os.closerange(0, 64); time.sleep(8)
    os._exit(0)
time.sleep(0.1)
""",
    ),
    python(
        "a daemon that holds the output",
        "orphans",
        """
if os.fork() == 0:
    os.setsid(); mark()
    for number in range(1, 32):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    time.sleep(8)
print("over")
""",
        lambda seen: "waited for the daemon" if seen.elapsed > 2 else "",
    ),
    python(
        "a daemon that goes on writing",
        "orphans",
        """
if os.fork() == 0:
    os.setsid(); mark(); until = time.monotonic() + 6
    while time.monotonic() < until:
        try: os.write(1, b"still here\\n")
        except OSError: pass
        time.sleep(0.01)
    os._exit(0)
print("over"); sys.stdout.flush(); os._exit(0)
""",
        lambda seen: "waited for the daemon" if seen.elapsed > 2 else "",
    ),
    python(
        "another program takes over",
        "orphans",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execv("/bin/sleep", [MARK, "8"])
    os._exit(0)
time.sleep(0.2)
""",
    ),
    python(
        "a chain that never holds still",
        "orphans",
        """
# each is gone before anybody can end it, and has a child by then
mark(); sys.stdout.flush(); until = time.monotonic() + 4
if os.fork() == 0:
    os.setsid()
    while time.monotonic() < until:
        try:
            if os.fork(): os._exit(0)
        except OSError: pass
    os._exit(0)
os._exit(0)
""",
    ),
    Attack(
        "a compiled chain",
        "orphans",
        """
#include <unistd.h>
#include <sys/prctl.h>
#include <time.h>
int main() {
    prctl(PR_SET_NAME, "@MARK@");
    time_t until = time(0) + 4;
    if (fork()) return 0;
    setsid();
    while (time(0) < until) if (fork() > 0) _exit(0);
}
""",
        language="c",
    ),
    Attack(
        "many compiled chains",
        "orphans",
        """
#include <unistd.h>
#include <sys/prctl.h>
#include <time.h>
int main() {
    prctl(PR_SET_NAME, "@MARK@");
    time_t until = time(0) + 4;
    for (int i = 0; i < 12; i++) if (fork() == 0) { setsid(); while (time(0) < until) if (fork() > 0) _exit(0); _exit(0); }
    return 0;
}
""",
        language="c",
    ),
    python(
        "a child of somebody else",
        "orphans",
        """
# CLONE_PARENT: the new process belongs to whoever waits for this one
for _ in range(3):
    if kernel(56, 0x8000 | 17, 0, 0, 0, 0) == 0: mark(); libc.sleep(8); libc._exit(0)
""",
    ),
    python(
        "adopting its own orphans",
        "orphans",
        """
libc.prctl(36, 1, 0, 0, 0)
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: mark(); libc.prctl(1, 0, 0, 0, 0); time.sleep(8)
        os._exit(0)
time.sleep(0.1)
""",
    ),
    python(
        "the main thread leaves, others stay",
        "orphans",
        """
threading.Thread(target=lambda: (mark(), time.sleep(8))).start()
sys.stdout.flush(); kernel(60, 0)
""",
        ended("timeout"),
    ),
    python(
        "not to be looked at",
        "orphans",
        """
libc.prctl(4, 0, 0, 0, 0)
if os.fork() == 0:
    os.setsid(); mark(); libc.prctl(4, 0, 0, 0, 0); time.sleep(8)
""",
    ),
    python(
        "suspended for good",
        "orphans",
        """
if os.fork() == 0:
    os.setsid(); mark(); os.kill(os.getpid(), signal.SIGSTOP); time.sleep(8); os._exit(0)
time.sleep(0.1)
""",
    ),
    python(
        "between starting and ending",
        "orphans",
        """
# forks in the very moment of the end: an exit handler, a thread, and the last line
import atexit
def stay():
    if os.fork() == 0: os.setsid(); mark(); time.sleep(8)
atexit.register(stay)
threading.Thread(target=lambda: [stay() for _ in range(4)], daemon=True).start()
""",
    ),
)
