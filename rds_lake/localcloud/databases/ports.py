"""A free port, for servers that must be given a port. Servers that can take port 0 themselves do that instead."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of 127.0.0.1 that no server listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
