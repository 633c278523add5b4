"""Text as it is compared for searching and sorting: without case and accents, numbers without their spelling.

The function is our own, made of built-in functions of PostgreSQL, because an indexed expression must be
immutable. The extension ``unaccent`` reads a dictionary, which may change under an index. Folded text also
sorts as people expect, ä next to a, in every language and whatever collations a server has. An index on a
collation of the operating system would break when the system is upgraded.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import CharField, F, Lookup, TextField, Transform
from django.db.models.functions import Lower

from headlessly.declaration.normalization import SMALL_LETTERS

#: Combining accents, as they follow their letter in decomposed text.
MARKS = "".join(chr(code) for code in range(0x300, 0x370))
#: Letters that Unicode does not decompose.
LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ς": "σ"}
DOUBLE_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
TRANSLATION = str.maketrans({**LETTERS, **DOUBLE_LETTERS, **dict.fromkeys(MARKS, "")})
#: Letters that people without them on the keyboard write as two: ``Mueller``, ``Soerensen``, ``Aarhus``.
WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}
_WRITTEN_OUT = str.maketrans(WRITTEN_OUT)
#: Two letters that may stand for one; but not ``ue`` in Bauer, neue and Quelle.
TWO_LETTERS = re.compile("aa|ae|oe|(?<![aeq])ue")

FOLD = "headlessly_fold"
#: The planner inlines the first function, because it is not strict: most text only needs ``lower``, and a
#: call would cost more than that. The second one stays a call, which keeps plans short.
CREATE_FUNCTIONS = f"""
CREATE FUNCTION {FOLD}_letters(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN RETURN
{"replace(" * len(DOUBLE_LETTERS)}translate(lower(normalize($1, NFKD)),
'{"".join(LETTERS)}{MARKS}', '{"".join(LETTERS.values())}')
{"".join(f", '{letter}', '{two}')" for letter, two in DOUBLE_LETTERS.items())};
END $$;
CREATE FUNCTION {FOLD}(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length($1) = char_length($1) THEN lower($1) ELSE {FOLD}_letters($1) END
"""
DROP_FUNCTIONS = f"DROP FUNCTION {FOLD}(text); DROP FUNCTION {FOLD}_letters(text)"

#: The words of a long text, each folded: their index is much smaller than one of trigrams. Punctuation ends a
#: word, so that the parts of an address are words too.
WORDS = "headlessly_words"
SIGNS = "".join(chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum()).replace("'", "''")
CREATE_WORDS = f"""
CREATE FUNCTION {WORDS}(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple'::regconfig, translate({FOLD}($1), '{SIGNS}', '{" " * len(SIGNS)}'))
"""
DROP_WORDS = f"DROP FUNCTION {WORDS}(text)"

#: Characters that are not digits of a number, and the trunk zero that is dialled only within a country.
NO_DIGIT = r"\(0\)|\D"


def fold(text: str) -> str:
    """Returns the text as :class:`Folded` computes it in the database."""
    if text.isascii():
        return text.lower()
    # Letter by letter, because Python lowers a final sigma differently and the database does not.
    lower = "".join(letter.lower() for letter in unicodedata.normalize("NFKD", text))
    return lower.translate(TRANSLATION)


def small_letters(field: Any) -> F | Lower:
    """Returns the text of a column in small letters, as the unique index has it; some columns store only
    those."""
    is_small = getattr(field, "normalize", None) in SMALL_LETTERS
    return F(field.column) if is_small else Lower(field.column)


def write_out(text: str) -> str:
    """``Größe`` → ``groesse``, as :class:`WrittenOut` computes it in the database."""
    if text.isascii():
        return text.lower()
    return fold(unicodedata.normalize("NFC", text).lower().translate(_WRITTEN_OUT))


def fold_words(text: str) -> str:
    """Returns a name as it is compared: without case, accents and extra spaces."""
    return " ".join(fold(text).split())


#: The ways in which similar texts are compared: Müller may be written Muller or Mueller.
WAYS = (fold, write_out)


def draw_together(folded: str) -> str:
    """``groesse`` → ``grosse``: folded text, with two letters that may stand for one written as one."""
    return TWO_LETTERS.sub(lambda two: two[0][0], folded)


def may_be_in(words: str, text: str) -> bool:
    """Whether ``text`` contains the words, in either spelling."""
    return any(way(words) in way(text) for way in WAYS)


def phone_digits(text: str) -> str:
    """Returns the digits that all spellings of a telephone number share, without leading zeros."""
    return re.sub(NO_DIGIT, "", text, flags=re.ASCII).lstrip("0")


@CharField.register_lookup
@TextField.register_lookup
class Folded(Transform):
    """A column without case and accents: ``name__folded``."""

    lookup_name = "folded"
    function = FOLD
    output_field = models.TextField()


@CharField.register_lookup
@TextField.register_lookup
class WrittenOut(Transform):
    """A folded column, with two letters where one may be written so: ``name__written_out``. It has no index:
    use it for records that another condition has found."""

    lookup_name = "written_out"
    template = (
        f"{FOLD}({'replace(' * len(WRITTEN_OUT)}lower(%(expressions)s)"
        + "".join(f", '{letter}', '{two}')" for letter, two in WRITTEN_OUT.items())
        + ")"
    )
    output_field = models.TextField()


@CharField.register_lookup
class Digits(Transform):
    """The digits of a column with a telephone number: ``phone__digits``."""

    lookup_name = "digits"
    template = rf"regexp_replace(%(expressions)s, '{NO_DIGIT}', '', 'g')"
    output_field = models.TextField()


class WholeText(Transform):
    """JSON as text: ``custom__whole``."""

    template = "(%(expressions)s)::text"
    output_field = models.TextField()


class Numbers(Transform):
    """The digits of several telephone numbers, each within its quotation marks: ``other_phones__numbers``."""

    template = r"""regexp_replace((%(expressions)s)::text, '\(0\)|[^0-9"]', '', 'g')"""
    output_field = models.TextField()


@TextField.register_lookup
class Words(Transform):
    """The words of a long text: ``description__words``."""

    lookup_name = "words"
    function = WORDS
    output_field = SearchVectorField()


@SearchVectorField.register_lookup
class WordsBegin(Lookup):
    """Whether words of a text begin with each of these: ``description__words__begin=("pilot", "sept")``. The
    given words consist of folded letters and digits."""

    lookup_name = "begin"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, Any]:
        return "to_tsquery('simple', %s)", [" & ".join(f"'{word}':*" for word in value)]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        words, given = self.process_lhs(compiler, connection)
        query, asked = self.process_rhs(compiler, connection)
        return f"{words} @@ {query}", [*given, *asked]
