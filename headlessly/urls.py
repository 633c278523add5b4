"""The addresses at the root: signing in and the operator's pages. (Probes: `headlessly/web/health.py`.)"""

from django.urls import path

from headlessly.admin.account.letter_box import letter_view, letters_view
from headlessly.admin.account.links import (
    choose_password_view,
    forgotten_password_view,
    invitation_view,
)
from headlessly.admin.account.second_step import second_step_view
from headlessly.admin.account.unsubscribing import unsubscribe_view
from headlessly.admin.entrance import sign_in_view, sign_out_view
from headlessly.admin.operator import operator

# Also used for requests under a tenant that fail before their address is resolved.
handler400 = "headlessly.api.handlers.bad_request"
handler500 = "headlessly.api.handlers.server_error"

urlpatterns = [
    path("", sign_in_view, name="enter"),
    path("logout", sign_out_view, name="leave"),
    path("second", second_step_view, name="second"),
    path("forgotten", forgotten_password_view, name="forgotten"),
    path("password/<str:id>/<str:token>", choose_password_view, name="choose_password"),
    path("password/<str:id>/<str:token>/<str:by>", choose_password_view),
    path("invitation/<str:id>/<str:token>", invitation_view, name="invitation"),
    path("unsubscribe/<str:token>", unsubscribe_view, name="unsubscribe"),
    path("outbox/", letters_view, name="letters"),
    path("outbox/<str:file>/<int:number>/", letter_view, name="letter"),
    path("admin/", operator.urls),
]
