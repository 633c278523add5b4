"""Django's PostgreSQL backend as this product uses it. (Django dictates the module's name.)"""

import select

from django.conf import settings
from django.db.backends.postgresql import base

from headlessly.database.server import start


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server when it is first needed; tells a dead connection by its socket."""

    def get_connection_params(self):
        if self.settings_dict.get("EMBEDDED"):
            # Written back, so that dbshell and whoever reads settings_dict find the socket too.
            self.settings_dict["HOST"] = str(start(settings.DATA_DIR).socket_dir)
        return super().get_connection_params()

    def is_usable(self):
        # Asked once per request of a connection nobody is using. A server that went away has closed
        # it, and a closed socket is readable: so an idle, silent one needs no query to be trusted.
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0) or super().is_usable()
