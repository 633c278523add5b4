from crm.models.activity import Activity
from crm.models.attachment import Attachment
from crm.models.calendar import Calendar
from crm.models.contact import Contact
from crm.models.deal import Deal
from crm.models.deal_contact import DealContact
from crm.models.email_template import EmailTemplate
from crm.models.exchange_rate import ExchangeRate
from crm.models.gate import Gate
from crm.models.goal import Goal
from crm.models.lead import Lead
from crm.models.line_item import LineItem
from crm.models.organization import Organization
from crm.models.pipeline import Pipeline
from crm.models.product import Product
from crm.models.rule import Rule, RuleTurn
from crm.models.rule_attempt import RuleAttempt
from crm.models.rule_run import RuleRun
from crm.models.score import ScoreDue, ScoreRun
from crm.models.stale_limit import StaleLimit
from crm.models.team import Team, TeamMember

__all__ = [
    "Activity",
    "Attachment",
    "Calendar",
    "Contact",
    "Deal",
    "DealContact",
    "EmailTemplate",
    "ExchangeRate",
    "Gate",
    "Goal",
    "Lead",
    "LineItem",
    "Organization",
    "Pipeline",
    "Product",
    "Rule",
    "RuleAttempt",
    "RuleRun",
    "RuleTurn",
    "ScoreDue",
    "ScoreRun",
    "StaleLimit",
    "Team",
    "TeamMember",
]
