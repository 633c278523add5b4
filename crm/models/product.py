"""The product: what is sold, and what one of it costs."""

from __future__ import annotations

from crm.models.deal import Deal
from headlessly.declaration.fields import Choice, Currency, Flag, Money, String, Text
from headlessly.declaration.files import Files
from headlessly.nouns import Noun


class Product(Noun):
    """What a deal may consist of: a thing or a service, with its price."""

    name = String(required=True)
    sku = String("the number that it has in the catalogue", unique=True)
    price = Money("what one costs, without tax", required=True)
    currency = Currency()
    interval = Choice(Deal.Interval, "how often it is paid; once if empty")
    unit = String("what one of it is", suggests=("piece", "user", "hour", "day", "month"))
    is_active = Flag("whether it is still sold", default=True)
    description = Text("what it is, for whoever offers it")

    class Surface:
        icon = "inventory_2"
        area = "setup"
        setting = "What is sold, and for how much"
        rank = 54
        columns = ("name", "sku", "price", "interval", "unit", "is_active")
        facets = ("is_active", "interval")
        ranges = ("price",)
        no_mean = ("price",)
        inline = ("price", "is_active")
        search = ("name", "sku", "description")
        ordering = ("name",)
        groups = (
            ("What", ("name", "sku", "description", "is_active")),
            ("Price", ("price", "currency", "interval", "unit")),
        )
        files = Files(
            headings={
                "name": ("Product", "Product name", "Produkt", "Artikel", "Bezeichnung"),
                "sku": ("SKU", "Product code", "Item number", "Artikelnummer"),
                "price": ("Price", "Unit price", "List price", "Preis", "Listenpreis"),
                "currency": ("Currency code", "Währung"),
                "interval": ("Billing frequency", "Billing period", "Abrechnung"),
                "unit": ("Unit of measure", "Usage unit", "Einheit"),
                "is_active": ("Active", "Product active", "Aktiv"),
            },
            words={},
        )
