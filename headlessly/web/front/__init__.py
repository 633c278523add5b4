"""What stands between the network and the application: no body, no reader and no tenant keeps a thread.

A process of the site has a few threads that work, and :class:`Front` decides who gets one, in an event loop,
where waiting costs nothing. A request gets a thread when its body is there, and gives it back when its answer
is made, whoever is slow at either end.
"""

from headlessly.web.front.application import Front

__all__ = ["Front"]
