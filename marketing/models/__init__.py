from .campaign import Campaign
from .form import Form
from .funnel import Funnel
from .segment import Segment

__all__ = ["Campaign", "Form", "Funnel", "Segment"]
