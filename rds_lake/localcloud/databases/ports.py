"""Looks at ports, and finds a free one for servers that need a port number. Servers that accept port 0 use that instead."""

from __future__ import annotations

import socket


def is_free(port: int) -> bool:
    """Whether no server listens on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_served(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server accepts connections at this port of this machine now."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Returns a port of 127.0.0.1 that no server listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
