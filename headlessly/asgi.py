"""The ASGI application, for any server. Served like this it is production unless told otherwise."""

import os

from django.core.asgi import get_asgi_application

from headlessly.database.timeouts import bound_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
os.environ.setdefault("HEADLESSLY_ENV", "production")

application = get_asgi_application()
bound_connections()
