"""Whether there is room to serve: asked before anything is started."""

from __future__ import annotations

import errno
import socket


def port_refusal(host: str, port: int, *, is_shared: bool = False) -> str | None:
    """Why nothing can be served at this address, in a sentence for the operator; None when it can. With
    ``is_shared`` another server may be there already.

    The server's processes share a port by SO_REUSEPORT, so that a second server would start without a
    word and take half of the first one's requests. This probe shares with nobody, unless that is meant.
    """
    if not 0 < port < 65536:
        return f"--port {port} is no port: choose one from 1 to 65535."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # What a server that has just ended left behind in the kernel does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_shared:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(address)
    except socket.gaierror:
        return f"--host {host} is no address of this machine: choose one, such as 127.0.0.1."
    except PermissionError:
        return f"Port {port} may only be opened by root: choose one from 1024 on, such as 8000."
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return (
                f"Something else serves on port {port} of {host}. Stop it, or choose another port: "
                f"--port or PORT={port + 1 if port < 65535 else 8000}."
            )
        return f"--host {host} cannot be listened on: {error.strerror}."
    return None
