"""What sales serves under ``/~{slug}/`` beside its nouns."""

from django.urls import path

from crm.views import AttachmentFile

urlpatterns = [
    path("attachments/<id>/file", AttachmentFile.as_view(), name="attachment-file"),
]
