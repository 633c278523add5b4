"""Made-up companies: their names, what they do, where they are, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

STEMS = [
    "Alderbrook",
    "Amberfield",
    "Anchorline",
    "Arkwell",
    "Ashgrove",
    "Beaconhill",
    "Birchwater",
    "Blackmere",
    "Bluefern",
    "Brackenridge",
    "Brightwater",
    "Calderstone",
    "Cedarlane",
    "Claymont",
    "Copperfield",
    "Cormorant",
    "Crestholm",
    "Dovecote",
    "Driftwood",
    "Eastmark",
    "Elmstead",
    "Emberly",
    "Fallowfield",
    "Farrowdale",
    "Fennmoor",
    "Flintlock",
    "Foxhollow",
    "Galewood",
    "Glenmarch",
    "Goldcrest",
    "Greystone",
    "Halcyon",
    "Harborview",
    "Hartwell",
    "Hawksworth",
    "Hazelmount",
    "Heronsgate",
    "Highmoor",
    "Hollowbeck",
    "Ironbridge",
    "Juniper",
    "Kestrel",
    "Kingsferry",
    "Larkfield",
    "Linden",
    "Lockwood",
    "Lowland",
    "Maplecroft",
    "Marlow",
    "Meadowbank",
    "Millrace",
    "Mistral",
    "Moorgate",
    "Northfold",
    "Oakhurst",
    "Oldbarn",
    "Orchardson",
    "Osprey",
    "Palisade",
    "Peregrine",
    "Pinewater",
    "Quarrybank",
    "Quillmere",
    "Ravensworth",
    "Redwillow",
    "Rivermead",
    "Rookery",
    "Rosehill",
    "Rowanberry",
    "Saltmarsh",
    "Sandpiper",
    "Shorewick",
    "Silverbirch",
    "Skylark",
    "Southwind",
    "Springhead",
    "Starling",
    "Stonebeck",
    "Summerlee",
    "Tamarack",
    "Thistledown",
    "Tidewater",
    "Tillerman",
    "Underwood",
    "Valewood",
    "Waterford",
    "Westbrook",
    "Whinfell",
    "Wildrose",
    "Willowmere",
    "Windrush",
    "Wrenfield",
    "Yarrow",
]


@dataclass(frozen=True)
class Industry:
    name: str
    weight: int
    words: tuple[str, ...]  #: what such companies call themselves
    fit: float  #: how well Acme's product suits them


INDUSTRIES = (
    Industry("Logistics", 15, ("Freight", "Logistics", "Haulage", "Couriers", "Cold Chain"), 0.14),
    Industry("Manufacturing", 15, ("Works", "Metals", "Plastics", "Tooling", "Packaging"), 0.10),
    Industry("Facility Services", 10, ("Facilities", "Cleaning", "Building Services"), 0.12),
    Industry("Construction", 11, ("Construction", "Roofing", "Civil Works", "Scaffolding"), 0.04),
    Industry("Retail", 10, ("Stores", "Outfitters", "Garden Centres", "Furniture"), 0.02),
    Industry("Food & Beverage", 9, ("Dairy", "Bakeries", "Foods", "Brewing", "Roasters"), 0.06),
    Industry("Healthcare", 8, ("Clinics", "Care Homes", "Home Care", "Diagnostics"), 0.05),
    Industry("Energy", 6, ("Energy", "Solar", "Grid Services", "Heating"), 0.08),
    Industry("Hospitality", 6, ("Hotels", "Catering", "Resorts"), -0.04),
    Industry("Agriculture", 4, ("Farms", "Growers", "Nurseries"), -0.06),
    Industry("Telecommunications", 3, ("Networks", "Fibre", "Telecom"), 0.06),
    Industry("Public Sector", 3, ("Municipal Services", "Transit Authority", "Water Board"), -0.08),
)


@dataclass(frozen=True)
class Country:
    name: str
    weight: int
    region: str  #: decides the names of its people
    form: str  #: the legal form after a company's name
    timezone: str
    language: str
    dial: str
    cities: tuple[str, ...]

    @property
    def currency(self) -> str:
        """The currency in which its companies talk of money; euros for the smaller countries."""
        return {"United Kingdom": "GBP", "United States": "USD"}.get(self.name, "EUR")


COUNTRIES = (
    Country("United Kingdom", 22, "en", "Ltd", "Europe/London", "en-GB", "+44 20 7946",
            ("Leeds", "Bristol", "Manchester", "Norwich", "Glasgow", "Cardiff")),
    Country("Germany", 20, "de", "GmbH", "Europe/Berlin", "de", "+49 30 23125",
            ("Hamburg", "Leipzig", "Dortmund", "Kassel", "Augsburg", "Bremen")),
    Country("United States", 14, "en", "Inc.", "America/New_York", "en-US", "+1 212 555",
            ("Columbus", "Pittsburgh", "Richmond", "Albany", "Charlotte")),
    Country("Netherlands", 9, "de", "B.V.", "Europe/Amsterdam", "nl", "+31 20 555",
            ("Utrecht", "Eindhoven", "Zwolle", "Breda")),
    Country("France", 9, "fr", "SAS", "Europe/Paris", "fr", "+33 1 99 00",
            ("Nantes", "Lille", "Dijon", "Tours", "Rennes")),
    Country("Ireland", 5, "en", "Ltd", "Europe/Dublin", "en-IE", "+353 20 915",
            ("Cork", "Galway", "Limerick")),
    Country("Sweden", 5, "nordic", "AB", "Europe/Stockholm", "sv", "+46 8 465 004",
            ("Malmö", "Uppsala", "Örebro")),
    Country("Denmark", 3, "nordic", "A/S", "Europe/Copenhagen", "da", "+45 32 55",
            ("Aarhus", "Odense")),
    Country("Spain", 5, "es", "S.L.", "Europe/Madrid", "es", "+34 91 555",
            ("Zaragoza", "Valencia", "Bilbao")),
    Country("Italy", 4, "it", "S.r.l.", "Europe/Rome", "it", "+39 02 5550",
            ("Bologna", "Verona", "Parma")),
    Country("Poland", 4, "pl", "Sp. z o.o.", "Europe/Warsaw", "pl", "+48 22 555",
            ("Poznań", "Łódź", "Gdańsk")),
)  # fmt: skip

#: Tier, share, and the range of employees.
SIZES = (
    ("Startup", 12, 6, 40),
    ("SMB", 43, 20, 160),
    ("Business", 33, 160, 900),
    ("Enterprise", 12, 900, 7000),
)


@dataclass
class Company:
    """One company: the facts about it, and its record once somebody has created it."""

    name: str
    domain: str
    industry: Industry
    country: Country
    city: str
    tier: str
    employees: int
    founded: int
    id: str | None = None
    looked_up: bool = False  #: whether a rep has recorded the facts

    @property
    def facts(self) -> dict[str, Any]:
        """What a rep finds out about it."""
        return {
            "legal_name": f"{self.name} {self.country.form}",
            "tier": self.tier,
            "industry": self.industry.name,
            "employee_count": self.employees,
            "annual_revenue": round(self.employees * 118_000, -5),
            "founded_year": self.founded,
            "city": self.city,
            "timezone": self.country.timezone,
        }

    @property
    def known(self) -> dict[str, Any]:
        """What is known when the first of its people gets in touch."""
        return {
            "name": self.name,
            "domain": self.domain,
            "website": f"https://www.{self.domain}",
            "country": self.country.name,
        }


def endless_companies(rng: Random, taken: set[str]) -> Iterator[Company]:
    """Yields companies without end, none of them with a name that is `taken`."""
    while True:
        industry = rng.choices(INDUSTRIES, [i.weight for i in INDUSTRIES])[0]
        country = rng.choices(COUNTRIES, [c.weight for c in COUNTRIES])[0]
        tier, _, low, high = rng.choices(SIZES, [s[1] for s in SIZES])[0]
        name = f"{rng.choice(STEMS)} {rng.choice(industry.words)}"
        # More are small than large, within a tier as well.
        employees = int(low * (high / low) ** (rng.random() ** 1.4))
        founded = 2024 - int(rng.random() ** 2 * (12 if tier == "Startup" else 90)) - 1
        city = rng.choice(country.cities)
        if name in taken:
            continue
        taken.add(name)
        domain = name.lower().replace(" ", "-") + ".example"
        yield Company(name, domain, industry, country, city, tier, employees, founded)
