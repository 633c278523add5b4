"""What marketing serves under ``/~{slug}/`` beside its nouns."""

from django.urls import path

from marketing.attribution.views import AttributionReport, DealAttribution
from marketing.views import form_page

urlpatterns = [
    path("f/<key>", form_page, name="form-page"),
    path("reports/attribution", AttributionReport.as_view(), name="attribution"),
    path("deals/<id>/attribution", DealAttribution.as_view(), name="deal-attribution"),
]
