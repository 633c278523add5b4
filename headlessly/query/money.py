"""Sums of amounts in several currencies: one sum per currency, and a total in the tenant's.

An amount is converted at the rate of its own day: the day on which what it is about ended (``fixed_on`` of
the noun's :class:`~headlessly.declaration.fields.Currency`), else today, or the day of the moment in
question. A rate holds from its day until the next one of the same currency; later rates do not change what
ended before. Amounts of different currencies are added only after conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import Case, DateField, F, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Least, TruncDate

from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.database import prepared
from headlessly.declaration.custom_values import CustomValue
from headlessly.declaration.registry import registry
from headlessly.log.versions import Version

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

CENT = Decimal("0.01")
#: The precision of sums: more digits than any sum of amounts has.
DIGITS = 60


@dataclass(frozen=True)
class UsedRate:
    """The rate at which amounts of a currency were converted: the worth of one unit, from ``day`` on."""

    currency: str
    day: date
    rate: float


@dataclass
class Amounts:
    """A sum of amounts: one number per currency, and a total in one of them, by default the tenant's."""

    currency: str  #: of the total
    by_currency: dict[str, Decimal] = field(default_factory=dict)
    exact: Decimal = Decimal(0)  #: the total of what could be converted, not yet rounded
    missing: set[str] = field(default_factory=set)  #: currencies without a rate on some day
    rates: set[UsedRate] = field(default_factory=set)  #: the rates that were used

    @property
    def converted(self) -> Decimal | None:
        """The total in :attr:`currency`, rounded to cents; None if a rate is missing."""
        if self.missing:
            return None
        with localcontext(prec=DIGITS):
            return self.exact.quantize(CENT, ROUND_HALF_UP)

    @property
    def is_mixed(self) -> bool:
        """Whether there is anything to convert."""
        return bool(self.by_currency.keys() - {self.currency})

    def add(self, currency: str, amount: Decimal, rate: Decimal | None, *used: UsedRate) -> None:
        """Add an amount. ``rate`` is the worth of one unit according to ``used``; None if a rate is
        missing."""
        self.by_currency[currency] = self.by_currency.get(currency, Decimal(0)) + amount
        if rate is None:
            self.missing.add(currency)
            return
        with localcontext(prec=DIGITS):
            self.exact += amount * rate
        self.rates.update(used)

    def as_json(self) -> dict[str, float]:
        """Returns one number per currency, the currency of the total first."""
        order = sorted(self.by_currency, key=lambda code: (code != self.currency, code))
        return {code: float(self.by_currency[code]) for code in order}

    def conversion_as_json(self) -> dict[str, Any]:
        """Returns the total with the rates that were used, or the currencies without one."""
        if self.missing:
            return {"currency": self.currency, "value": None, "missing": sorted(self.missing)}
        used = sorted(self.rates, key=lambda each: (each.currency, each.day))
        return {
            "currency": self.currency,
            "value": float(self.converted or 0),
            "rates": [{"currency": u.currency, "day": u.day, "rate": u.rate} for u in used],
        }


def add_amounts(parts: Iterable[Amounts]) -> Amounts:
    """Returns the sum of sums: each currency's own, and the total in the tenant's."""
    total = Amounts(tenancy.require().currency)
    for part in parts:
        for currency, amount in part.by_currency.items():
            total.by_currency[currency] = total.by_currency.get(currency, Decimal(0)) + amount
        total.exact += part.exact
        total.missing |= part.missing
        total.rates |= part.rates
    return total


def rates_noun() -> type[Record] | None:
    """Returns the noun whose records are exchange rates, if the apps have one."""
    return next((noun for noun in registry.values() if noun.holds_exchange_rates), None)


def has_rates() -> bool:
    """Whether the tenant has any exchange rate: without one, amounts are compared as they are."""
    noun = rates_noun()
    return noun is not None and noun.objects.exists()


def is_converted(noun: type[Record], amount: Field) -> bool:
    """Whether values of a field are compared in the tenant's currency: they may be in several, and there are
    rates."""
    return amount.type == "money" and noun.schema.currency is not None and has_rates()


def converted_name(noun: type[Record], amount: Field) -> str:
    """Returns the column by which values of a field are compared, as lookups name it."""
    return (
        f"{amount.column}__{Converted.lookup_name}" if is_converted(noun, amount) else amount.column
    )


class Rates:
    """The exchange rates of currencies on given days, read in one statement.

    Whoever may see an amount may see its worth, so the actor's visibility is not checked.
    """

    def __init__(self, wanted: Iterable[tuple[str, date | None]]) -> None:
        noun, self.own = rates_noun(), tenancy.require().currency
        pairs = sorted({(c, d) for c, d in wanted if c != self.own and d is not None})
        self.known: dict[tuple[str, date], UsedRate] = {}
        if noun is None or not pairs:
            return
        sql = (
            "SELECT w.currency, w.day, r.day, r.rate FROM unnest(%s::text[], %s::date[]) "
            f"AS w(currency, day) CROSS JOIN LATERAL (SELECT day, rate FROM {_table(noun)} x "
            "WHERE x.tenant_id = %s AND x.deleted_at IS NULL AND x.currency = w.currency "
            "AND x.day <= w.day ORDER BY x.day DESC LIMIT 1) AS r"
        )
        given = [[c for c, _ in pairs], [d for _, d in pairs], tenancy.require().pk]
        for currency, day, since, rate in prepared.execute_prepared(sql, given):
            self.known[currency, day] = UsedRate(currency, since, rate)

    def between(
        self, currency: str, to: str, day: date | None
    ) -> tuple[Decimal | None, list[UsedRate]]:
        """Returns the worth of one unit of a currency in another, by way of the tenant's, and the rates used;
        None if one is missing."""
        if currency == to:
            return Decimal(1), []
        used = [self.known.get((c, day)) for c in (currency, to) if c != self.own and day]
        if not used or any(each is None for each in used):
            return None, []
        found = [each for each in used if each is not None]
        worth = {each.currency: Decimal(str(each.rate)) for each in found}
        return worth.get(currency, Decimal(1)) / worth.get(to, Decimal(1)), found


def sum_amounts(
    found: models.QuerySet[Any],
    *names: str,
    by: Sequence[str] = (),
    to: str | None = None,
    as_of: datetime | None = None,
) -> dict[tuple[Any, ...], tuple[Amounts, ...]]:
    """Returns the sums of money fields (by Python name) of the records ``found``, grouped by the columns
    ``by``.

    The totals are in the currency ``to``, by default the tenant's. The cost is one pass over the records, and
    a look-up for each currency and day among them. ``as_of`` is the moment of the records. Without records
    there is no group.
    """
    noun: type[Any] = found.model
    own, schema = tenancy.require().currency, getattr(noun, "schema", None) or noun.noun.schema
    base = Value(own, output_field=models.CharField())
    currency = F(schema.currency.attname) if schema.currency else base
    parts = {"_currency": currency, "_day": day_of_rate(schema, to or own, as_of)}
    sums = {f"_sum_{name}": Sum(name) for name in names}
    rows = (
        found.order_by().annotate(**parts).values(*by, *parts).annotate(**sums)
        .values_list(*by, *parts, *sums)
    )  # fmt: skip
    read = [(row[: len(by)], *row[len(by) : len(by) + 2], row[len(by) + 2 :]) for row in rows]
    known = (
        Rates((code, day) for _key, code, day, _amounts in read)
        if to in (None, own)
        else (Rates((each, day) for _key, code, day, _amounts in read for each in (code, to)))
    )
    groups: dict[tuple[Any, ...], tuple[Amounts, ...]] = {}
    for key, code, day, amounts in read:
        group = groups.setdefault(tuple(key), tuple(Amounts(to or own) for _ in names))
        rate, used = known.between(code, to or own, day)
        for total, amount in zip(group, amounts, strict=True):
            if amount is not None:
                total.add(code, amount, rate, *used)
    return groups


def day_of_rate(schema: Any, to: str, as_of: datetime | None) -> Any:
    """Returns the day whose rate converts a record's amounts; NULL for amounts in the currency ``to``."""
    today = Value(rate_day(as_of), output_field=DateField())
    if schema.currency is None:
        return Cast(Value(None), DateField())
    ends = [_day(schema.by_name[name]) for name in schema.currency.fixed_on]
    day = Least(Coalesce(*ends, today), today) if ends else today
    foreign = ~models.Q(**{schema.currency.attname: to})
    return Case(When(foreign, then=day), default=None, output_field=DateField())


def rate_day(as_of: datetime | None = None) -> date:
    """Returns the day whose rates convert open records: today in UTC, or the day of ``as_of``."""
    return (as_of or clock.now()).date()


def _day(column: Any) -> Any:
    return F(column.column) if column.type == "date" else TruncDate(column.column, tzinfo=clock.UTC)


def _table(noun: type[Record]) -> str:
    return connection.ops.quote_name(noun._meta.db_table)


# -- one record's amount, to sort and to compare by --------------------------------------------------------


class Converted(models.Transform):
    """A money column in the tenant's currency, rounded to cents: ``value__converted``.

    NULL if a rate is missing. The rate is looked up for each record in another currency than the tenant's.
    """

    lookup_name = "converted"
    output_field = models.DecimalField(max_digits=30, decimal_places=2)

    def as_sql(  # type: ignore[override]  # the stubs give `**extra` names
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, Sequence[Any]]:
        amount: Any = self.lhs
        column, given = compiler.compile(amount)
        # For a tenant's own field, the column that holds its values has the table.
        own: Any = amount.lhs if isinstance(amount, CustomValue) else amount
        noun, rates = own.target.model, rates_noun()
        schema = getattr(noun, "schema", None) or noun.noun.schema
        if rates is None or schema.currency is None:
            return column, given
        alias = compiler.quote_name_unless_alias(own.alias)  # the alias of a subquery has no quotes
        name = f"{alias}.{prepared.quoted_column(noun, schema.currency.name)}"
        ends = [
            f"{alias}.{prepared.quoted_column(noun, each)}"
            + ("" if schema.by_name[each].type == "date" else " AT TIME ZONE 'UTC'")
            for each in schema.currency.fixed_on
        ]
        days = "".join(f"({end})::date, " for end in ends)
        tenant = tenancy.require()
        today, asked = _day_asked(compiler, own.target.model, alias)
        sql = (
            f"CASE WHEN {name} = %s THEN {column} ELSE round({column} * "
            f"(SELECT x.rate::numeric FROM {_table(rates)} x WHERE x.tenant_id = %s "
            f"AND x.deleted_at IS NULL AND x.currency = {name} "
            f"AND x.day <= least(coalesce({days}{today}), {today}) "
            "ORDER BY x.day DESC LIMIT 1), 2) END"
        )
        return sql, [tenant.currency, *given, *given, tenant.pk, *asked, *asked]


def _day_asked(compiler: Any, model: type[models.Model], alias: str) -> tuple[str, list[Any]]:
    """Returns the SQL of the day whose rates convert open records: today, the moment of the versions
    (:func:`headlessly.log.versions.valid_at`), or for versions without one their own beginning."""
    if not issubclass(model, Version):
        return "%s", [rate_day()]
    moment = compiler.query.annotations.get("moment")
    sql, given = (f"{alias}.valid_from", ()) if moment is None else compiler.compile(moment)
    return f"({sql} AT TIME ZONE 'UTC')::date", [*given]


models.DecimalField.register_lookup(Converted)
