"""The BPF program, run line by line: no machine of either architecture is needed."""

import errno
import struct

import pytest

from regrowth.sandbox.warden.seccomp import ARCHITECTURES, assemble

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = FAIL | errno.EPERM, FAIL | errno.ENOSYS


def verdict(machine: str, number: int, *arguments: int, own_files: bool = True, arch: int | None = None) -> int:
    """Return what the program says of a system call: the classic BPF instructions that it uses, and no others."""
    code = assemble(machine, own_files=own_files)
    arch = ARCHITECTURES[machine] if arch is None else arch
    given = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, arch, 0, *(value & (1 << 64) - 1 for value in given))
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at = held = 0
    while True:
        operation, if_so, if_not, value = lines[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif operation == 0x54:
            held &= value
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[operation]
            at += if_so if holds else if_not


@pytest.mark.parametrize(("machine", "write", "socket", "clone"), [("x86_64", 1, 41, 56), ("aarch64", 64, 198, 220)])
def test_ordinary_calls_pass_and_dangerous_ones_do_not(machine: str, write: int, socket: int, clone: int) -> None:
    assert verdict(machine, write) == ALLOW
    assert verdict(machine, socket) == EPERM
    assert verdict(machine, clone, 17) == ALLOW
    assert verdict(machine, clone, 0x3D0F00) == ALLOW, "a thread"
    assert verdict(machine, clone, 0x10000000 | 17) == EPERM, "a user namespace"
    assert verdict(machine, clone, 0x8000 | 17) == EPERM, "a child of the keeper"
    assert verdict(machine, 435) == ENOSYS, "clone3: its flags cannot be read"
    assert verdict(machine, 425) == EPERM, "io_uring"
    assert verdict(machine, 463) == ENOSYS, "newer than the list"


def test_other_architectures_kill() -> None:
    assert verdict("x86_64", 1, arch=0x40000003) == KILL, "32-bit calls have other numbers"
    assert verdict("x86_64", 0x40000001) == KILL, "x32"


@pytest.mark.parametrize(
    ("number", "arguments", "said"),
    [
        (53, (1, 1), ALLOW),  # socketpair of streams
        (53, (1, 2), EPERM),  # of datagrams: they can be sent to anybody
        (53, (1, 2 | 0o2000000), EPERM),
        (44, (3, 0, 1, 0, 0), ALLOW),  # send
        (44, (3, 0, 1, 0, 0x7FFF_1234), EPERM),  # sendto an address
        (44, (3, 0, 1, 0, 1 << 32), EPERM),
        (16, (0, 0x5401), ALLOW),
        (16, (0, 0x5412), EPERM),  # types into a terminal
        (302, (0,), ALLOW),  # prlimit of itself
        (302, (1234,), EPERM),
        (141, (0, 0), ALLOW),  # nice
        (141, (2, 0), EPERM),  # all processes of the user
        (141, (0, 1234), EPERM),
        (251, (1, 0), ALLOW),
        (251, (1, 1234), EPERM),
        (135, (0xFFFF_FFFF,), ALLOW),
        (135, (0x0400000,), EPERM),
        (72, (0, 1031), EPERM),
        (157, (4, 0), EPERM),
        (157, (15, 0), ALLOW),
        (302, (0, 4, 0), ALLOW),  # asks for the limit on core dumps
        (302, (0, 4, 0x7FFF_0000_0000), FAIL),  # sets it: nothing happens
        (302, (0, 7, 0x7FFF_0000_0000), ALLOW),
        (56, (0x10000 | 0x800,), EPERM),  # a thread with files of its own
        (9, (0, 4096, 3, 0x22), ALLOW),  # private and anonymous
        (9, (0, 4096, 3, 0x01), ALLOW),  # shared, of a file
        (9, (0, 4096, 3, 0x21), FAIL | errno.ENOMEM),
        (9, (0, 4096, 3, 0x23), FAIL | errno.ENOMEM),
        (160, (4,), FAIL),
        (160, (7,), ALLOW),
    ],
)
def test_arguments_decide(number: int, arguments: tuple[int, ...], said: int) -> None:
    assert verdict("x86_64", number, *arguments) == said


@pytest.mark.parametrize("number", [90, 91, 268, 452, 92, 280, 188])
def test_modes_and_owners_are_out_of_reach_where_files_of_the_user_are_in_sight(number: int) -> None:
    assert verdict("x86_64", number, own_files=True) == ALLOW
    assert verdict("x86_64", number, own_files=False) == FAIL, "nothing happens"
