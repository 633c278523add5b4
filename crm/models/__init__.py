from .activity import Activity
from .contact import Contact
from .deal import Deal
from .lead import Lead
from .organization import Organization
from .pipeline import Pipeline

__all__ = ["Activity", "Contact", "Deal", "Lead", "Organization", "Pipeline"]
