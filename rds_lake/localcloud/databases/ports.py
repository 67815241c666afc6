"""Finds a free port, for servers that need a port number. Servers that accept port 0 use that instead."""

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


def free_port() -> int:
    """Returns a port of 127.0.0.1 that no server listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
