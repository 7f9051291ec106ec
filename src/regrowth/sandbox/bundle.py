"""What a gVisor sandbox is made of: one root for all, and per job an OCI bundle with the files handed in.

    {"process": {"args": ["/bin/sh", …], "user": {"uid": 1000, "gid": 1000}, …},
     "root": {"path": "/tmp/regrowth-gvisor-…/root", "readonly": true},
     "mounts": [{"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}, …], …}

Nothing of the host can be written to: the folders that a program may write to are in the sandbox's own memory.
Source: the OCI runtime specification, config.md and config-linux.md.
"""

import contextlib
import errno
import os
import platform
import shutil
import stat
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regrowth.core.protocols import Limits
from regrowth.sandbox.warden import seccomp
from regrowth.sandbox.warden.root import MADE, SETTINGS, SYSTEM, USER, covered, interpreter_paths

__all__ = ["bundle", "furnish", "write_files"]

MIB = 1 << 20
INSIDE = "/opt/regrowth"
"""An environment of our interpreter without any package."""
ENVIRONMENT = {
    "PATH": f"{INSIDE}/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/box",
    "TMPDIR": "/tmp",  # noqa: S108
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
WRITABLE = ("/box", "/tmp", "/dev/shm")  # noqa: S108
OPEN_FILES = 256
NEW_NAMESPACE = 0x7E02_0080
"""Flags of clone that make one, CLONE_NEWTIME too."""
MASKED = "SCMP_CMP_MASKED_EQ"


def bundle(words: Sequence[str], limits: Limits, root: str, mounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the OCI configuration of one sandbox."""
    bounds = {
        "CORE": 0,
        "FSIZE": limits.disk * MIB,
        "MEMLOCK": 0,
        "NOFILE": OPEN_FILES,
        "NPROC": limits.processes,
        "STACK": 8 * MIB,
    }
    kinds = ("bounding", "effective", "inheritable", "permitted", "ambient")
    memory = ["nosuid", "nodev", "mode=0700", f"uid={USER}", f"gid={USER}", f"size={limits.disk}m"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": USER, "gid": USER},
            "args": list(words),
            "env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
            "cwd": "/box",
            "noNewPrivileges": True,
            "capabilities": {kind: [] for kind in kinds},
            "rlimits": [{"type": f"RLIMIT_{name}", "hard": most, "soft": most} for name, most in bounds.items()],
        },
        "root": {"path": root, "readonly": True},
        "hostname": "sandbox",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            *mounts,
            *({"destination": path, "type": "tmpfs", "source": "tmpfs", "options": memory} for path in WRITABLE),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "seccomp": _forbidden(),
        },
    }


def _forbidden() -> dict[str, Any]:
    """Return the system calls that fail, as on the other tiers: a program is to end alike on all of them.

    `clone3` is left alone: older releases of gVisor lack it, and could not fail it with ENOSYS as C libraries expect.
    """
    fail = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    flags = [1 << bit for bit in range(32) if NEW_NAMESPACE & (1 << bit)]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64" if platform.machine() == "x86_64" else "SCMP_ARCH_AARCH64"],
        "syscalls": [
            {**fail, "names": list(seccomp.ALWAYS)},
            *(
                {**fail, "names": ["clone"], "args": [{"index": 0, "value": flag, "valueTwo": flag, "op": MASKED}]}
                for flag in flags
            ),
        ],
    }


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write what is handed in, for every user inside to read; the folder above is closed to those outside."""
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
    for path in (folder, *folder.rglob("*/")):
        path.chmod(0o755)


def furnish(root: Path, more: Sequence[str]) -> list[dict[str, Any]]:
    """Make the root and return what of the host is mounted there, read-only."""
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    paths = [*more, *interpreter_paths(executable, sysconfig.get_path("stdlib"), sys.base_prefix)]
    mounts = []
    for path in ("/proc", "/in", "/dev", "/etc", *WRITABLE):
        _folder(root, path)
    for path in covered([*SYSTEM, *SETTINGS, *paths]):
        source = Path(path)
        if path in SYSTEM and source.is_symlink():
            (root / path[1:]).symlink_to(source.readlink())
        elif path.startswith("/etc/"):
            _copy(source, _folder(root, str(source.parent)) / source.name)
        elif source.exists():
            _place_for(source, root)
            mounts.append({"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]})
    for path, text in MADE.items():
        _write(root / path[1:], text)
    _environment(_folder(root, INSIDE), executable)
    return mounts


def _folder(root: Path, path: str) -> Path:
    """Make a folder, and those above it, that everybody inside may enter, whatever the umask."""
    found = root
    for part in ("", *Path(path).parts[1:]):
        found = found / part
        if not found.is_dir():
            found.mkdir()
            found.chmod(0o755)
    return found


def _place_for(source: Path, root: Path) -> None:
    if source.is_dir():
        _folder(root, str(source))
    else:
        (_folder(root, str(source.parent)) / source.name).touch()


def _copy(source: Path, target: Path) -> None:
    """Copy settings, links as links; what may not be read is left out, and so are devices and pipes."""
    with contextlib.suppress(OSError):
        if source.is_symlink() or stat.S_ISREG(source.stat().st_mode):
            shutil.copy2(source, target, follow_symlinks=False)
        elif source.is_dir():
            shutil.copytree(source, target, symlinks=True)


def _environment(folder: Path, executable: str) -> None:
    """Make an environment, as venv does, in which `python` is our interpreter and no package is found."""
    for name in ("bin", "lib"):
        _folder(folder, f"/{name}")
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(executable)
    lines = f"home = {Path(executable).parent}\ninclude-system-site-packages = false\n"
    _write(folder / "pyvenv.cfg", lines)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="")
    path.chmod(0o644)
