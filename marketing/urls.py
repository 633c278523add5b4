"""The addresses of marketing under ``/~{slug}/`` besides those of its nouns."""

from django.urls import path

from headlessly.api.reports import ReportView
from marketing.views import form_page

urlpatterns = [
    path("f/<key>", form_page, name="form-page"),
    path("reports/attribution", ReportView.as_view(), {"name": "attribution"}, name="attribution"),
    path("reports/funnel", ReportView.as_view(), {"name": "funnel"}, name="funnel-report"),
]
