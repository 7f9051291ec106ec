"""The system calls that a program has no business with, as a classic BPF program made by hand.

A deny list: what is on it fails with EPERM, what is newer than the list fails with ENOSYS, another architecture's
calls kill. Numbers are those of x86-64 and of the generic table (aarch64); `None` where an architecture lacks a call.
"""

import ctypes
import errno
import functools
import platform
import struct

from .kernel import call, set_no_new_privileges

__all__ = ["assemble", "forbid", "prepare"]

ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
NEWEST = 462
"""Higher numbers are calls that nobody here has looked at."""

ALWAYS: "dict[str, tuple[int | None, int | None]]" = {
    # Sockets: pairs are allowed, of the connected kinds.
    "socket": (41, 198), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    # Memory and messages that outlive a process, or that no limit counts.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191),
    "semtimedop": (220, 192), "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "vmsplice": (278, 75), "userfaultfd": (323, 282),
    # Looking into other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "perf_event_open": (298, 241),
    # Large surfaces of the kernel.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42), "io_setup": (206, 0), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    # Mounts and namespaces.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "statmount": (457, 457), "listmount": (458, 458), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # The machine itself.
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "create_module": (174, None),
    "get_kernel_syms": (177, None), "query_module": (178, None), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "vhangup": (153, 58), "uselib": (134, None), "ustat": (136, None),
    "sysfs": (139, None), "_sysctl": (156, None), "vserver": (236, None),
}  # fmt: skip

OWN_FILES: "dict[str, tuple[int | None, int | None]]" = {
    # Landlock has no rule for these: without a root of its own, a program could do them to every file of its user. They
    # do nothing and say that it was done, since honest programs (a copy, an unpacked archive) do not mind.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip

ONLY_ITSELF: "dict[str, tuple[int | None, int | None]]" = {
    # Their first argument names a process, and 0 is the caller: all others are none of its business.
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "setpriority": (141, 140), "ioprio_set": (251, 30),
}  # fmt: skip

CLONE, CLONE3, IOCTL, SOCKETPAIR, SENDTO = (56, 220), (435, 435), (16, 29), (53, 199), (44, 206)
PERSONALITY, FCNTL, PRCTL = (135, 92), (72, 25), (157, 167)
THREAD, FILES = 0x1_0000, 0x400
"""A thread with open files of its own would have them where nobody looks."""
MMAP, NOBODYS_MEMORY = (9, 222), 0x21
"""MAP_SHARED with MAP_ANONYMOUS: pages that stay when no process has them in its tables any more."""
SETRLIMIT, PRLIMIT, CORE = (160, 164), (302, 261), 4
"""Setting the limit on core dumps does nothing, and says that it was done."""
NEW_NAMESPACE_OR_PARENT = 0x7E02_0080 | 0x8000
TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: they type into a terminal."""
DATAGRAM = 2
SHARED_KINDS = 0xF
LARGER_PIPE, HIDE = 1031, 4
"""F_SETPIPE_SZ: memory that nobody counts. PR_SET_DUMPABLE: out of the monitor's sight."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, KILL, FAIL = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

Line = tuple[int, int, int, int]


def _argument(index: int, *, high: bool = False) -> Line:
    return (LOAD, 0, 0, FIRST_ARGUMENT + 8 * index + 4 * high)


def _fail(error: int = errno.EPERM) -> Line:
    return (RETURN, 0, 0, FAIL | error)


def _when(number: "int | None", body: "list[Line]") -> "list[Line]":
    """Run some lines for one system call; where they do not return, the next rules see the number again."""
    if number is None:
        return []
    return [(EQUAL, 0, len(body) + 1, number), *body, (LOAD, 0, 0, NUMBER)]


def assemble(machine: str, *, own_files: bool) -> bytes:
    """Return the BPF program of an architecture.

    Args:
        machine: as `platform.machine()` says it, x86_64 or aarch64.
        own_files: whether a program may change modes, owners and times of files.
    """
    column = list(ARCHITECTURES).index(machine)
    lines: list[Line] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, 0x4000_0000),
        (RETURN, 0, 0, KILL),
        (AT_LEAST, 0, 1, NEWEST + 1),
        _fail(errno.ENOSYS),
        (EQUAL, 0, 1, CLONE3[column]),
        _fail(errno.ENOSYS),
    ]
    lines += _when(CLONE[column], [_argument(0), (ANY_BIT, 0, 1, NEW_NAMESPACE_OR_PARENT), _fail()])
    lines += _when(CLONE[column], [_argument(0), (AND, 0, 0, THREAD | FILES), (EQUAL, 0, 1, THREAD), _fail()])
    shared = [_argument(3), (AND, 0, 0, NOBODYS_MEMORY), (EQUAL, 0, 1, NOBODYS_MEMORY), _fail(errno.ENOMEM)]
    lines += _when(MMAP[column], shared)
    lines += _when(IOCTL[column], [_argument(1), (EQUAL, 1, 0, TERMINAL[0]), (EQUAL, 0, 1, TERMINAL[1]), _fail()])
    lines += _when(SOCKETPAIR[column], [_argument(1), (AND, 0, 0, SHARED_KINDS), (EQUAL, 0, 1, DATAGRAM), _fail()])
    address = [_argument(4), (EQUAL, 0, 2, 0), _argument(4, high=True), (EQUAL, 1, 0, 0), _fail()]
    lines += _when(SENDTO[column], address)
    lines += _when(PERSONALITY[column], [_argument(0), (EQUAL, 2, 0, 0), (EQUAL, 1, 0, 0xFFFF_FFFF), _fail()])
    lines += _when(FCNTL[column], [_argument(1), (EQUAL, 0, 1, LARGER_PIPE), _fail()])
    lines += _when(PRCTL[column], [_argument(0), (EQUAL, 0, 1, HIDE), _fail()])
    lines += _when(SETRLIMIT[column], [_argument(0), (EQUAL, 0, 1, CORE), _fail(0)])
    asked = [_argument(2), (EQUAL, 0, 2, 0), _argument(2, high=True), (EQUAL, 1, 0, 0), _fail(0)]
    lines += _when(PRLIMIT[column], [_argument(1), (EQUAL, 0, len(asked), CORE), *asked])
    for name, numbers in ONLY_ITSELF.items():
        by_kind = name in {"setpriority", "ioprio_set"}
        kind = [_argument(0), (EQUAL, 1, 0, int(name == "ioprio_set")), _fail()] if by_kind else []
        lines += _when(numbers[column], [*kind, _argument(int(by_kind)), (EQUAL, 1, 0, 0), _fail()])
    for denied, error in ((ALWAYS, errno.EPERM), ({} if own_files else OWN_FILES, 0)):
        numbers_here = (numbers[column] for numbers in denied.values())
        for number in (number for number in numbers_here if number is not None):
            lines += [(EQUAL, 0, 1, number), _fail(error)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))


@functools.cache
def _assembled(*, own_files: bool) -> bytes:
    return assemble(platform.machine(), own_files=own_files)


def prepare() -> None:
    """Assemble what `forbid` needs once, for all processes that are forked from this one."""
    for own_files in (True, False):
        _assembled(own_files=own_files)


def forbid(*, own_files: bool) -> None:
    """Bind this process, and all that it starts, to the list; there is no way back."""
    code = _assembled(own_files=own_files)
    held = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    set_no_new_privileges()
    call("prctl", 22, ctypes.c_ulong(2), ctypes.byref(program), 0, 0)
