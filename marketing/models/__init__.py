from marketing.models.campaign import Campaign
from marketing.models.form import Form
from marketing.models.funnel import Funnel
from marketing.models.segment import Segment
from marketing.models.touchpoint import Touchpoint
from marketing.models.visitor import Visitor
from marketing.received import SentAnswers  # noqa: F401  (its table)

__all__ = ["Campaign", "Form", "Funnel", "Segment", "Touchpoint", "Visitor"]
