"""How other programs name people and companies in their files: headings and values.

The names come from the exports of HubSpot, Salesforce, Zoho, Apollo, Pipedrive, Dynamics, LinkedIn, Meta,
Google, Outlook, Typeform and Calendly, from scanners at fairs, from address books, and from people's own
tables.
"""

from __future__ import annotations

from crm.models import programs
from headlessly.declaration.files import Files

#: The prefixes with which programs say whose address it is.
WHOSE = (
    "",
    "Company",
    "Billing",
    "Mailing",
    "Business",
    "Work",
    "Office",
    "Primary Address",
    "Address",
    "Address 1",
    "Account",
)


def of_address(*parts: str) -> tuple[str, ...]:
    """Returns the headings for a part of an address: ``Zip``, ``Billing Zip``, ``Address 1: Zip``."""
    return tuple(f"{whose} {part}".strip() for whose in WHOSE for part in parts)


COMPANY = (
    "Company", "Company Name", "Company / Account", "Account Name", "Account", "Organization Name",
    "Organisation", "Associated Company", "Primary Associated Company", "Employer", "Business Name",
    "Company Name for Emails", "Related Company", "Organization", "Firma", "Firmenname", "Unternehmen",
    "Betrieb", "Kunde",
)  # fmt: skip
OWNER = (
    "Owner Name", "Sales Rep", "Sales Representative", "Rep", "Account Manager", "Assigned To", "Assignee",
    "Salesperson", "Account Owner", "Besitzer", "Verantwortlich", "Betreuer", "Vertrieb", "Zuständig",
    "Assigned User Name", "Assigned User", "Sales Owner",
)  # fmt: skip
CREATED = (
    "Create Date", "Created Date", "Created Time", "Created", "Created On", "Date Created", "Date added",
    "Creation Date", "Erstellungsdatum", "Erstellt am", "Erstellt",
    "Angelegt am", "Erfasst am", "Date Created UTC",
)  # fmt: skip
SUBMITTED = (
    "Submit Date",
    "Submitted At",
    "Submitted On",
    "Submission Date",
    "Submission Time",
    "Entry Date",
    "Timestamp",
    "Zeitstempel",
)
LINKEDIN = (
    "LinkedIn", "LinkedIn URL", "Person LinkedIn URL", "LinkedIn Profile", "LinkedIn Profile URL", "URL",
    "LinkedIn Bio",
)  # fmt: skip
#: Headings about the company in a row about a person.
OF_COMPANY = (
    "name",
    "domain",
    "website",
    "industry",
    "employee_count",
    "annual_revenue",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
)
PART_OF_NAME = r"(?:[^\W\d_a-z][\w'’.-]*|van|von|der|de|da|del|la)"
YES, NO = ("true", "yes", "1", "x", "ja"), ("false", "no", "0", "nein")

CONTACT = Files(
    headings={
        "name": (
            "Full Name", "Contact Name", "Primary Contact", "Primary Contact Name", "Contact Person",
            "Contact", "Person",
            "Display Name",
            "What's your name?", "Your Name", "Your full name", "Ansprechpartner", "Ansprechperson",
            "Kontaktperson", "Kontakt",
        ),
        "first_name": (
            "Given Name", "Forename", "First", "Contact First Name", "What's your first name?",
            "Name First", "Vorname",
        ),
        "last_name": (
            "Family Name", "Surname", "Last", "Contact Last Name", "What's your last name?", "Name Last",
            "Nachname",
            "Familienname", "Zuname",
        ),
        "email": (
            "Email Address", "E-mail", "E-Mail Address", "Mail", "Work Email", "Your work email",
            "Your email",
            "Business Email", "Primary Email", "Contact Email", "E-mail 1 - Value",
            "What's your email?", "What's your email address?", "E-Mail-Adresse", "Mailadresse",
            "Primary Contact Primary Email", "User Email", "Email Work", "Email Home", "Email Other",
            "Personal Email", "Secondary Email",
            "E-mail 2 - Value", "E-mail 2 Address", "E-mail 3 - Value", "E-mail 3 Address",
            "Email 2", "Email 3", "E-mail 2", "E-mail 3", "Alternate Email", "Alternative Email",
            "Other Email", "E-Mail privat",
        ),
        "other_emails": (
            "Additional Emails", "Additional Email Addresses", "Other Email Addresses", "Secondary Emails",
            "Weitere E-Mail-Adressen", "Weitere Adressen",
        ),
        "other_phones": (
            "Additional Phones", "Additional Phone Numbers", "Other Phone Numbers", "Weitere Telefonnummern",
        ),
        "phone": (
            "Phone Number", "Telephone", "Telephone Number", "Tel", "Tel.", "Work Phone", "Business Phone",
            "Work Direct Phone", "Direct Phone", "Office Phone", "Primary Phone",
            "Phone 1 - Value", "Text reminder number", "Telefon", "Telefonnummer", "Rufnummer", "Festnetz",
            "Primary Contact Primary Phone", "User Phone", "Phone Work", "Phone Home", "Phone Other",
            "Corporate Phone", "Company Phone", "Home Phone",
            "Other Phone", "Phone 2", "Phone 2 - Value", "Phone 3", "Phone 3 - Value", "Telefon 2",
        ),
        "mobile": (
            "Mobile Phone", "Mobile Number", "Mobile Phone Number", "Cell", "Cell Phone", "Cellphone",
            "Phone Mobile", "Handy", "Handynummer", "Mobiltelefon", "Mobilnummer", "Mobile 2",
        ),
        "title": (
            "Job Title", "Position", "Job Position", "Job Function", "Job Role", "Organization Title",
            "Function",
            "Berufsbezeichnung", "Stelle", "Funktion",
        ),
        "department": ("Departments", "Organization Department", "Abteilung", "Bereich"),
        "owner": ("Contact Owner", "Lead Owner", *OWNER),
        "stage": ("Lifecycle Stage", "Contact Stage", "Customer Stage"),
        "status": ("Unsubscribed from all email", "Email Opt Out", "Has Opted Out Of Email", "Opted Out"),
        "source": (
            "Lead Source", "Original Source", "Original Traffic Source", "Traffic Source", "Origin",
            "Channel", "How did you hear about us?",
            "UTM Source",
            "Platform", "Leadquelle", "Herkunft", "Kanal",
        ),
        "lead_score": ("HubSpot Score", "Likelihood to close"),
        "linkedin_url": LINKEDIN,
        "twitter_handle": ("Twitter", "Twitter URL", "X", "X Handle", "Twitter Username"),
        "avatar": ("Photo", "Picture", "Profile picture"),
        "marketing_consent": (
            "I agree to be contacted", "Consent", "Email Opt In", "Opt In", "GDPR Consent", "Newsletter",
            "Einwilligung",
        ),
        "timezone": ("Time zone", "Zeitzone"),
        "language": ("Preferred Language", "Locale", "Sprache"),
        "last_engagement": (
            "Last Activity Date", "Last Contacted", "Last Activity", "Last Modified by rep",
        ),
        "created_at": (*CREATED, "Connected On", "Scan Time", *SUBMITTED),
    },
    words={
        "stage": {
            "Lead": ("Subscriber", "Prospect", "Cold", "New", "Approaching"),
            "Qualified": (
                "Marketing Qualified Lead", "Sales Qualified Lead", "MQL", "SQL", "Opportunity",
                "Interested",
            ),
            "Customer": ("Evangelist", "Client", "Kundin"),
            "Churned": ("Former Customer", "Lost Customer"),
        },
        "status": {"Unsubscribed": YES, "Active": NO},
    },
    patterns={"linkedin_url": r"linkedin\."},
    # Two to four words that begin with a capital; in scripts without capitals, any letter.
    looks={"name": rf"{PART_OF_NAME}(?:\s{PART_OF_NAME}){{1,3}}\Z"},
    called=("Person",),
    precise={"title": ("Job Title", "Job Position", "Position")},
    described={"organization": OF_COMPANY},
    programs=programs.OF_PEOPLE,
    named_by=(("first_name", "last_name"), ("email",)),
    alike=("name", "email", "phone"),
    of_all=("owner",),
)  # fmt: skip

ORGANIZATION = Files(
    headings={
        "name": COMPANY,
        "legal_name": ("Registered Name", "Firmierung"),
        "domain": ("Company Domain Name", "Company Domain", "Email Domain", "Primary Domain"),
        "website": (
            "Company Website", "Website URL", "Website Link", "Web Page", "Web", "Homepage", "Web Site",
            "Website 1 - Value",
            "Webseite",
        ),
        "description": (
            "Notes", "About", "SEO Description", "Company Description", "Beschreibung", "Notizen",
        ),
        "type": ("Account Type", "Company Type"),
        "industry": ("Sector", "Company Industry", "Industry Type", "Branche"),
        "employee_count": (
            "Employees", "# Employees", "Number of Employees", "No. of Employees", "No of Employees",
            "NumberOfEmployees", "Company Size", "Mitarbeiter", "Mitarbeiterzahl", "Anzahl Mitarbeiter",
        ),
        "annual_revenue": ("Revenue", "Company Revenue", "Yearly Revenue", "Jahresumsatz", "Umsatz"),
        "founded_year": ("Year Founded", "Founded", "Gründungsjahr"),
        "address": (
            *of_address("Street", "Street 1", "Street Address", "Street address 1"), "Company Address",
            "Business Address", "Mailing Address", "Primary Address", "Straße", "Strasse", "Anschrift",
        ),
        "city": (*of_address("City", "Town"), "Ort", "Stadt"),
        "state": (
            *of_address("State", "State/Province", "State/Region", "Province", "Region"), "Bundesland",
        ),
        "postal_code": (
            *of_address("Zip", "Zip Code", "Zip/Postal Code", "Postal Code", "Postcode", "ZIP code"), "PLZ",
            "Postleitzahl",
        ),
        "country": (*of_address("Country", "Country/Region"), "Land"),
        "parent": ("Parent Account", "Parent Company", "Muttergesellschaft"),
        "linkedin_url": ("Company LinkedIn URL", "LinkedIn Company Page", "LinkedIn"),
        "twitter_handle": ("Company Twitter", "Twitter", "Twitter URL"),
        "source": ("Account Source", "Original Source", "Lead Source", "Herkunft"),
        "created_at": CREATED,
    },
    called=("Company", "Account"),
    programs=programs.OF_DEALS,
    looks={
        "name": r".*\b(?:GmbH|AG|KG|UG|SE|OHG|e\.?V|Inc|LLC|Ltd|Limited|Corp|Corporation|plc|PLC|Co|Company"
        r"|S\.?A|SAS|SARL|S\.?r\.?l|S\.?p\.?A|B\.?V|N\.?V|AB|Oy|ApS|A/S|Pty|Group|Holding)\b\.?.*"
    },
    alike=("name", "domain"),
    words={
        "type": {
            "Customer": ("Client", "Customer - Direct", "Customer - Channel", "Kunde"),
            "Prospect": ("Lead", "Interessent"),
        }
    },
)  # fmt: skip

LEAD = Files(
    headings={
        "name": (
            "Lead Name", "Lead", "Lead Title", "Enquiry", "Opportunity", "Opportunity Name", "Deal Name",
            "Anfrage",
            "Betreff",
        ),
        "owner": ("Lead Owner", "Contact Owner", *OWNER),
        "status": (
            "Lead Status", "Lead Stage", "Stage", "Status Reason", "Status Label", "Phase", "Leadstatus",
        ),
        "source": (
            "Lead Source", "Original Source", "Original Traffic Source", "Traffic Source", "Origin",
            "Channel", "UTM Source",
            "How did you hear about us?",
            "Platform", "Leadquelle", "Herkunft", "Kanal",
        ),
        "source_detail": (
            "Original Source Drill-Down 1", "Source Details", "Form Name", "Landing Page", "UTM Medium",
        ),
        "campaign": ("Campaign Name", "UTM Campaign", "Kampagne"),
        "score": ("Lead Score", "Scoring", "HubSpot Score"),
        "budget": (
            "Deal Size", "Deal Value", "Deal Amount", "Amount", "Value", "Expected Revenue",
            "Estimated Value",
            "Est. Value", "Opportunity Amount", "Qualifier: Budget", "Auftragswert", "Betrag", "Volumen",
        ),
        "currency": ("Currency Code", "Currency ISO Code", "Opportunity Amount Currency", "Währung"),
        "need": (
            "What do you need?", "How can we help?", "Qualifier: Interest", "Requirements", "Message",
            "Notes",
            "Note", "Topic", "Description", "Comments", "Comment", "Bedarf", "Nachricht", "Notizen",
            "Notiz",
            "Bemerkung",
            "Beschreibung", "Kommentar",
        ),
        "timeline": ("Qualifier: Timeframe", "Timeframe", "Time frame", "Purchase timeframe", "Zeitrahmen"),
        "authority": ("Decision maker", "Entscheider"),
        "first_touch_at": ("First Touch", "First Seen", "Scan Time", "Erstkontakt"),
        "last_activity_at": ("Last Activity Date", "Last Contacted", "Last Activity Time"),
        "converted_at": (
            "Converted Date", "Conversion Date", "Date Converted", "Converted Time", "Is Converted",
            "Konvertiert am", "Konvertiert",
        ),
        "lost_at": ("Lost Date", "Date Lost", "Lost Time", "Disqualified Date", "Is Lost", "Verloren am"),
        "lost_reason": (
            "Loss Reason", "Reason Lost", "Disqualification Reason", "Closed Lost Reason", "Verlustgrund",
        ),
        "created_at": (*CREATED, *SUBMITTED),
    },
    words={
        "status": {
            "New": (
                "Open", "Open - Not Contacted", "Not Contacted", "Attempted to Contact", "Created", "Raw",
                "Unqualified yet", "Assigned", "Offen", "Open Lead",
            ),
            "Contacted": (
                "Working", "Working - Contacted", "In Progress", "Attempting", "Connected",
                "Contact in Future",
                "Open Deal", "In Process", "In Bearbeitung", "In Kontakt", "Nurturing",
            ),
            "Qualified": (
                "Pre-Qualified", "Sales Qualified", "Marketing Qualified", "SQL", "MQL", "Interested",
            ),
            "Converted": ("Closed - Converted", "Converted Lead", "Won"),
            "Lost": (
                "Lost Lead", "Junk Lead", "Closed - Not Converted", "Disqualified", "Unqualified",
                "Bad Timing", "Dead", "Cannot Contact", "No Longer Interested", "Canceled",
            ),
        },
    },
    described={
        "organization": OF_COMPANY,
        "contact": (
            "name", "first_name", "last_name", "email", "phone", "mobile", "title", "department",
            "linkedin_url", "other_emails", "other_phones",
            "status", "marketing_consent", "timezone",
        ),
    },
    named_by=(("contact",), ("organization",)),
    namesakes=("contact",),
    programs=programs.OF_LEADS,
    alike=("contact", "name"),
    otherwise={"source": "import"},
    of_all=("campaign", "owner"),
)  # fmt: skip

DEAL = Files(
    headings={
        "name": (
            "Deal Name", "Opportunity Name", "Potential Name", "Opportunity", "Title", "Deal Title",
            "Geschäft",
        ),
        "value": (
            "Amount", "Opportunity Amount", "Deal Value", "Deal Amount", "Deal Size", "Est. Revenue",
            "Betrag", "Volumen",
            "Summe",
        ),
        "stage": (
            "Sales Stage", "Opportunity Stage", "Stage Name", "Phase", "Status", "Status Reason",
        ),
        "owner": ("Deal Owner", "Opportunity Owner", "Potential Owner", *OWNER),
        "contact": (
            "Contact Name", "Primary Contact", "Associated Contact", "Contact person",
            "Ansprechpartner",
        ),
        "expected_close_date": (
            "Close Date", "Closing Date", "Expected Close", "Est. Close Date", "Abschlussdatum",
        ),
        "source": ("Lead Source", "Original Source", "Leadquelle", "Herkunft"),
        "campaign": ("Campaign Name", "Primary Campaign Source", "Campaign Source", "Kampagne"),
        "currency": ("Currency Code", "Currency ISO Code", "Currency of Value", "Währung"),
        "won_at": ("Won Time", "Won Date", "Date Won", "Is Closed Won", "Is Won", "Won", "Gewonnen am"),
        "actual_close_date": (
            "Lost Time", "Lost Date", "Deal Closed On", "Closed On", "Actual Close Date", "Date Closed",
            "Closed Date", "Verloren am",
        ),
        "lost_reason": (
            "Loss Reason", "Reason For Loss", "Reason Lost", "Closed Lost Reason", "Verlustgrund",
        ),
        "won_reason": ("Win Reason", "Closed Won Reason"),
        "probability": ("Probability (%)", "Win Probability", "Deal Probability"),
        "forecast_category": ("Forecast Category Name", "Forecast"),
        "created_at": CREATED,
    },
    words={
        "forecast_category": {"BestCase": ("Best Case",), "Commit": ("Forecast", "Committed")},
        "stage": {
            "Prospecting": ("Prospect", "Appointment Scheduled", "Lead In", "Contact Made", "New"),
            "Qualification": (
                "Needs Analysis", "Qualified to Buy", "Qualified", "Qualify", "Discovery", "Demo Scheduled",
                "Develop",
            ),
            "Proposal": (
                "Proposal/Price Quote", "Proposal Made", "Initial Offer", "Presentation Scheduled",
                "Value Proposition", "Id. Decision Makers", "Identify Decision Makers",
                "Perception Analysis",
                "Proposition", "Propose", "Angebot",
            ),
            "Negotiation": (
                "Negotiation/Review", "Negotiations Started", "Contract Sent", "Decision Maker Bought-In",
                "Verhandlung",
            ),
            "Won": ("Closed Won",),
            "Lost": ("Closed Lost", "Closed Lost to Competition", "Canceled", "Out-Sold"),
            "": ("Open", "In Progress"),
        },
    },
    called=("Opportunity", "Potential"),
    programs=programs.OF_DEALS,
    happened={"actual_close_date": "expected_close_date"},
    described={"organization": ("name",)},
    named_by=(("organization",), ("contact",)),
    alike=("organization", "contact", "name"),
    of_all=("campaign", "owner"),
)  # fmt: skip
