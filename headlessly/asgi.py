"""The application for servers of ASGI: that of WSGI, with the front that keeps its threads free.

Served like this it is production unless told otherwise.
"""

from headlessly.background.slots import most_hashing, threads_of_process
from headlessly.web.front import Front
from headlessly.wsgi import application as wsgi_application

_threads = threads_of_process()
application = Front(wsgi_application, _threads, most_hashing(_threads))
