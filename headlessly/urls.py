"""What is served at the root: the entrance and the operator's pages. (Probes: `headlessly/web/health.py`.)"""

from django.urls import path

from headlessly.admin.entrance import enter, leave
from headlessly.admin.operator import operator
from headlessly.admin.welcome import welcome

# Also for a request that was mounted under a tenant and failed before its address was looked up.
handler400 = "headlessly.api.handlers.bad_request"
handler500 = "headlessly.api.handlers.server_error"

urlpatterns = [
    path("", enter, name="enter"),
    path("logout", leave, name="leave"),
    path("welcome/<str:id>/<str:token>", welcome, name="welcome"),
    path("admin/", operator.urls),
]
