"""What may happen to a process: Ctrl-C at a chosen moment, as from a terminal or by Dagster's SIGTERM, a disk without room, and
a server that says nothing any more.
"""

import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_MOST_BYTES = 64  # of a file, where the disk has no room


@contextmanager
def interrupted(when: Callable[[], object], *, seconds: float = 30) -> Iterator[None]:
    """Interrupt the main thread once it is so; at the latest after so many seconds."""

    def watch() -> None:
        deadline = time.monotonic() + seconds
        while not over.is_set() and not when() and time.monotonic() < deadline:
            time.sleep(0.005)
        if not over.is_set():
            signal.pthread_kill(main, signal.SIGINT)

    over, main = threading.Event(), threading.main_thread().ident or 0
    watcher = threading.Thread(target=watch, name="interrupts")
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def no_room() -> Iterator[None]:
    """Within it this process can write no file of more than 64 bytes: OSError `File too large`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def leave_no_room() -> None:
    """The same for the rest of a process's life: `preexec_fn` of a process that is started."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))


@dataclass(slots=True)
class Line:
    """A way to a server. `silent`: it carries nothing any more; `cut`: nobody gave up, so that its ends were closed."""

    url: str = ""
    silent: threading.Event = field(default_factory=threading.Event)
    cut: threading.Event = field(default_factory=threading.Event)


@contextmanager
def falling_silent(url: str, when: Callable[[bytes], object], *, most_seconds: float = 90) -> Iterator[Line]:
    """The server behind a line that carries no byte any more once `when` is so of all that one connection has sent to it.

    Its connections stay, and new ones are taken and not answered; until the block is left, or for so many seconds.
    """
    line, over = Line(), threading.Event()
    parts, ends, threads = urlsplit(url), list[socket.socket](), list[threading.Thread]()

    def carry(one: socket.socket, other: socket.socket, asks: bool) -> None:
        sent = b""
        with suppress(OSError):
            while chunk := one.recv(65_536):
                sent += chunk if asks else b""
                if asks and when(sent):
                    line.silent.set()
                if line.silent.is_set():
                    over.wait()
                    return
                other.sendall(chunk)

    def accept() -> None:
        with suppress(OSError):
            while True:
                here, _ = door.accept()
                ends.append(here)
                if line.silent.is_set():
                    continue
                ends.append(socket.create_connection((parts.hostname, parts.port)))
                for one, other, asks in ((here, ends[-1], True), (ends[-1], here, False)):
                    threads.append(threading.Thread(target=carry, args=(one, other, asks)))
                    threads[-1].start()

    def watch() -> None:
        if line.silent.wait(600) and not over.wait(most_seconds):
            line.cut.set()
            end()

    def end() -> None:
        over.set()
        for each in (door, *ends):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as door:
        line.url = url.replace(f":{parts.port}", f":{door.getsockname()[1]}")
        threads += [threading.Thread(target=accept), threading.Thread(target=watch)]
        for thread in threads[:]:
            thread.start()
        try:
            yield line
        finally:
            over.set()
            line.silent.set()
            end()
            for thread in threads:
                thread.join()
            for each in ends:
                each.close()
