"""What a record's imported file said that no field holds: it is kept in the log and shown on the record's
page."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.admin.records.panels import FactsPanel
from headlessly.log.events import Event
from headlessly.log.names import LEFT_OUT
from headlessly.nouns import Noun


def left_out_panel(record: Noun) -> FactsPanel | None:
    """Returns the panel of the cells that no field holds; None without any."""
    made = type(record).history(record).filter(version=1).first()
    cells = (made.data or {}).get(LEFT_OUT) if made else None
    if made is None or not isinstance(cells, dict) or not cells:
        return None
    started = Event.objects.filter(id=made.cause).first() if made.cause else None
    file = (started.data or {}).get("file") if started else None
    label = _("Also in %(file)s") % {"file": file} if file else _("Also in the file")
    return FactsPanel(label, list(cells.items()))
