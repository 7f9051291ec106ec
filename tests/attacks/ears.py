"""What a host can hear: sockets of every kind, a pipe, and the terminal of its user."""

import os
import pty
import socket
import tty
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Ears"]


class Ears:
    """Listen where nobody in a sandbox should be able to speak."""

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self.mark = mark
        self.facts: dict[str, object] = {}
        """Addresses, by the name under which an attack finds them."""
        self.received: list[str] = []
        os.mkfifo(folder / "tube")
        (folder / "tube").chmod(0o666)
        self._tube = os.open(folder / "tube", os.O_RDWR | os.O_NONBLOCK)
        self._listen()
        self._terminal()

    def _listen(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        inet, inet6, unix = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        path, abstract = str(self.folder / "socket"), f"\0{self.mark}"
        wanted: dict[str, tuple[int, int, Any]] = {
            "TCP": (inet, stream, ("127.0.0.1", 0)),
            "UDP": (inet, datagram, ("127.0.0.1", 0)),
            "TCP6": (inet6, stream, ("::1", 0)),
            "UDP6": (inet6, datagram, ("::1", 0)),
            "PATH": (unix, stream, path),
            "DATAGRAMS": (unix, datagram, f"{path}.datagrams"),
            "ABSTRACT": (unix, stream, abstract),
            "ABSTRACT_DATAGRAMS": (unix, datagram, f"{abstract}.datagrams"),
        }
        for name, (family, kind, address) in wanted.items():
            one = socket.socket(family, kind)
            self.facts[name] = 9
            try:
                one.bind(address)
            except OSError:  # no IPv6 here
                continue
            if kind == stream:
                one.listen(16)
            one.setblocking(False)
            self._sockets[name] = one
            self.facts[name] = address if family == unix else one.getsockname()[1]
            if family == unix and not str(address).startswith("\0"):
                Path(str(address)).chmod(0o777)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.facts["LISTEN"] = probe.getsockname()[1]

    def _terminal(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        os.set_blocking(self._slave, False)
        self.terminal = os.ttyname(self._slave)
        self.facts["TERMINAL"] = self.terminal
        Path(self.terminal).chmod(0o666)

    def heard(self) -> list[str]:
        """Return all that was ever heard."""
        for name, one in self._sockets.items():
            with suppress(BlockingIOError):
                while True:
                    if one.type == socket.SOCK_STREAM:
                        one.accept()[0].close()
                        self.received.append(f"connection to {name}")
                    else:
                        one.recv(64)
                        self.received.append(f"datagram to {name}")
        for name, file in (("pipe", self._tube), ("screen", self._master), ("keyboard", self._slave)):
            with suppress(BlockingIOError):
                self.received.append(f"{os.read(file, 64)!r} on its {name}")
        return list(self.received)

    def knock(self) -> None:
        """Note whether somebody listens where nobody should."""
        with socket.socket() as one:
            one.settimeout(0.05)
            if one.connect_ex(("127.0.0.1", int(str(self.facts["LISTEN"])))) == 0:
                self.received.append("a port was opened to the host's network")

    def close(self) -> None:
        """Stop listening."""
        for one in self._sockets.values():
            one.close()
        for file in (self._tube, self._master, self._slave):
            os.close(file)
