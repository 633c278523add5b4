"""What the environment says, read once by the settings; and what production refuses in it."""

import os
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

KEY_LENGTH = 50
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"

#: Where it is kept who is signed in, by what SESSIONS says.
SESSION_ENGINES = {
    "database": "headlessly.accounts.sessions",
    "cookies": "django.contrib.sessions.backends.signed_cookies",
}


def flag(name):
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def product_version():
    """The version of the product that is installed."""
    try:
        return version("headlessly")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


def words(name):
    """A list, written with commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


#: To start two processes for a part of a statement takes some 20 ms of CPU, and PostgreSQL reckons with a
#: tenth. Searches took twice the CPU with them, and no less time. What reads all records has them as before.
PLANNED = "-c parallel_setup_cost=10000"


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
    bounds = {
        "lock_timeout": os.environ.get("LOCK_TIMEOUT") or 5,
        "idle_in_transaction_session_timeout": os.environ.get("IDLE_TRANSACTION_TIMEOUT") or 60,
    }
    bounded = " ".join(f"-c {name}={int(float(s) * 1000)}" for name, s in bounds.items())
    options["options"] = f"{bounded} {PLANNED} {options.get('options', '')}".strip()
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
            "pool": {
                "min_size": 1,
                "max_size": int(os.environ.get("DB_POOL_SIZE") or 32),
                # Whoever finds no connection is told so; and the pool tries anew for whoever comes
                # next, instead of at ever longer intervals.
                "timeout": 2,
                "reconnect_timeout": 1,
            },
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,  # of what was sent and never acknowledged, in milliseconds
        }
        | options,
    }


def mail(folder):
    """Django's settings of mail for EMAIL_URL, and whether any is sent. Raises ValueError.

    Without one it is written to files in ``folder``, or, where that is None, not sent at all.
    """
    url = os.environ.get("EMAIL_URL", "")
    parts = urlsplit(url or (f"file://{folder}" if folder else "none:"))
    backend = "django.core.mail.backends."
    if parts.scheme == "none":
        return {"EMAIL_BACKEND": f"{backend}dummy.EmailBackend", "MAIL_IS_SET_UP": False}
    found = {"MAIL_IS_SET_UP": True}
    if sender := parse_qs(parts.query).get("from"):
        found["DEFAULT_FROM_EMAIL"] = sender[0]
    if parts.scheme == "file":
        if not parts.path.strip("/"):
            raise ValueError("names no folder.")
        return found | {
            "EMAIL_BACKEND": f"{backend}filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("begins with smtp://, smtps:// or file://.")
    if not parts.hostname:
        raise ValueError("names no host.")
    is_tls = parts.scheme == "smtps"
    return found | {
        "EMAIL_BACKEND": f"{backend}smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if is_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": is_tls,
        # What carries links to choose a password is not sent in the open; a host that is this machine may.
        "EMAIL_USE_TLS": not is_tls and parts.hostname not in ("localhost", "127.0.0.1", "::1"),
        "EMAIL_TIMEOUT": 20,
    }


def redis_url():
    """The Redis to ask, or "". Raises ValueError."""
    url = os.environ.get("REDIS_URL", "").strip()
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("begins with redis://, rediss:// (TLS) or unix://.")
    if url and find_spec("redis") is None:
        raise ValueError("needs the library: pip install 'headlessly[redis]'.")
    return url


def traces():
    """Where traces go: otlp, console or nowhere (""). Raises ValueError."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "none").strip()
    if exporter in ("", "none"):
        return ""
    if exporter not in ("otlp", "console"):
        raise ValueError("is one of otlp, console, none.")
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        raise ValueError("needs the libraries: pip install 'headlessly[traces]'.")
    return exporter


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

    try:
        mail(None)
    except ValueError as reason:
        found.append(
            f"EMAIL_URL {reason} For example: "
            "EMAIL_URL=smtp://user:password@mail.example.com:587?from=crm@example.com"
        )

    try:
        redis_url()
    except ValueError as reason:
        found.append(f"REDIS_URL {reason} For example: REDIS_URL=redis://cache.example.com:6379/0")

    try:
        traces()
    except ValueError as reason:
        found.append(f"OTEL_TRACES_EXPORTER {reason} For example: OTEL_TRACES_EXPORTER=otlp")

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
