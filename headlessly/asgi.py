"""The ASGI application: the WSGI application behind a front that keeps its threads free.

Served like this it is production unless told otherwise.
"""

# The application first: it sets Django up for all others.
from headlessly.wsgi import application as wsgi_application  # isort: skip

from headlessly.admin.watching.middleware import answer_from_memory
from headlessly.background.slots import most_hashing, threads_of_process
from headlessly.log.news import LogNews
from headlessly.web.front import Front

_threads = threads_of_process()
application = Front(
    wsgi_application, _threads, most_hashing(_threads), answer_from_memory, LogNews().look
)
