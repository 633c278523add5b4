"""What is served at the root: the entrance and the operator's pages. (Probes: `headlessly/web/health.py`.)"""

from django.urls import path

from headlessly.admin.account.letter_box import letter_html, letters
from headlessly.admin.account.links import choose_password, forgotten, invitation
from headlessly.admin.account.second_step import second
from headlessly.admin.account.unsubscribing import unsubscribe
from headlessly.admin.entrance import enter, leave
from headlessly.admin.operator import operator

# Also for a request that was mounted under a tenant and failed before its address was looked up.
handler400 = "headlessly.api.handlers.bad_request"
handler500 = "headlessly.api.handlers.server_error"

urlpatterns = [
    path("", enter, name="enter"),
    path("logout", leave, name="leave"),
    path("second", second, name="second"),
    path("forgotten", forgotten, name="forgotten"),
    path("password/<str:id>/<str:token>", choose_password, name="choose_password"),
    path("password/<str:id>/<str:token>/<str:by>", choose_password),
    path("invitation/<str:id>/<str:token>", invitation, name="invitation"),
    path("unsubscribe/<str:token>", unsubscribe, name="unsubscribe"),
    path("outbox/", letters, name="letters"),
    path("outbox/<str:file>/<int:number>/", letter_html, name="letter"),
    path("admin/", operator.urls),
]
