"""Which Python the wardens of a tier run in, and what stands in the way of a tier."""

import functools
import os
import platform
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

from regrowth.core.errors import NoIsolation

__all__ = ["interpreter", "own_interpreter", "readable_by_all", "remedy"]

ELSEWHERE = ("/usr/bin/python3", "/usr/local/bin/python3")
OLDEST = (3, 10)
NAMESPACES = "/proc/sys/user/max_user_namespaces"
CLONE = "/proc/sys/kernel/unprivileged_userns_clone"
APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"


def readable_by_all(path: Path) -> bool:
    """Return whether a user whom nothing belongs to can reach a folder."""
    try:
        return all(one.stat().st_mode & stat.S_IXOTH for one in (path.resolve(), *path.resolve().parents))
    except OSError:
        return False


def own_interpreter() -> str:
    """Return the path of the Python that runs this program, outside of any virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def interpreter(tier: int) -> tuple[str, str]:
    """Return the path and the version of the Python for a tier.

    It is the one that runs this program. Without a root of its own (tier 1), root gives up its rights and becomes a
    stranger; where a stranger cannot read this Python, the system's is taken.

    Raises:
        NoIsolation: there is none.
    """
    own = own_interpreter()
    if tier != 1 or os.getuid() != 0 or readable_by_all(Path(sysconfig.get_path("stdlib"))):
        return own, platform.python_version()
    for path in ELSEWHERE:
        version = _version(path)
        if version and tuple(int(part) for part in version.split(".")[:2]) >= OLDEST:
            return path, version
    raise NoIsolation(
        f"This Python, {sys.base_prefix}, can be read by root only, so no program without rights can run in it, and "
        f"there is no Python {OLDEST[0]}.{OLDEST[1]} or newer at {' or '.join(ELSEWHERE)}. "
        "Run as an ordinary user, or install one: apt-get install python3"
    )


@functools.cache
def _version(path: str) -> str:
    program = "import sys, ctypes, json; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        done = subprocess.run(  # noqa: S603
            [path, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=20, check=False, env={}
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def remedy(tier: int, reason: str) -> str:
    """Return what a person can do so that a tier holds here.

    Args:
        tier: the one that does not hold.
        reason: what went wrong, as the kernel said it.
    """
    if sys.platform != "linux":
        return "Run on Linux, or in a Linux virtual machine: WSL 2, Lima, Multipass."
    return _for_namespaces() if tier == 2 else _for_landlock(reason)


def _for_namespaces() -> str:
    if _says(APPARMOR, "1"):
        python = Path(own_interpreter()).resolve()
        return (
            "AppArmor forbids user namespaces here (Ubuntu 23.10 and newer). Allow them for this Python: "
            f"printf 'abi <abi/4.0>,\\nprofile regrowth {python} flags=(unconfined) {{ userns, }}\\n' "
            "| sudo tee /etc/apparmor.d/regrowth && sudo apparmor_parser -r /etc/apparmor.d/regrowth; "
            "or for all: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _says(CLONE, "0"):
        return "User namespaces are switched off: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _says(NAMESPACES, "0"):
        return "User namespaces are switched off: sudo sysctl -w user.max_user_namespaces=15000"
    if _in_a_container():
        return (
            "This is a container that may not make namespaces. Start it with: docker run "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined --cap-add SYS_ADMIN …"
        )
    return "A kernel of Linux 5.12 or newer with user namespaces is needed (CONFIG_USER_NS)."


def _for_landlock(reason: str) -> str:
    if "ABI" in reason:
        return (
            "Linux 6.12 or newer with Landlock is needed; if the kernel is new enough, add landlock to the list "
            "lsm= on its command line (cat /sys/kernel/security/lsm)."
        )
    if _in_a_container():
        return "This container forbids Landlock: docker run --security-opt seccomp=unconfined …"
    return "See the reason; tier 2 needs no Landlock."


def _says(path: str, value: str) -> bool:
    try:
        return Path(path).read_text("ascii").strip() == value
    except OSError:
        return False


def _in_a_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "container" in os.environ
