"""How people and companies come in the files of other programs: their headings and their words.

From exports of HubSpot, Salesforce, Zoho, Apollo, Pipedrive, Dynamics, LinkedIn, Meta, Google, Outlook,
Typeform and Calendly, of the scanners at fairs, of address books, and of people's own tables.
"""

from __future__ import annotations

from headlessly.declaration.files import Files

COMPANY = (
    "Company", "Company Name", "Company / Account", "Account Name", "Account", "Organization Name",
    "Organisation", "Associated Company", "Primary Associated Company", "Employer", "Business Name",
    "Company Name for Emails", "Firma", "Firmenname", "Unternehmen", "Betrieb", "Kunde",
)  # fmt: skip
OWNER = (
    "Owner Name", "Sales Rep", "Sales Representative", "Rep", "Account Manager", "Assigned To", "Assignee",
    "Salesperson", "Account Owner", "Besitzer", "Verantwortlich", "Betreuer", "Vertrieb", "Zuständig",
)  # fmt: skip
CREATED = (
    "Create Date", "Created Date", "Created Time", "Created", "Created On", "Date Created", "Date added",
    "Creation Date", "Erstellungsdatum", "Angelegt am", "Erfasst am",
)  # fmt: skip
LINKEDIN = (
    "LinkedIn", "LinkedIn URL", "Person LinkedIn URL", "LinkedIn Profile", "LinkedIn Profile URL", "URL",
    "LinkedIn Bio",
)  # fmt: skip
YES, NO = ("true", "yes", "1", "x", "ja"), ("false", "no", "0", "nein")

CONTACT = Files(
    headings={
        "name": (
            "Full Name", "Contact Name", "Contact Person", "Contact", "Person", "Person - Name",
            "Display Name",
            "What's your name?", "Your Name", "Your full name", "Ansprechpartner", "Ansprechperson",
            "Kontaktperson", "Kontakt",
        ),
        "first_name": (
            "Given Name", "Forename", "First", "Contact First Name", "What's your first name?", "Vorname",
        ),
        "last_name": (
            "Family Name", "Surname", "Last", "Contact Last Name", "What's your last name?", "Nachname",
            "Familienname", "Zuname",
        ),
        "email": (
            "Email Address", "E-mail", "E-Mail Address", "Mail", "Work Email", "Your work email",
            "Your email",
            "Business Email", "Primary Email", "Contact Email", "Person - Email - Work", "E-mail 1 - Value",
            "What's your email?", "What's your email address?", "E-Mail-Adresse", "Mailadresse",
            "Personal Email", "Secondary Email", "E-mail 2 - Value", "E-mail 2 Address", "E-mail 3 - Value",
        ),
        "phone": (
            "Phone Number", "Telephone", "Telephone Number", "Tel", "Tel.", "Work Phone", "Business Phone",
            "Work Direct Phone", "Direct Phone", "Office Phone", "Primary Phone", "Person - Phone - Work",
            "Phone 1 - Value", "Text reminder number", "Telefon", "Telefonnummer", "Rufnummer", "Festnetz",
            "Corporate Phone", "Company Phone", "Home Phone", "Other Phone", "Phone 2", "Phone 2 - Value",
        ),
        "mobile": (
            "Mobile Phone", "Mobile Number", "Mobile Phone Number", "Cell", "Cell Phone", "Cellphone",
            "Person - Phone - Mobile", "Handy", "Handynummer", "Mobiltelefon", "Mobilnummer", "Mobile 2",
        ),
        "title": (
            "Job Title", "Position", "Job Function", "Job Role", "Organization Title", "Function",
            "Berufsbezeichnung", "Stelle", "Funktion",
        ),
        "department": ("Departments", "Organization Department", "Abteilung", "Bereich"),
        "owner": ("Contact Owner", "Lead Owner", *OWNER),
        "stage": ("Lifecycle Stage", "Contact Stage", "Customer Stage"),
        "status": ("Unsubscribed from all email", "Email Opt Out", "Has Opted Out Of Email", "Opted Out"),
        "source": (
            "Lead Source", "Original Source", "Origin", "Channel", "How did you hear about us?",
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
        "created_at": (*CREATED, "Connected On", "Scan Time", "Submit Date", "Submitted At", "Timestamp"),
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
    described={"organization": ("name", "domain", "website", "industry", "employee_count", "annual_revenue")},
    named_by=(("first_name", "last_name"), ("email",)),
)  # fmt: skip

ORGANIZATION = Files(
    headings={
        "name": COMPANY,
        "legal_name": ("Registered Name", "Firmierung"),
        "domain": ("Company Domain Name", "Company Domain", "Email Domain", "Primary Domain"),
        "website": (
            "Company Website", "Website URL", "Web", "Homepage", "Web Site", "Website 1 - Value",
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
            "Street", "Street Address", "Company Street", "Company Address", "Billing Street",
            "Address 1 - Street", "Straße", "Strasse", "Anschrift",
        ),
        "city": ("Town", "Company City", "Billing City", "Ort", "Stadt"),
        "state": (
            "State/Province", "State/Region", "Province", "Region", "Company State", "Billing State",
            "Bundesland",
        ),
        "postal_code": (
            "Zip", "Zip Code", "Zip/Postal Code", "Postcode", "Company Postal Code", "Billing Zip", "PLZ",
            "Postleitzahl",
        ),
        "country": ("Country/Region", "Company Country", "Billing Country", "Land"),
        "parent": ("Parent Account", "Parent Company", "Muttergesellschaft"),
        "linkedin_url": ("Company LinkedIn URL", "LinkedIn Company Page", "LinkedIn"),
        "twitter_handle": ("Company Twitter", "Twitter", "Twitter URL"),
        "source": ("Account Source", "Original Source", "Lead Source", "Herkunft"),
        "created_at": CREATED,
    },
    words={"type": {"Customer": ("Client", "Kunde"), "Prospect": ("Lead", "Interessent")}},
)  # fmt: skip

LEAD = Files(
    headings={
        "name": (
            "Lead Name", "Lead", "Lead Title", "Enquiry", "Opportunity Name", "Deal Name", "Anfrage",
            "Betreff",
        ),
        "owner": ("Lead Owner", "Contact Owner", *OWNER),
        "status": ("Lead Status", "Lead Stage", "Stage", "Phase", "Leadstatus"),
        "source": (
            "Lead Source", "Original Source", "Origin", "Channel", "UTM Source",
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
            "Est. Value", "Qualifier: Budget", "Auftragswert", "Betrag", "Volumen",
        ),
        "need": (
            "What do you need?", "How can we help?", "Qualifier: Interest", "Requirements", "Message",
            "Notes",
            "Note", "Description", "Comments", "Comment", "Bedarf", "Nachricht", "Notizen", "Notiz",
            "Bemerkung",
            "Beschreibung", "Kommentar",
        ),
        "timeline": ("Qualifier: Timeframe", "Timeframe", "Time frame", "Purchase timeframe", "Zeitrahmen"),
        "authority": ("Decision maker", "Entscheider"),
        "first_touch_at": ("First Touch", "First Seen", "Scan Time", "Erstkontakt"),
        "last_activity_at": ("Last Activity Date", "Last Contacted", "Last Activity Time"),
        "created_at": (*CREATED, "Submit Date", "Submitted At", "Timestamp"),
    },
    words={
        "status": {
            "New": (
                "Open", "Open - Not Contacted", "Not Contacted", "Attempted to Contact", "Created", "Raw",
                "Unqualified yet", "Offen", "Open Lead",
            ),
            "Contacted": (
                "Working", "Working - Contacted", "In Progress", "Attempting", "Connected",
                "Contact in Future",
                "Open Deal", "In Bearbeitung", "In Kontakt", "Nurturing",
            ),
            "Qualified": (
                "Pre-Qualified", "Sales Qualified", "Marketing Qualified", "SQL", "MQL", "Interested",
            ),
            "Lost": (
                "Lost Lead", "Junk Lead", "Closed - Not Converted", "Disqualified", "Unqualified",
                "Bad Timing",
            ),
        },
    },
    described={
        "organization": (
            "name", "domain", "website", "industry", "employee_count", "annual_revenue", "address", "city",
            "state", "postal_code", "country",
        ),
        "contact": (
            "name", "first_name", "last_name", "email", "phone", "mobile", "title", "department",
            "linkedin_url",
            "status", "marketing_consent", "timezone",
        ),
    },
    named_by=(("contact",), ("organization",)),
    alike=("contact", "name"),
    otherwise={"source": "import"},
)  # fmt: skip

DEAL = Files(
    headings={
        "name": (
            "Deal Name", "Opportunity Name", "Potential Name", "Opportunity", "Title", "Deal Title",
            "Geschäft",
        ),
        "value": (
            "Amount", "Deal Value", "Deal Amount", "Deal Size", "Est. Revenue", "Betrag", "Volumen",
            "Summe",
        ),
        "stage": ("Deal Stage", "Sales Stage", "Opportunity Stage", "Phase"),
        "owner": ("Deal Owner", "Opportunity Owner", "Potential Owner", *OWNER),
        "contact": (
            "Contact Name", "Primary Contact", "Associated Contact", "Contact person",
            "Ansprechpartner",
        ),
        "expected_close_date": (
            "Close Date", "Closing Date", "Expected Close", "Est. Close Date", "Abschlussdatum",
        ),
        "source": ("Lead Source", "Original Source", "Leadquelle", "Herkunft"),
        "campaign": ("Campaign Name", "Primary Campaign Source", "Kampagne"),
        "currency": ("Deal Currency", "Currency Code", "Währung"),
        "probability": ("Probability (%)", "Win Probability", "Deal Probability"),
        "forecast_category": ("Forecast Category Name", "Forecast"),
        "created_at": CREATED,
    },
    words={
        "forecast_category": {"BestCase": ("Best Case",), "Commit": ("Forecast", "Committed")},
        "stage": {
            "Prospecting": ("Prospect", "Appointment Scheduled", "Lead In", "New"),
            "Qualification": ("Needs Analysis", "Qualified to Buy", "Qualified", "Discovery"),
            "Proposal": (
                "Proposal/Price Quote", "Initial Offer", "Presentation Scheduled", "Value Proposition",
                "Angebot",
            ),
            "Negotiation": (
                "Negotiation/Review", "Contract Sent", "Decision Maker Bought-In", "Verhandlung",
            ),
            "Won": ("Closed Won",),
            "Lost": ("Closed Lost",),
        },
    },
    described={"organization": ("name",)},
    named_by=(("organization",), ("contact",)),
    alike=("organization", "contact", "name"),
)  # fmt: skip
