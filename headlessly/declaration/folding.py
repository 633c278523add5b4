"""Text as it is compared when one searches or sorts: without case, accents, and spellings of one number.

The database compares an expression with an index on it, and it must be immutable: so the function is our
own, made of PostgreSQL's. Its extension ``unaccent`` reads a dictionary, which may change under an index.
What is folded also sorts as people expect it, ä beside a, in every language and whatever collations a
server was built with; an index on a collation of the system would break when the system is renewed.
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

#: Accents, as they stand behind their letter when it is taken apart.
MARKS = "".join(chr(code) for code in range(0x300, 0x370))
#: Letters that Unicode does not take apart.
LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ς": "σ"}
DOUBLE_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
TRANSLATION = str.maketrans({**LETTERS, **DOUBLE_LETTERS, **dict.fromkeys(MARKS, "")})
#: Letters that people write as two where a keyboard has none of them: ``Mueller``, ``Soerensen``, ``Aarhus``.
WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}
_WRITTEN_OUT = str.maketrans(WRITTEN_OUT)
#: Two letters that may stand for one. Of Bauer, neue and Quelle they are what they are.
TWO_LETTERS = re.compile("aa|ae|oe|(?<![aeq])ue")

FOLD = "headlessly_fold"
#: The planner writes the first into the statement, as it is not strict: most text has nothing to fold but
#: its case, and a call would cost more than that. The second stays a call, and plans short.
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

#: The words of a long text, each folded: an index of them is much smaller than one of its trigrams. Signs end
#: a word, so that the parts of an address are words too.
WORDS = "headlessly_words"
SIGNS = "".join(chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum()).replace("'", "''")
CREATE_WORDS = f"""
CREATE FUNCTION {WORDS}(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple'::regconfig, translate({FOLD}($1), '{SIGNS}', '{" " * len(SIGNS)}'))
"""
DROP_WORDS = f"DROP FUNCTION {WORDS}(text)"

#: What is no digit of a number, and the zero that is dialled only at home.
NO_DIGIT = r"\(0\)|\D"


def fold(text: str) -> str:
    """``text`` as :class:`Folded` has it in the database."""
    if text.isascii():
        return text.lower()
    # Letter by letter: Python knows of the end of a word, and the database does not.
    lower = "".join(letter.lower() for letter in unicodedata.normalize("NFKD", text))
    return lower.translate(TRANSLATION)


def small_letters(field: Any) -> F | Lower:
    """The text of a column in small letters, as the unique index has it: some are always written so."""
    is_small = getattr(field, "normalize", None) in SMALL_LETTERS
    return F(field.column) if is_small else Lower(field.column)


def write_out(text: str) -> str:
    """``Größe`` → ``groesse``: as :class:`WrittenOut` has it in the database."""
    if text.isascii():
        return text.lower()
    return fold(unicodedata.normalize("NFC", text).lower().translate(_WRITTEN_OUT))


def fold_words(text: str) -> str:
    """A name as it is compared: case, accents and spaces aside."""
    return " ".join(fold(text).split())


#: In which ways two texts are compared that may be one: Muller is Müller, and so is Mueller.
WAYS = (fold, write_out)


def draw_together(folded: str) -> str:
    """``groesse`` → ``grosse``: how a text is folded in which each two letters that may be one are one."""
    return TWO_LETTERS.sub(lambda two: two[0][0], folded)


def may_be_in(words: str, text: str) -> bool:
    """Whether ``text`` has the words in it, with ä or ae."""
    return any(way(words) in way(text) for way in WAYS)


def phone_digits(text: str) -> str:
    """The digits of a telephone number that all its spellings share: without the zeros before it."""
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
    """A column folded, with two letters for one that may be written so: ``name__written_out``. No index has
    it: for records that another condition has found."""

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
    """JSON as the text that it is: ``custom__whole``."""

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
    """Whether words of a text begin with each of these: ``description__words__begin=("pilot", "sept")``.
    They are letters and digits, folded."""

    lookup_name = "begin"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, Any]:
        return "to_tsquery('simple', %s)", [" & ".join(f"'{word}':*" for word in value)]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        words, given = self.process_lhs(compiler, connection)
        query, asked = self.process_rhs(compiler, connection)
        return f"{words} @@ {query}", [*given, *asked]
