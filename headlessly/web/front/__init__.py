"""The layer between the network and the application, in which no slow client and no tenant can block threads.

A process of the site has a few threads, and :class:`Front` decides who gets one, in an event loop, where
waiting costs nothing. A request gets a thread when its body has arrived, and gives it back when its response
is complete, however slow the client is.
"""

from headlessly.web.front.application import Front

__all__ = ["Front"]
