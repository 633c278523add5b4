"""Django's PostgreSQL backend, on the embedded server. (Django dictates this module's name.)"""

from django.conf import settings
from django.db.backends.postgresql import base

from headlessly.database.server import start


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server when somebody first wants to talk to it."""

    def get_connection_params(self):
        # Written back, so that dbshell and whoever reads settings_dict find the socket too.
        self.settings_dict["HOST"] = str(start(settings.DATA_DIR).socket_dir)
        return super().get_connection_params()
