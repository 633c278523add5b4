"""Checks whether the server can listen on its port, before anything is started."""

from __future__ import annotations

import errno
import socket


def port_refusal(host: str, port: int, *, is_shared: bool = False) -> str | None:
    """Returns why nothing can be served at this address, in a sentence for the operator; None if it can.

    The processes of a server share a port by SO_REUSEPORT, so that a second server would start without an
    error and take half of the requests of the first. This check binds the port without that option, unless
    ``is_shared`` allows another server there.
    """
    if not 0 < port < 65536:
        return f"--port {port} is no port: choose one from 1 to 65535."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Ignores connections of a server that has just ended.
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
