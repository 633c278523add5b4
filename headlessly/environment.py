"""What the environment says, read once by the settings; and what production refuses in it."""

import os

import psycopg
from psycopg.conninfo import conninfo_to_dict

KEY_LENGTH = 50
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"


#: Where it is kept who is signed in, by what SESSIONS says.
SESSION_ENGINES = {
    "database": "django.contrib.sessions.backends.db",
    "cookies": "django.contrib.sessions.backends.signed_cookies",
}


def flag(name):
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def words(name):
    """A list, written with commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def database(variable="DATABASE_URL"):
    """Django's entry for DATABASE_URL, or for the embedded server when there is none."""
    prepares = os.environ.get("DB_PREPARE", "1").strip().lower() not in {"0", "false", "no", "off"}
    if url := os.environ.get(variable):
        options = _parse(url)
        names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
        entry = {ours: options.pop(theirs, "") for ours, theirs in names.items()}
        entry["PORT"] = options.pop("port", "")
    else:
        options = {}
        entry = {"EMBEDDED": True, "NAME": "headlessly", "USER": "headlessly"}
    return entry | {
        "ENGINE": "headlessly.database",
        # Without: what a pooler gives back after each statement keeps no cursor from one to the next.
        "DISABLE_SERVER_SIDE_CURSORS": not prepares,
        # Parsed and planned once per connection, from the fifth time a statement is run. Django's
        # own cursors send finished text and never prepare; psycopg's do.
        "OPTIONS": {
            "prepare_threshold": 5 if prepares else None,
            "application_name": "headlessly",
            # Opening a connection costs more than most requests. They are kept in a pool and not by
            # thread: the server's threads come and go, and would leave theirs open behind them.
            "pool": {"min_size": 1, "max_size": int(os.environ.get("DB_POOL_SIZE") or 32)},
        }
        | options,
    }


def refusals():
    """What production lacks: one sentence per variable, each with an example."""
    found = []

    key = os.environ.get("SECRET_KEY", "")
    if not key:
        found.append(f"SECRET_KEY is not set. Make one and keep it: {NEW_KEY}")
    elif len(key) < KEY_LENGTH or len(set(key)) < 5 or key.startswith("django-insecure-"):
        found.append(
            f"SECRET_KEY can be guessed: {KEY_LENGTH} random characters or more. {NEW_KEY}"
        )

    hosts = words("ALLOWED_HOSTS")
    if not hosts:
        found.append("ALLOWED_HOSTS is not set. For example: ALLOWED_HOSTS=crm.example.com")
    elif "*" in hosts:
        found.append(
            "ALLOWED_HOSTS=* lets a visitor choose this site's name. "
            "Name its hosts: ALLOWED_HOSTS=crm.example.com"
        )

    example = "postgresql://headlessly:password@db.example.com:5432/headlessly"
    if not os.environ.get("DATABASE_URL"):
        found.append(f"DATABASE_URL is not set. For example: DATABASE_URL={example}")
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL"):
        try:
            if url := os.environ.get(name):
                _parse(url)
        except ValueError as reason:
            found.append(f"{name}: {reason} For example: {name}={example}")

    if os.environ.get("SESSIONS", "database") not in SESSION_ENGINES:
        found.append(
            f"SESSIONS is one of {', '.join(SESSION_ENGINES)}. For example: SESSIONS=cookies"
        )

    if flag("DEBUG"):
        found.append("DEBUG is on: it shows strangers the source. Unset DEBUG.")
    return found


def _parse(url):
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("only PostgreSQL is supported.")
    try:
        parsed = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(f"not understood ({error}).") from error
    if not parsed.get("dbname"):
        raise ValueError("names no database.")
    return parsed
