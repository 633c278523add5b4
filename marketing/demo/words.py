"""What people say, ask for and answer in this line of business."""

from __future__ import annotations

from typing import Any

from marketing.demo.companies import INDUSTRIES

#: What leads are about, and the need behind each.
INTERESTS = (
    (
        "shift planning",
        "Plans shifts for several sites in spreadsheets; changes reach people too late.",
    ),
    (
        "stock counts",
        "Stock on the shelf and in the ERP differ; counts three times a year by hand.",
    ),
    (
        "crew scheduling",
        "Crews are dispatched by phone. Wants one board that foremen see on site.",
    ),
    (
        "route planning",
        "Drivers plan their own routes; wants fewer empty miles and delivery windows kept.",
    ),
    ("time tracking", "Paper timesheets delay payroll by a week every month."),
    (
        "maintenance planning",
        "Machines stand still unplanned; wants maintenance in the shift plan.",
    ),
    (
        "vehicle bookings",
        "Pool vehicles are booked twice; nobody knows which ones are due for service.",
    ),
    (
        "absence planning",
        "Holiday and sick leave are kept in three places; wants one, with rules.",
    ),
    (
        "temp staff planning",
        "A third of the staff is seasonal; contracts and shifts are matched by hand.",
    ),
    (
        "job costing",
        "Only knows after the invoice whether a job made money; wants hours per job live.",
    ),
    ("proof of delivery", "Customers dispute deliveries; wants signature and photo at the door."),
    (
        "works council rules",
        "The present tool cannot check rest periods and the agreed shift patterns.",
    ),
    (
        "replacing a planning tool",
        "The present vendor ends support next year; looks for a successor.",
    ),
    ("a pilot at one site", "Wants to try planning with one site before the others follow."),
    ("an ERP integration", "Needs orders from the ERP as jobs and hours back into it."),
)

AUTHORITIES = {
    "DecisionMaker": (
        "Decides alone up to the yearly budget",
        "Signs; finance has to agree above 50,000",
        "Final decision maker",
        "Decides together with the board",
    ),
    "Champion": (
        "Recommends; the operations director signs",
        "Runs the selection, management decides",
        "Owns the budget of the department",
    ),
    "Influencer": ("Asked for an opinion on IT security", "Part of a selection team of four"),
    "Blocker": ("Purchasing: wants three offers", "Checks every contract with legal"),
    "User": ("Would use it; no say in the decision", "Collects information for the manager"),
}

TIMELINES = (
    ("As soon as possible", 0.14),
    ("This quarter", 0.12),
    ("Next quarter", 0.06),
    ("Before the season starts", 0.05),
    ("With the new budget year", -0.02),
    ("Within twelve months", -0.08),
    ("No date yet", -0.16),
)

MISSED = (
    "No answer, left a voicemail.",
    "Number engaged, tried twice.",
    "Reception took a message.",
    "Out of office until next week.",
    "No answer.",
    "Not reached; sent a text with a link to my calendar.",
)
WRITTEN = (
    "Sent a short introduction and two open slots.",
    "Answered the question from the form, offered a call.",
    "Sent the one-pager for the industry.",
    "Followed up on the voicemail.",
)
REACHED = (
    "Good talk, {minutes} min: {about} is a real problem. Wants to see it.",
    "Reached. Compares vendors for {about}; we are on the list.",
    "Short call; interested in {about}, asked for prices first.",
    "Reached after the morning round. One person understands the spreadsheet for {about}.",
    "Friendly call. {about} was on the agenda last year already.",
    "Talked about {about}; wants to bring in IT.",
)
REPLIED = (
    "Replied: happy to talk about {about}.",
    "Wrote back with a list of questions on {about}.",
    "Answered the same day, asks for a demo of {about}.",
)
MET = (
    "Showed planning and mobile app. Two sites would start, the rest in autumn.",
    "Went through their week. They lose about a day per planner.",
    "Demo with four people; questions on rest periods and export to payroll.",
    "IT joined: single sign-on is a must, hosting in the EU fine.",
    "Good demo; the foremen liked the app, finance asked for a business case.",
    "Discovery: 3 planners, 2 tools, one spreadsheet. Will send us last month's plan.",
)
NURTURED = (
    "Sent the business case with their numbers.",
    "Reference call with a customer of the same size went well.",
    "Clarified data protection; sent the contract on data processing.",
    "Budget round is next week, call again after it.",
    "Talked through the roll-out plan, site by site.",
    "Sent prices for two variants.",
)
NOTES = (
    "Prefers to be called before 9.",
    "Uses a competitor at one site; the contract runs until the end of the year.",
    "Met at the trade fair; remembers our demo with the whiteboard.",
    "Company was taken over last year; planning is to be harmonised.",
    "Head office decides, sites may propose.",
    "Seasonal peak from May to September: no projects then.",
    "Knows the product from the previous employer.",
)

#: Why leads are lost, by how far they had come.
UNREACHED = (("No response", 78), ("Wrong contact data", 14), ("No longer with the company", 8))
UNFIT = (
    ("No budget", 24),
    ("No need at present", 22),
    ("Too small for us", 16),
    ("Feature missing", 12),
    ("Student or job seeker", 5),
    ("Chose a competitor", 13),
    ("Wanted prices only", 8),
)
STALLED = (
    ("Chose a competitor", 30),
    ("Project postponed", 24),
    ("Budget cut", 18),
    ("Stays with spreadsheets", 12),
    ("Decision maker left", 8),
    ("Requirements not met", 8),
)
#: The company's own lists of values.
LISTS: dict[str, dict[str, Any]] = {
    "Lead.lostReason": {
        "values": [
            *({"value": text} for text, _weight in UNREACHED),
            {"value": "No budget", "color": "#b45309"},
            {"value": "No need at present"},
            {"value": "Too small for us"},
            {"value": "Feature missing", "color": "#1d4ed8"},
            {"value": "Chose a competitor", "color": "#c62828"},
            {"value": "Project postponed", "color": "#b45309"},
            {"value": "Decision maker left"},
            {"value": "Student or job seeker", "retired": True},
        ],
    },
    "Contact.role": {
        "open": False,
        "values": [
            {"value": "DecisionMaker", "color": "#15803d"},
            {"value": "Champion", "color": "#0f766e"},
            "Influencer",
            "User",
            {"value": "Procurement", "color": "#1d4ed8"},
            {"value": "Blocker", "color": "#c62828"},
        ],
    },
    "Activity.result": {
        "values": [
            {"value": "Reached", "color": "#15803d"},
            {"value": "No answer", "color": "#57606a"},
            "Left a message",
            {"value": "Meeting agreed", "color": "#1d4ed8"},
            {"value": "Not interested", "color": "#b45309"},
        ],
    },
    "Organization.industry": {"values": [each.name for each in INDUSTRIES]},
}
#: Losses that are worth another try some months later.
REVIVED = {
    "No response": ("Answered the newsletter", 0.05),
    "No budget": ("New budget year", 0.14),
    "Project postponed": ("Project is back on the agenda", 0.22),
    "Budget cut": ("Budget is available again", 0.12),
    "No need at present": ("Opened a second site", 0.08),
    "Decision maker left": ("Successor got in touch", 0.20),
}

NEXT_STEPS = {
    "Prospecting": ("Confirm scope with operations", "Meet the planners"),
    "Qualification": ("Send proposal", "Agree on sites and start date"),
    "Proposal": ("Go through the proposal with finance", "Get the feedback of IT"),
    "Negotiation": ("Contract to legal", "Agree on payment terms"),
}
DEAL_TOUCHES = {
    "Qualification": ("Workshop on scope", "Two sites, 140 people; payroll export needed."),
    "Proposal": ("Presented the proposal", "Well received; finance wants a quarterly payment."),
    "Negotiation": ("Contract call", "Three open points: term, price of seats, exit clause."),
}
WON = (
    "Best fit for shift rules",
    "Mobile app",
    "Price and time to start",
    "Reference in the industry",
    "Integration with the ERP",
    "Trust in the team",
)
DEAL_LOST = (
    ("Price", 26),
    ("Chose a competitor", 28),
    ("No decision", 18),
    ("Legal terms", 6),
    ("Budget withdrawn", 14),
    ("Integration missing", 8),
)
COMPETITORS = (
    "Compares us with a cheaper planning tool without app.",
    "The ERP vendor offers a planning module for free in the first year.",
    "A local integrator proposes a custom solution.",
)

#: Leads of the last evening: those that a partner named, and one that asked directly.
REFERRED = ("Rossi Spedizioni, three sites", "Lindqvist Bygg, shift planning", "Haddad Foods")
#: People who left a card at a fair on the same evening.
FAIR = (
    "Marchetti Trasporti", "Okafor Logistics", "Brandt Gebäudereinigung", "Silva Refeições",
    "Nilsson Bygg", "Petrov Warehousing", "Dubois Traiteur", "Kowalski Spedycja",
    "O'Brien Facilities", "Yilmaz Nakliyat", "Andersen Catering", "Moreau Sécurité",
)  # fmt: skip
ASKED = "Question in the chat: two sites, from March"
