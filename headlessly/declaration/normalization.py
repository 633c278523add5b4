"""One spelling for values that people, spreadsheets and other programs write in many ways.

Stored values and those to compare with go through the same function, so that a value is found however it is
written: a decomposed ``é``, ``ADA@ACME.COM``, ``https://www.acme.com/``, ``p:+49…``. A column names its
spelling (``Email``, ``Domain``, ``Slug``, ``Phone``); all text goes through :func:`normalize_text` first.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import idna
from django.utils.translation import gettext as _

#: Characters without width: controls, soft hyphens, zero width, directions, byte order marks, tags.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
#: Joiners are needed in some scripts and emoji, and noise between other letters.
STRAY_JOINER = re.compile(
    "(?<![\u0600-\u1fff\u2600-\uffff\U00010000-\U0010ffff])[\u200c\u200d]"
    "|[\u200c\u200d](?![\u0600-\u1fff\u2600-\uffff\U00010000-\U0010ffff])"
)
SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
SPACES = re.compile("[ \t]+")
LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
#: ASCII that needs no change, except at the ends of lines.
PLAIN = re.compile("[ -~]*", re.ASCII)

DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
BARE_ADDRESS = re.compile(r"[^\s/?#:@]+\.[^\s/?#:@]{2,}(?::\d+)?(?:[/?#]\S*)?\Z")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")

#: Prefixes that Meta, spreadsheets and links write before a telephone number.
BEFORE_PHONE = re.compile(
    r"(?:[='\"\s]|(?:p|ph|t|m|tel|telefon|fon|phone|mob|mobil|mobile|handy|cell|callto|sms|whatsapp)\.?\s*:"
    r"|(?:tel|fon|ph|mob|mobil|handy|cell)\.\s)+",
    re.I,
)
ROUNDED = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s?E\s?\+?\d+\Z", re.I)
WHOLE = re.compile(r"(\+?\d{5,})[.,]0+\Z")
DASHES = re.compile("[\u2010-\u2015\u2212]")
BETWEEN_PHONES = re.compile(r"[;,|/\n]+|\s(?:or|and|oder|und)\s", re.I)
#: A number with fewer digits is an extension of the one before it.
DIGITS_OF_A_PHONE = 7


def normalize_text(text: str, *, lines: bool = False) -> str:
    """Returns ``text`` in NFC, without invisible characters, with plain spaces and line ends.

    With ``lines`` the whitespace around it is kept.
    """
    if PLAIN.fullmatch(text):
        return text if lines else text.strip()
    text = LINE_END.sub("\n", text)
    text = INVISIBLE.sub("", text)
    if not text.isascii():
        text = STRAY_JOINER.sub("", text)
        text = SPACE.sub(" ", unicodedata.normalize("NFC", text))
    return text if lines else text.strip()


def normalize_line(text: str) -> str:
    """Returns one line of normalized text, with single spaces between words."""
    text = normalize_text(text)
    return SPACES.sub(" ", text) if "  " in text or "\t" in text else text


def normalize_email(text: str) -> str:
    """Returns an address in small letters, its domain in Unicode."""
    text = text.lower().removeprefix("mailto:")
    user, at, host = text.rpartition("@")
    return f"{user}@{decode_host(host)}" if at else text


def normalize_domain(text: str) -> str:
    """``https://www.Acme.com:443/about`` → ``acme.com``. Raises ValueError for text without a domain."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text.removeprefix('//')}")
        # An email address has a host too, but is no domain.
        host = decode_host(parts.hostname or "") if "@" not in parts.netloc else ""
    except ValueError:
        host = ""
    if host.startswith("www.") and host.count(".") > 1:
        host = host.removeprefix("www.")
    if not DOMAIN.match(_encode_host(host)):
        raise ValueError(_("Use a domain like acme.com."))
    return host


def normalize_slug(text: str) -> str:
    """Returns a slug in small letters. Raises ValueError for characters that it may not have."""
    text = text.lower()
    if text and not SLUG.match(text):
        raise ValueError(_("Use small letters, digits and single hyphens."))
    return text


def complete_address(text: str) -> str:
    """Returns a web address with its scheme, which people leave out: ``www.acme.example/fair``."""
    return f"https://{text}" if BARE_ADDRESS.match(text) else text


#: The spellings without capital letters.
SMALL_LETTERS = (normalize_email, normalize_domain, normalize_slug)


def normalize_phone(text: str) -> str:
    """Returns a telephone number as people write it, without the prefixes of files and links.

    Raises ValueError for a number that a spreadsheet has rounded, and for two numbers in one field.
    """
    text = DASHES.sub("-", unicodedata.normalize("NFKC", text))
    text = BEFORE_PHONE.sub("", text, count=1) if BEFORE_PHONE.match(text) else text
    text = text.strip("\"' ")
    if ROUNDED.match(text):
        raise ValueError(rounded_message(text))
    if whole := WHOLE.match(text):
        text = whole[1]
    full = [p for p in BETWEEN_PHONES.split(text) if len(re.sub(r"\D", "", p)) >= DIGITS_OF_A_PHONE]
    if len(full) > 1:
        raise ValueError(
            _("These are %(count)d numbers: %(numbers)s. Write one in each field.")
            % {"count": len(full), "numbers": " · ".join(part.strip() for part in full)}
        )
    return text


def rounded_message(text: str) -> str:
    """Returns the error for a number in the rounded form of a spreadsheet, whose last digits are lost."""
    return (
        _(
            "A spreadsheet has rounded this number to %s: its last digits are lost. Format the column "
            "as text, enter the number again, and export it once more."
        )
        % text
    )


def normalize_word(word: str) -> str:
    """Returns a search word in the spelling of the stored values that may contain it.

    A copied address brings its surroundings: ``<ada@acme.com>,`` from a mail, ``https://www.acme.com/about``
    from a browser, ``tel:+49171…`` from a link. Other words stay as they are.
    """
    bare = word.strip("<>\"',;") or word
    if (before := BEFORE_PHONE.match(bare)) and re.match(r"[+\d(]", bare[before.end() :]):
        return bare[before.end() :]
    small = bare.lower()
    if "@" in bare:
        return normalize_email(bare) if small.startswith("mailto:") or "xn--" in small else bare
    host, slash, _path = small.partition("/")
    is_page = bool(slash) and DOMAIN.match(host) is not None and not host[-1].isdigit()
    if is_page or "://" in bare or small.startswith("www.") or "xn--" in small:
        try:
            return normalize_domain(bare)
        except ValueError:
            return bare
    return bare


def decode_host(host: str) -> str:
    """Returns a host's name in the one spelling that is stored: in small letters, in Unicode, without a last
    dot."""
    host = host.strip().rstrip(".").lower()
    if host.isascii() and "xn--" not in host:
        return host
    try:
        return idna.decode(host, uts46=True)
    except (idna.IDNAError, UnicodeError):
        return host


def _encode_host(host: str) -> str:
    """Returns it in ASCII, as the network knows it; empty if it is not valid."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
