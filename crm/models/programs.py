"""The programs that people move from, recognized by the headings of their exports.

What the headings of all programs mean stands in :mod:`.files`; here is what belongs to one program alone.
"""

from __future__ import annotations

from dataclasses import replace

from headlessly.declaration.files import Program

HUBSPOT = Program(
    "HubSpot",
    signs=(
        ("Record ID", "Lifecycle Stage"), ("Record ID", "Close Date"), ("Record ID", "Company owner"),
        ("Record ID", "Original Source"),
    ),
)  # fmt: skip
SALESFORCE = Program(
    "Salesforce",
    signs=(
        ("Lead Owner", "Company / Account"), ("LEADSOURCE", "ISCONVERTED"),
        ("LEADSOURCE", "HASOPTEDOUTOFEMAIL"), ("STAGENAME", "CLOSEDATE"), ("Account Name", "Account Owner"),
    ),
)  # fmt: skip
PIPEDRIVE = Program(
    "Pipedrive",
    signs=(
        ("Lead - Title",),
        ("Deal - Title",),
        ("Person - Organization",),
        ("Organization - Owner",),
    ),
)
ZOHO = Program(
    "Zoho",
    signs=(
        ("Record Id", "Lead Owner.id"), ("Record Id", "Contact Owner.id"), ("Record Id", "Closing Date"),
        ("Record Id", "Account Owner.id"), ("LEADID", "Lead Owner"),
    ),
)  # fmt: skip
GOOGLE = Program(
    "Google Contacts",
    signs=(("File As", "E-mail 1 - Value"), ("Given Name", "E-mail 1 - Value")),
    otherwise={"source": "Google Contacts"},
)
LINKEDIN = Program("LinkedIn", signs=(("URL", "Connected On"),), otherwise={"source": "LinkedIn"})
META = Program(
    "Meta lead ads",
    signs=(("created_time", "ad_id", "form_id"),),
    words={"source": {"fb": "Facebook", "ig": "Instagram", "an": "Audience Network"}},
    otherwise={"source": "Meta lead ads"},
)
OF_DEALS = (HUBSPOT, SALESFORCE, PIPEDRIVE, ZOHO)
OF_PEOPLE = (*OF_DEALS, GOOGLE, LINKEDIN, META)
#: The day on which the lead was first met, in those programs.
OF_LEADS = (
    HUBSPOT,
    SALESFORCE,
    PIPEDRIVE,
    # A lead that was converted in Zoho keeps its former status, even "Junk Lead".
    replace(ZOHO, decides=("converted_at",)),
    GOOGLE,
    replace(LINKEDIN, columns={"Connected On": "first_touch_at"}),
    META,
)
