"""The addresses under ``/~{slug}/``."""

from django.apps import apps
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from headlessly.admin import workplace
from headlessly.admin.calendars.feed import feed_view
from headlessly.api.nowhere import NowhereView
from headlessly.mcp.endpoint import McpView

handler400 = "headlessly.api.handlers.bad_request"
handler500 = "headlessly.api.handlers.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", workplace.urls),
    # The addresses that an app of nouns adds, as its config says. They come before those of REST, which match
    # every address below a record.
    *(
        path("", include(config.tenant_urls))
        for config in apps.get_app_configs()
        if hasattr(config, "tenant_urls")
    ),
    path("feeds/<str:token>.ics", feed_view, name="calendar_feed"),
    path("", include("headlessly.api.routes")),
    path("mcp", McpView.as_view(), name="mcp"),
    # Not `admin`, which Django redirects to `admin/`.
    re_path(r"^(?!admin\Z)", NowhereView.as_view()),
]
