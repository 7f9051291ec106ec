"""Reaching somebody: by every family of sockets, and by system calls that pass by the usual checks."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import python

__all__ = ["NETWORK"]

# a 32-bit program's view of the kernel: code that is copied into memory and jumped to
OTHER_DOORS = """
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def through(code, low):
    where = libc.mmap(None, 4096, 7, 0x22 | (0x40 if low else 0), -1, 0)
    if where in (None, ctypes.c_void_p(-1).value): raise OSError("no memory to run")
    ctypes.memmove(where, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_long)(where)()
"""

NETWORK = (
    python("tcp", "network", 'socket.create_connection(("127.0.0.1", TCP), 2).send(b"here")'),
    python("tcp, version 6", "network", 'socket.create_connection(("::1", TCP6), 2).send(b"here")'),
    python("udp", "network", 'socket.socket(2, 2).sendto(b"here", ("127.0.0.1", UDP))'),
    python("udp, version 6", "network", 'socket.socket(10, 2).sendto(b"here", ("::1", UDP6))'),
    python(
        "udp by sendmsg and sendmmsg",
        "network",
        """
one = socket.socket(2, 2)
one.sendmsg([b"here"], [], 0, ("127.0.0.1", UDP))
one.connect(("127.0.0.1", UDP)); one.send(b"here")
""",
    ),
    python(
        "tcp with data in the first packet",
        "network",
        # MSG_FASTOPEN connects without connect()
        'one = socket.socket(2, 1)\none.sendto(b"here", 0x20000000, ("127.0.0.1", TCP))',
    ),
    python(
        "other protocols than tcp for the same port",
        "network",
        """
def over(protocol):
    one = socket.socket(2, 1, protocol); one.settimeout(1); one.connect(("127.0.0.1", TCP)); return one
for protocol in (262, 256, 132): tried(lambda: over(protocol))
""",
    ),
    python(
        "a question to a name server",
        "network",
        """
query = b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x07example\\x03com\\x00\\x00\\x01\\x00\\x01"
tried(lambda: socket.getaddrinfo("example.com", 80))
for address in ("127.0.0.53", "127.0.0.1", "8.8.8.8"): tried(lambda: socket.socket(2, 2).sendto(query, (address, 53)))
socket.socket(2, 2).sendto(query, ("127.0.0.1", UDP))
""",
    ),
    python(
        "a unix socket by its path",
        "network",
        """
tried(lambda: socket.socket(1, 1).connect(PATH), lambda: socket.socket(1, 2).sendto(b"here", DATAGRAMS))
for pid in everyone(): tried(lambda: socket.socket(1, 1).connect(f"/proc/{pid}/root{PATH}"))
""",
    ),
    python(
        "an abstract unix socket",
        "network",
        'tried(lambda: socket.socket(1, 1).connect(ABSTRACT), lambda: socket.socket(1, 2).sendto(b"here", ABSTRACT_DATAGRAMS))',
    ),
    python(
        "a socketpair turned to somebody else",
        "network",
        """
one, _ = socket.socketpair(1, 2)
tried(lambda: one.sendto(b"here", DATAGRAMS), lambda: one.sendto(b"here", ABSTRACT_DATAGRAMS),
      lambda: (one.connect(ABSTRACT_DATAGRAMS), one.send(b"here")))
""",
    ),
    python(
        "listening for the host",
        "network",
        """
def listen(host, family):
    one = socket.socket(family, 1); one.setsockopt(1, 2, 1); one.bind((host, LISTEN)); one.listen(4); time.sleep(0.4); return one
tried(lambda: listen("0.0.0.0", 2), lambda: listen("::", 10))
""",
    ),
    python(
        "raw packets",
        "network",
        """
tried(lambda: socket.socket(2, 3, 255), lambda: socket.socket(17, 3, 0x0300), lambda: socket.socket(2, 3, 1), lambda: socket.socket(2, 2, 1).sendto(
    b"\\x08\\x00\\xf7\\xff" + bytes(4), ("127.0.0.1", 0)))
one = socket.socket(2, 3, 255)
packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 1, 0, 64, 17, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
one.sendto(packet + struct.pack("!HHHH", 9, UDP, 12, 0) + b"here", ("127.0.0.1", 0))
""",
    ),
    python(
        "the kernel by netlink",
        "network",
        """
for protocol in range(22):
    try:
        one = socket.socket(16, 3, protocol); one.bind((0, 0)); one.settimeout(0.5)
        if protocol == 0:
            one.send(struct.pack("IHHII", 20, 18, 0x301, 1, 0) + bytes(4)); found = one.recv(1 << 16)
            print("interfaces:", sorted(set(re.findall(rb"(eth\\d|enp\\w+|wlan\\d|ifb\\d|docker\\d|ens\\d+)", found))))
    except OSError as error: print(error)
""",
        lambda seen: "saw the host's network" if "interfaces: [b" in seen.text else "",
    ),
    python(
        "machines beside this one",
        "network",
        """
def reach(family, kind, address):
    one = socket.socket(family, kind); one.settimeout(0.5); one.connect(address); return "reached"
for address in ((1, 22), (2, 22), (2, 1024), (3, 22)): tried(lambda: reach(40, 1, address))
for family in (9, 15, 21, 24, 29, 30, 31, 38, 42, 44): tried(lambda: f"family {family}" if socket.socket(family, 5 if family != 38 else 5) else "")
""",
        lambda seen: "reached another machine" if "reached" in seen.text else "",
    ),
    python(
        "by the door for 32-bit programs",
        "network",
        OTHER_DOORS
        + """
# int 0x80: socketcall(SYS_SOCKET…), connect; addresses below 4 GiB. The words lie behind the code.
low = libc.mmap(None, 4096, 7, 0x62, -1, 0)
if low in (None, ctypes.c_void_p(-1).value): raise SystemExit("no low memory")
def old(number, a, b, c):
    code = (b"\\x53\\xb8" + struct.pack("<I", number) + b"\\xbb" + struct.pack("<I", a & 0xFFFFFFFF) + b"\\xb9" + struct.pack("<I", b & 0xFFFFFFFF)
            + b"\\xba" + struct.pack("<I", c & 0xFFFFFFFF) + b"\\xcd\\x80\\x5b\\x48\\x98\\xc3")
    return through(code, True)
ctypes.memmove(low, struct.pack("<HH4s8x", 2, socket.htons(UDP), bytes([127, 0, 0, 1])) + b"here", 20)
print("old door:", old(20, 0, 0, 0))
one = old(359, 2, 2, 0)
print(one, old(362, one, low, 16), old(4, one, low + 16, 4))
print(old(37, VICTIM, 23, 0))
""",
    ),
    python(
        "by the door for x32 programs",
        "network",
        """
X32 = 0x40000000
tried(lambda: kernel(X32 | 39), lambda: kernel(X32 | 62, VICTIM, 23))
one = kernel(X32 | 41, 2, 2, 0)
address = struct.pack("<HH4s8x", 2, socket.htons(UDP), bytes([127, 0, 0, 1]))
print(kernel(X32 | 42, one, ctypes.c_char_p(address), 16), kernel(X32 | 1, one, ctypes.c_char_p(b"here"), 4))
""",
    ),
)
