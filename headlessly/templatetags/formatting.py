"""Filters for words within sentences, and for days and numbers as the reader writes them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from headlessly.admin import display, past_days
from headlessly.admin.settings import navigation
from headlessly.language import wording

register = template.Library()


@register.filter
def inside(text: Any) -> str:
    """``{{ noun|inside }}``: ``lead`` within an English sentence, ``Lead`` within a German one."""
    return wording.inside_sentence(str(text))


@register.filter
def spoken(state: Any) -> str:
    """``{{ step.target|spoken }}``: ``InProgress`` as ``In progress``, in the reader's language."""
    return wording.state_label(state)


@register.simple_tag(name="day_input")
def input_of_a_day(name: str, value: Any = "", **attrs: str) -> str:
    """``{% day_input "from" given.from %}``: an input for a past day, which can be typed freely."""
    return past_days.day_input(name, str(value or ""), **attrs)


@register.filter
def day(value: date) -> str:
    """``{{ period.first|day }}``: ``Jan 31, 2026``."""
    return display.day_text(value)


@register.filter
def age(value: datetime) -> SafeString:
    """``{{ key.created_at|age }}``: ``3 d``, with the exact time as its title."""
    return display.age_html(value)


@register.filter
def ago(value: datetime) -> SafeString:
    """``{{ delivery.created_at|ago }}``: ``3 d ago``."""
    return display.age_html(value, ago=True)


@register.filter
def number(value: Any) -> str:
    """``{{ count|number }}``: ``1,000``."""
    return display.number(value)


@register.filter
def moment(value: datetime) -> str:
    """``{{ address.moment|moment }}``: a day with its time and the time zone."""
    return display.moment_text(value, zone=True)


@register.simple_tag(takes_context=True)
def settings_pages(context: Any) -> Any:
    """``{% settings_pages as groups %}``: the pages of the settings that the user may open, by group."""
    every = navigation.settings_pages(context["request"])
    opened = [(title, [page for page in pages if page.is_open]) for title, pages in every]
    return [(title, pages) for title, pages in opened if pages]
