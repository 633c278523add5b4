"""Panels about scores: why a lead has its score, and what a score rule does and would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.models import Lead, Rule
from crm.models.score_lines import FIT, Line
from crm.rules.score import explaining, preview, recount
from crm.rules.score.counting import score_models
from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.filtering.tree import read_filter
from headlessly.admin.filtering.words import describe_part
from headlessly.admin.records.panels import Bar, BarsPanel, asked_panels, record_panel
from headlessly.errors import InvalidFilter
from headlessly.language import sayings
from headlessly.nouns import registry

# -- a lead -------------------------------------------------------------------------------------------


@record_panel(Lead)
def score_panel(lead: Lead) -> BarsPanel | None:
    """Shows why a lead has its score: each line that counts, one after the other."""
    as_of = getattr(lead, "as_of", None)
    if as_of is None and not score_models()[0]:
        return None  # costs nothing for tenants without score rules
    said = explaining.explain_score(lead.pk, as_of)
    if said["rule"] is None:
        return None
    rule = said["rule"]
    lines = sorted(said["lines"], key=lambda each: each["about"] != FIT)
    return BarsPanel(
        _("Score"),
        said=[*_say_score(said), *_say_next(said)],
        bars=_waterfall(said, [each for each in lines if each["points"]], _lines_of(rule)),
        notes=list(_say_nothing(said)),
        folded=_("How it adds up"),
        origin=(
            _("%(rule)s, version %(version)s") % {"rule": rule["name"], "version": rule["version"]},
            display.page_url(Rule, "change", rule["$id"]),
        ),
    )


def _lines_of(rule: dict[str, Any]) -> dict[str, Line]:
    """Returns the lines of a rule as it was, by name, to describe their conditions."""
    model = explaining.model_by_key(f"{rule['$id']}@{rule['version']}")
    return {line.name: line for line in model.lines} if model else {}


def _say_score(said: dict[str, Any]) -> Iterator[str]:
    parts = {
        "score": display.number(said["counted"]),
        "fit": display.number(said["fit"]),
        "engagement": display.number(said["engagement"]),
    }
    if said["byHand"]:
        by_hand = _("Set by hand to %(score)s. By the rule it would be %(counted)s.")
        yield by_hand % {
            "score": display.number(said["score"]), "counted": parts["score"]
        }  # fmt: skip
    elif said["score"] != said["counted"]:
        yield _("%s at the moment: it is being counted anew.") % display.number(said["score"])
    text = _("%(score)s: %(fit)s by what they are, %(engagement)s by what they did.") % parts
    yield f"{text} {said['threshold']}." if said["threshold"] else text


def _say_next(said: dict[str, Any]) -> Iterator[str]:
    """Yields what is missing for the next threshold."""
    if (ahead := said["next"]) is not None:
        named = {"missing": ahead["missing"], "name": ahead["name"], "from": ahead["from"]}
        if ahead["changes"] is None:
            text = _("%(missing)s points to %(name)s (%(from)s): no few lines would be enough.")
            yield text % named
        else:
            costly = {each["name"] for each in said["lines"] if each["points"] < 0}
            named["changes"] = " + ".join(
                explaining.say_change(each, ends=each["line"] in costly)
                for each in ahead["changes"]
            )
            yield (
                _("%(missing)s points to %(name)s (%(from)s). Enough would be: %(changes)s.")
                % named
            )


def _say_nothing(said: dict[str, Any]) -> Iterator[str]:
    """Yields which lines add nothing."""
    if nothing := [each["name"] for each in said["lines"] if not each["points"]]:
        yield _("Nothing by: %s.") % ", ".join(nothing)


def _waterfall(
    said: dict[str, Any], lines: Sequence[dict[str, Any]], of_rule: dict[str, Line]
) -> list[Bar]:
    """Returns a bar for each line, from the sum before it to the sum with it, and the score at the end."""
    steps: list[tuple[str, int, dict[str, Any] | None]] = [
        (each["name"], each["points"], each) for each in lines
    ]
    if said["heldBack"]:
        steps.append((_("Held within 0 to 100"), said["heldBack"], None))
    sums = [0]
    for _name, points, _line in steps:
        sums.append(sums[-1] + points)
    low, high = min(0, *sums), max(100, *sums)

    def share(value: float) -> float:
        return round(value / (high - low) * 100, 2)

    bars = [
        Bar(
            label=name,
            figure=_signed(points),
            start=share(min(before, before + points) - low),
            length=share(abs(points)),
            look="up" if points > 0 else "down",
            note=_note(line, of_rule.get(name)) if line else "",
        )
        for (name, points, line), before in zip(steps, sums, strict=False)
    ]
    whole = said["counted"]
    name = _("By the rule") if said["byHand"] else _("Score")
    bars.append(Bar(name, display.number(whole), share(-low), share(whole), "sum"))
    return bars


def _signed(points: int) -> str:
    return f"+{points}" if points > 0 else f"\N{MINUS SIGN}{-points}"


def _note(line: dict[str, Any], declared: Line | None) -> str:
    """Returns the condition of a line in words, and for counted records how many and when last."""
    words = ""
    if declared is not None:
        noun = registry[declared.type]
        with suppress(InvalidFilter):
            words = describe_part(noun, read_filter(noun, declared.filter))
    latest = next((each["at"] for each in line["because"] if "at" in each), None)
    parts = [words]
    if latest is not None:
        times = ngettext("once", "%(count)d times", line["count"]) % {"count": line["count"]}
        parts.append(
            _("%(times)s, last %(when)s")
            % {"times": times, "when": display.day_text(latest.date())}
        )
    if line["halfLife"]:
        parts.append(_("half after %s days") % display.number(line["halfLife"]))
    return "; ".join(filter(None, parts))


# -- a rule -------------------------------------------------------------------------------------------


def _scores(rule: Rule) -> bool:
    return rule.kind == Rule.Kind.SCORE


@record_panel(Rule)
def recount_panel(rule: Rule) -> BarsPanel | None:
    """Shows how far the recount of all leads has come."""
    if not _scores(rule) or not rule.is_active or hasattr(rule, "as_of"):
        return None
    if actors.current().limited:  # it counts other people's leads
        return None
    if (found := recount.progress()) is None:
        return None
    named = {
        "counted": display.number(found.counted),
        "changed": display.number(found.changed),
        "when": display.moment_text(found.finished_at or found.started_at),
    }
    if found.finished_at is None:
        said = _(
            "Since %(when)s: %(counted)s leads counted so far, %(changed)s with another score."
        )
    else:
        said = _("Done %(when)s: %(counted)s leads counted, %(changed)s got another score.")
    more = _("Whoever changes an active rule has all leads counted anew, in the background.")
    warning = ""
    if found.because:
        again = (
            _("It has given up.")
            if found.has_given_up
            else _("It is tried again, later and later.")
        )
        warning = f"{sayings.translate_problem(found.because)} {again}"
    return BarsPanel(_("Counting all leads"), [said % named], notes=[more], warning=warning)


@record_panel(Rule)
def stored_separation_panel(rule: Rule) -> BarsPanel | None:
    """Shows how well the stored scores tell who buys."""
    if not _scores(rule) or not rule.is_active or hasattr(rule, "as_of"):
        return None
    return _separation_panel(preview.separation_of_stored(rule))


@asked_panels(Rule, "try", gettext_lazy("Try it on recent leads"), applies=_scores)
def try_panels(rule: Rule) -> list[BarsPanel]:
    """Shows what the rule would make of the newest leads, and how well it tells who buys. Nothing is
    written."""
    found = [_preview_panel(preview.preview_rule(rule.pk))]
    said = preview.separation_of_rule(rule.pk)
    if (separation := _separation_panel(said, said["givesAway"])) is not None:
        found.append(separation)
    return found


def _preview_panel(said: dict[str, Any]) -> BarsPanel:
    most = max([1, *(max(each["before"], each["after"]) for each in said["histogram"])])
    bars = []
    for each in said["histogram"]:
        label = f"{each['from']}\N{EN DASH}{each['to']}"
        for when, title in (("before", _("%s now") % label), ("after", _("%s then") % label)):
            many = each[when]
            look = "before" if when == "before" else "up"
            bars.append(Bar(title, display.number(many), 0, round(many / most * 100, 2), look))
    named = {name: display.number(said[name]) for name in ("leads", "fitting", "changes")}
    of_all = (
        _("All %(leads)s leads were counted; nothing was written.")
        if said["isAll"]
        else _("The %(leads)s newest leads were counted; nothing was written.")
    )
    texts = [
        of_all % named,
        _("The rule is for %(fitting)s of them; %(changes)s would get another score.") % named,
    ]
    if said["byHand"]:
        kept = _("%s keep what somebody set by hand.")
        texts.append(kept % display.number(said["byHand"]))
    if said["typed"]:
        typed = _("%s have a score that was typed before there was a rule: it is replaced.")
        texts.append(typed % display.number(said["typed"]))
    examples = [
        _("%(name)s: %(before)s, then %(after)s")
        % {
            "name": each["name"],
            "before": _("none") if each["before"] is None else display.number(each["before"]),
            "after": each["after"],
        }
        for each in said["examples"]
    ]
    return BarsPanel(_("What it would do"), said=texts, bars=bars, notes=examples)


def _separation_panel(said: dict[str, Any], gives_away: Sequence[str] = ()) -> BarsPanel | None:
    """Shows tenths of closed leads by score. Returns None if there are too few, or all had the same
    outcome."""
    tenths = said["tenths"]
    if len(tenths) < preview.TENTHS or said["share"] in (0, 1):
        return None
    first = tenths[0]
    named = {
        "share": display.percent(first["share"] * 100),
        "all": display.percent(said["share"] * 100),
        "gain": display.percent(first["gain"] * 100),
        "leads": display.number(said["leads"]),
        "order": display.percent(said["order"] * 100),
    }
    texts = [
        _("Of the leads in the top tenth, %(share)s converted; of all, %(all)s.") % named,
        _("Of all that converted, %(gain)s were in the top tenth.") % named,
    ]
    bars = [
        Bar(
            _("Score %(from)s to %(to)s") % each,
            display.percent(each["share"] * 100),
            0,
            round(each["share"] * 100, 2),
            note=_("%(converted)d of %(leads)d; %(gain)s of all up to here")
            % {
                "converted": each["converted"],
                "leads": each["leads"],
                "gain": display.percent(each["gain"] * 100),
            },
        )
        for each in tenths
    ]
    notes = [
        _("Of %(leads)s closed leads, the last ones first. Of a converted and a lost lead the converted "
          "one has the higher score in %(order)s of all pairs; 50 %% is chance.") % named
    ]  # fmt: skip
    warning = ""
    if gives_away:
        warning = _("These lines ask what came of a lead, and so prove nothing: %s.") % ", ".join(
            gives_away
        )
    return BarsPanel(_("How well it separates"), texts, bars, notes, warning=warning)
