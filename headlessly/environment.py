"""Reads the environment for the settings, and refuses what is unsafe in production."""

import os
import re
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import isfinite
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

DATABASE = "postgresql://headlessly:password@db.example.com:5432/headlessly"
KEY_LENGTH = 50
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"

#: Session engines by the value of SESSIONS.
SESSION_ENGINES = {
    "database": "headlessly.accounts.sessions",
    "cookies": "django.contrib.sessions.backends.signed_cookies",
}


#: Numeric settings with their defaults; those in WHOLE are integers.
NUMBERS = {
    "CONFIRM_MINUTES": 15,
    "DB_POOL_SIZE": 32,
    "HSTS_SECONDS": 30 * 24 * 60 * 60,
    "IDLE_TRANSACTION_TIMEOUT": 60,
    "FILES_QUOTA_MB": 10240,
    "IMPORT_QUOTA_MB": 2048,
    "LOCK_TIMEOUT": 5,
    "SESSION_DAYS": 14,
    "SESSION_IDLE_HOURS": 12,
    "SLOW_STATEMENT": 1,
    "STATEMENT_TIMEOUT": 30,
}
WHOLE = {"DB_POOL_SIZE", "FILES_QUOTA_MB", "HSTS_SECONDS", "IMPORT_QUOTA_MB"}
#: Those of which there is some: nothing works with none of them.
SOME = {"CONFIRM_MINUTES", "DB_POOL_SIZE", "SESSION_DAYS", "SESSION_IDLE_HOURS"}

#: Settings that are on or off. (DEBUG is one, too, but other programs use that name with other values.)
FLAGS = (
    "ACCESS_LOG",
    "DB_PREPARE",
    "READ_ONLY",
    "TRUST_PROXY",
    "WEBHOOKS_ALLOW_HTTP",
    "WEBHOOKS_ALLOW_PRIVATE",
)
ON, OFF = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}

#: Other settings. SECRET_KEY is missing, as quotes may be a part of it.
OTHERS = (
    "ALLOWED_HOSTS",
    "BREACHED_PASSWORDS",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASE_DIRECT_URL",
    "DATABASE_URL",
    "EMAIL_URL",
    "HEADLESSLY_DATA",
    "LOG_LEVEL",
    "METRICS_TOKEN",
    "OTEL_TRACES_EXPORTER",
    "REDIS_URL",
    "SESSIONS",
    "SITE_URL",
    "STATIC_ROOT",
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

#: The usual mistake in a URL. What was parsed is not shown, as it may be half of the password.
ESCAPES = "In a password @ is written %40, / is %2F, : is %3A, # is %23 and % is %25."


def flag(name, unless_said=False):
    """Returns whether a setting is on."""
    given = os.environ.get(name, "").strip().lower()
    return given in ON if given else unless_said


def number(name):
    """Returns a numeric setting. Raises ValueError."""
    given = os.environ.get(name, "").strip() or NUMBERS[name]
    try:
        found = int(given) if name in WHOLE else float(given)
    except ValueError:
        found = -1
    if not (found > 0 if name in SOME else found >= 0) or not isfinite(found):
        kind = "a whole number" if name in WHOLE else "a number"
        least = "above 0" if name in SOME else "of 0 or more"
        raise ValueError(f"is {kind} {least}, without a unit.")
    return found


def log_level():
    """Returns the log level. Raises ValueError."""
    level = os.environ.get("LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in LOG_LEVELS:
        raise ValueError(f"is one of {', '.join(LOG_LEVELS)}.")
    return level


def site_url():
    """Returns the site's own address, or "". Raises ValueError."""
    url = os.environ.get("SITE_URL", "").strip().rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("begins with https://.")
    return url


def product_version():
    """Returns the installed version of the product."""
    try:
        return version("headlessly")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


def words(name):
    """Returns a setting that is a list separated by commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


#: Makes parallel plans less likely: starting two processes takes some 20 ms of CPU, of which PostgreSQL
#: reckons with a tenth. With them searches took twice the CPU and no less time. Queries that read all
#: records still use them.
PLANNED = "-c parallel_setup_cost=10000"


def database(variable="DATABASE_URL"):
    """Returns Django's entry for DATABASE_URL, or for the embedded server if there is none."""
    prepares = flag("DB_PREPARE", unless_said=True)
    if url := os.environ.get(variable):
        options = _parse(url)
        names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
        entry = {ours: options.pop(theirs, "") for ours, theirs in names.items()}
        entry["PORT"] = options.pop("port", "")
    else:
        options = {}
        entry = {"EMBEDDED": True, "NAME": "headlessly", "USER": "headlessly"}
    bounds = {
        "lock_timeout": number("LOCK_TIMEOUT"),
        "idle_in_transaction_session_timeout": number("IDLE_TRANSACTION_TIMEOUT"),
    }
    bounded = " ".join(f"-c {name}={int(s * 1000)}" for name, s in bounds.items())
    options["options"] = f"{bounded} {PLANNED} {options.get('options', '')}".strip()
    return entry | {
        "ENGINE": "headlessly.database",
        # With a pooler in transaction mode, a cursor does not live from one statement to the next.
        "DISABLE_SERVER_SIDE_CURSORS": not prepares,
        # A statement is prepared on each connection when it runs for the fifth time. Django's own cursors
        # send complete text and never prepare; psycopg's do.
        "OPTIONS": {
            "prepare_threshold": 5 if prepares else None,
            "application_name": "headlessly",
            # Opening a connection costs more than most requests. Connections are in a pool and not bound
            # to threads: the server's threads come and go, and would leave theirs open.
            "pool": {
                "min_size": 1,
                "max_size": number("DB_POOL_SIZE"),
                # A request without a connection fails soon, and the pool retries for the next one, instead
                # of at ever longer intervals.
                "timeout": 2,
                "reconnect_timeout": 1,
            },
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,  # for unacknowledged data, in milliseconds
        }
        | options,
    }


def mail(folder):
    """Returns Django's mail settings for EMAIL_URL, and whether mail is sent. Raises ValueError.

    Without it, emails are written to files in ``folder``, or not sent if that is None.
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
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"names no port that is a number. {ESCAPES}") from None
    if parts.path.strip("/") or "@" in parts.hostname:
        raise ValueError(f"is not understood. {ESCAPES}")
    is_tls = parts.scheme == "smtps"
    return found | {
        "EMAIL_BACKEND": f"{backend}smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if is_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": is_tls,
        # Emails with links for passwords must be encrypted, except to this machine.
        "EMAIL_USE_TLS": not is_tls and parts.hostname not in ("localhost", "127.0.0.1", "::1"),
        "EMAIL_TIMEOUT": 20,
    }


def redis_url():
    """Returns the URL of Redis, or "". Raises ValueError."""
    url = os.environ.get("REDIS_URL", "").strip()
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("begins with redis://, rediss:// (TLS) or unix://.")
    if url and find_spec("redis") is None:
        raise ValueError("needs the library: pip install 'headlessly[redis]'.")
    return url


def traces():
    """Returns where traces go: otlp, console or nowhere (""). Raises ValueError."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "none").strip()
    if exporter in ("", "none"):
        return ""
    if exporter not in ("otlp", "console"):
        raise ValueError("is one of otlp, console, none.")
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        raise ValueError("needs the libraries: pip install 'headlessly[traces]'.")
    return exporter


def refusals():
    """Returns what is missing or wrong for production: one sentence per variable, each with an example."""
    found = misread()

    key = os.environ.get("SECRET_KEY", "")
    if not key:
        found["SECRET_KEY"] = f"is not set. Make one and keep it: {NEW_KEY}"
    elif len(key) < KEY_LENGTH or len(set(key)) < 5 or key.startswith("django-insecure-"):
        found["SECRET_KEY"] = f"can be guessed: {KEY_LENGTH} random characters or more. {NEW_KEY}"

    hosts = words("ALLOWED_HOSTS")
    if not hosts:
        found["ALLOWED_HOSTS"] = "is not set. For example: ALLOWED_HOSTS=crm.example.com"
    elif "*" in hosts:
        found["ALLOWED_HOSTS"] = (
            "lets a visitor choose this site's name by its *. Name its hosts: ALLOWED_HOSTS=crm.example.com"
        )
    if not os.environ.get("DATABASE_URL"):
        found["DATABASE_URL"] = f"is not set. For example: DATABASE_URL={DATABASE}"
    if flag("DEBUG"):
        found["DEBUG"] = "is on: it shows strangers the source. Unset DEBUG."
    return sentences(found)


def sentences(found):
    """Returns the findings as sentences."""
    return [f"{name} {said}" for name, said in found.items()]


def misread():
    """Returns the variables that are set and not understood, each with a sentence; these are refused in
    development, too."""
    found = {}
    for name in (*NUMBERS, *FLAGS, *OTHERS):
        if os.environ.get(name, "").strip()[:1] in {"'", '"'}:
            found[name] = "is in quotes, which would be a part of it: write it without."
    for name, (read, example) in _readers().items():
        try:
            read()
        except ValueError as reason:
            found.setdefault(name, f"{reason} For example: {name}={example}")
    return found


def _readers():
    """Returns by variable the function that reads it and raises ValueError, and an example."""
    found = {
        **{name: (partial(number, name), example) for name, example in NUMBERS.items()},
        **{name: (partial(_refuse_other_words, name), 1) for name in FLAGS},
        "ALLOWED_HOSTS": (_refuse_addresses, "crm.example.com"),
        "SESSIONS": (_refuse_other_sessions, "cookies"),
        "EMAIL_URL": (
            partial(mail, None),
            "smtp://user:password@mail.example.com:587?from=crm@example.com",
        ),
        "LOG_LEVEL": (log_level, "INFO"),
        "OTEL_TRACES_EXPORTER": (traces, "otlp"),
        "REDIS_URL": (redis_url, "redis://cache.example.com:6379/0"),
        "SITE_URL": (site_url, "https://crm.example.com"),
    }
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL"):
        if url := os.environ.get(name):
            found[name] = (partial(_parse, url), DATABASE)
    return found


def _refuse_other_words(name):
    if os.environ.get(name, "").strip().lower() not in ON | OFF:
        raise ValueError("is 1 (on) or 0 (off).")


def _refuse_other_sessions():
    if os.environ.get("SESSIONS", "database") not in SESSION_ENGINES:
        raise ValueError(f"is one of {', '.join(SESSION_ENGINES)}.")


def _refuse_addresses():
    """Raises ValueError if an entry is not a host name, as no request could match it."""
    for host in words("ALLOWED_HOSTS"):
        if not re.fullmatch(r"\*|\.?[\w.-]+|\[[0-9a-fA-F:.]+\]", host):
            raise ValueError(f"names hosts, without https:// and without a port: not {host}.")


def _parse(url):
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("begins with postgresql://: only PostgreSQL is supported.")
    try:
        parsed = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        known = "query parameter" in str(error)
        raise ValueError(f"is not understood{f' ({error})' * known}. {ESCAPES}") from None
    except UnicodeDecodeError:
        raise ValueError(f"is not understood. {ESCAPES}") from None
    ports = parsed.get("port", "").split(",")
    if "@" in parsed.get("host", "") or not all(port.isdigit() for port in ports if port):
        raise ValueError(f"is not understood. {ESCAPES}")
    if not parsed.get("dbname"):
        raise ValueError("names no database.")
    return parsed
