"""The WSGI application, for any server. It runs as production unless told otherwise."""

import os

from django.core.wsgi import get_wsgi_application

from headlessly.background.garbage import load_without_collecting, settle_garbage
from headlessly.database.roles import name_connections
from headlessly.database.timeouts import bound_connections
from headlessly.web.charsets import IgnoreUnreadableCharset

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
os.environ.setdefault("HEADLESSLY_ENV", "production")
load_without_collecting()

application = IgnoreUnreadableCharset(get_wsgi_application())
name_connections("web")
bound_connections()

settle_garbage()
