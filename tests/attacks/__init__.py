"""Programs that try to break out of the sandbox, and a host that looks for itself whether they did.

    python("udp", "network", 'socket.socket(2, 2).sendto(b"here", ("127.0.0.1", UDP))')

An attack is data: its source and its limits. What counts is not what it prints. The host (`world`) lays out what could
be harmed or stolen, watches while the program runs (`watch`), and looks afterwards: one judge for all attacks.
"""
