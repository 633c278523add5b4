"""What marketing serves under ``/~{slug}/`` beside its nouns."""

from django.urls import path

from marketing.views import form_page

urlpatterns = [path("f/<key>", form_page, name="form-page")]
