"""The settings of a checkout and of production. What differs comes from the environment.

    HEADLESSLY_ENV        production | development. `manage.py serve`, wsgi and asgi take production
                          when it is not set, every other command takes development.
    DATABASE_URL          postgresql://user:password@host:5432/name (and libpq's options, such as
                          ?sslmode=require). In development the embedded server, when not set. Several
                          servers: postgresql://user@one:5432,two:5432/name?target_session_attrs=read-write
    DATABASE_DIRECT_URL   the same database without a pooler, for `work` and `migrate`: they wait for
                          notices and change tables. DATABASE_URL when not set.
    DB_PREPARE            0 where a pooler gives each transaction another connection and does not know
                          prepared statements: PgBouncer before 1.21. Slower. 1.
    REDIS_URL             redis://:password@cache.example.com:6379/0, rediss:// with TLS: counts of requests,
                          sessions that are looked up and news of the log are asked there, by all servers
                          together. Redis 7 or later, `pip install 'headlessly[redis]'`. PostgreSQL does it
                          when not set, and when it does not answer.
    READ_ONLY             1 for a server on a standby: it answers GET, and everything else by 503.
    SESSIONS              database | cookies: where it is kept who is signed in. Signed cookies are valid on
                          all servers with the same SECRET_KEY, whatever their database, and until they are
                          over: nobody can end those of others, or see them in a list. database.
    SECRET_KEY            50 random characters or more; keep it, or everybody is signed out.
    ALLOWED_HOSTS         the names this site answers to: crm.example.com,www.example.com
    TRUST_PROXY           1 when a proxy in front ends TLS and itself sets X-Forwarded-Proto and adds
                          the caller's address to X-Forwarded-For.
    CSRF_TRUSTED_ORIGINS  https://crm.example.com when the proxy changes the Host header.
    HSTS_SECONDS          how long browsers insist on TLS; 30 days when not set.
    STATIC_ROOT           where `manage.py collectstatic` puts the static files; ./staticfiles.
    DB_POOL_SIZE          the most connections one process opens; 32.
    STATEMENT_TIMEOUT     seconds that one statement of a request may take; 30. 0: as long as it likes.
    LOCK_TIMEOUT          seconds to wait for a record that somebody else is writing; 5. Of all processes,
                          `manage.py migrate` too: nobody queues behind one that waits. 0: for ever.
    IDLE_TRANSACTION_TIMEOUT  seconds that a transaction may do nothing; 60. 0: for ever.
    SITE_URL              the site's own address, for links made outside of a request; https://
                          and the first of ALLOWED_HOSTS, in development http://127.0.0.1 and PORT.
    PORT, WEB_CONCURRENCY  what `serve` takes where neither --port (8000) nor --workers (one per core) is
                          given; `demo` takes PORT, too.
    SECRET_KEY_FALLBACKS  earlier SECRET_KEYs, with commas: what they encrypted and signed is still read.
    EMAIL_URL             smtp://user:password@mail.example.com:587?from=crm@example.com (STARTTLS), smtps://
                          (TLS) or file:///a/folder. Not set: in development files in .data/outbox, which
                          /outbox/ shows; in production nobody is sent anything, and admins hand on links.
                          Without `from` letters are from headlessly@ and the first of ALLOWED_HOSTS.
    SESSION_IDLE_HOURS    after how many hours of doing nothing somebody is signed out; 12.
    SESSION_DAYS          after how many days in any case; 14.
    CONFIRM_MINUTES       for how long a password that was typed again is good for keys and members; 15.
    FILES_QUOTA_MB        how much the files of a tenant's records take together; 10240.
    IMPORT_QUOTA_MB       how much the imports of a tenant keep, files and refused rows together; 2048.
    BREACHED_PASSWORDS    a file of passwords known from breaches, as hashes: docs/security.md. None.
    WEBHOOKS_ALLOW_PRIVATE  1 lets webhooks lead to private and loopback addresses: whoever may make
                          one then reaches whatever this machine reaches. Off.
    WEBHOOKS_ALLOW_HTTP   1 lets webhooks lead to http:// in production; in development they may.
    LOG_LEVEL             INFO.
    ACCESS_LOG            1 writes a line per request; `serve --access-log` does, too.
    SLOW_STATEMENT        seconds from which on a statement of the database is logged, with its route; 1.
    OTEL_TRACES_EXPORTER  otlp sends traces to OTEL_EXPORTER_OTLP_ENDPOINT (and the other variables of
                          OpenTelemetry), console prints them; `pip install 'headlessly[traces]'`. Off.
    METRICS_TOKEN         what a Prometheus sends as a bearer to read /metrics. In production nobody reads
                          them without one.
    DEBUG                 1 shows tracebacks in the browser; development only.
    HEADLESSLY_DATA       the embedded server's folder; .data in the checkout, or where an installed
                          product was started.

Production refuses to start on a setting that is missing or unsafe, and names each of them.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from headlessly.environment import (
    SESSION_ENGINES,
    database,
    flag,
    log_level,
    mail,
    misread,
    number,
    redis_url,
    refusals,
    sentences,
    site_url,
    traces,
    words,
)

PACKAGE_DIR = Path(__file__).resolve().parent
BASE_DIR = PACKAGE_DIR.parent
# In a checkout the templates are beside the packages; a wheel has them inside this one.
INSTALLED = (PACKAGE_DIR / "templates").is_dir()
TEMPLATES_DIR = (PACKAGE_DIR if INSTALLED else BASE_DIR) / "templates"
#: The default folder for a site's own files.
SITE_DIR = Path.cwd() if INSTALLED else BASE_DIR
DATA_DIR = Path(os.environ.get("HEADLESSLY_DATA") or SITE_DIR / ".data")

PRODUCTION = os.environ.get("HEADLESSLY_ENV", "development") != "development"
DEBUG = not PRODUCTION and flag("DEBUG")

if problems := refusals() if PRODUCTION else sentences(misread()):
    raise ImproperlyConfigured(
        f"headlessly does not start{' in production' * PRODUCTION} like this:\n"
        + "\n".join(f"  - {problem}" for problem in problems)
        + "\nFor development on this machine only: HEADLESSLY_ENV=development" * PRODUCTION
    )

SECRET_KEY = os.environ.get("SECRET_KEY") or "known-to-everybody-so-for-development-only"
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")
TRUST_PROXY = flag("TRUST_PROXY")
ALLOWED_HOSTS = words("ALLOWED_HOSTS") or ["localhost", ".localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "unfold",
    "procrastinate.contrib.django",
    "headlessly.apps.HeadlesslyConfig",
    "crm.apps.CrmConfig",
    "marketing.apps.MarketingConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular_sidecar",  # the files of Swagger UI, for /docs
]

MIDDLEWARE = [
    "headlessly.web.metrics.CountRequests",
    "headlessly.web.health.AnswerProbes",
    "headlessly.admin.watching.middleware.WatchMiddleware",
    "headlessly.web.mount.MountTenant",
    "headlessly.context.tracing.RequestIdMiddleware",
    "headlessly.web.csp.ContentSecurityPolicy",
    "headlessly.web.read_only.RefuseWrites",
    "django.middleware.security.SecurityMiddleware",
    "headlessly.web.static_files.StaticFilesMiddleware",
    "headlessly.web.compression.CompressionMiddleware",
    "headlessly.accounts.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "headlessly.language.languages.LanguageMiddleware",
    "headlessly.admin.toasts.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "headlessly.urls"
TENANT_URLCONF = "headlessly.tenant_urls"  # the addresses under /~slug/
SITE_URL = site_url() or (
    f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
    if PRODUCTION
    else f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
)
WSGI_APPLICATION = "headlessly.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [TEMPLATES_DIR],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["headlessly.templatetags.formatting"],
        },
    }
]

DATABASES = {"default": database()}
#: The database for `work` and `migrate`, if it is another address.
DIRECT_DATABASE = database("DATABASE_DIRECT_URL") if os.environ.get("DATABASE_DIRECT_URL") else None
REDIS_URL = redis_url()
READ_ONLY = flag("READ_ONLY")
STATEMENT_TIMEOUT = number("STATEMENT_TIMEOUT")  # of requests, in seconds
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "headlessly.User"
PERSON_MODEL = "crm.Contact"  # the noun that represents a user as an owner of records
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [
    {"NAME": "headlessly.accounts.password_words.KnownWordsValidator"},
    {"NAME": "headlessly.accounts.breached_passwords.BreachedPasswordsValidator"},
]
#: A file with hashes of breached passwords; see the validator.
BREACHED_PASSWORDS = (
    Path(os.environ["BREACHED_PASSWORDS"]) if os.environ.get("BREACHED_PASSWORDS") else None
)
PASSWORD_HASHERS = ["headlessly.accounts.hashing.BoundedPBKDF2"]
PASSWORD_RESET_TIMEOUT = 60 * 60  # seconds that a link for a new password is valid
SESSION_ENGINE = SESSION_ENGINES.get(os.environ.get("SESSIONS", ""), SESSION_ENGINES["database"])
SESSION_IDLE = timedelta(hours=number("SESSION_IDLE_HOURS"))
SESSION_LASTS = timedelta(days=number("SESSION_DAYS"))
SESSION_COOKIE_AGE = int(SESSION_LASTS.total_seconds())
CONFIRMED_FOR = timedelta(minutes=number("CONFIRM_MINUTES"))
CSRF_FAILURE_VIEW = "headlessly.admin.entrance.csrf_failure_view"
LOGIN_URL = LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"

DEFAULT_FROM_EMAIL = f"headlessly@{ALLOWED_HOSTS[0].lstrip('.')}"
_mail = mail(None if PRODUCTION else DATA_DIR / "outbox")
MAIL_IS_SET_UP = bool(_mail.pop("MAIL_IS_SET_UP"))
globals().update(_mail)

#: The modules that define jobs: a worker imports them, whatever else it has loaded.
PROCRASTINATE_IMPORT_PATHS = [
    "headlessly.accounts.mail",
    "headlessly.api.cleaning",
    "headlessly.background.jobs",
    "headlessly.background.waiting_entries",
    "headlessly.shaping.indexing",
    "headlessly.transfer.import_job",
    "headlessly.undo.undo_job",
    "headlessly.webhooks.deliveries",
    "headlessly.webhooks.outbox",
]
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None

FILES_QUOTA_MB = number("FILES_QUOTA_MB")
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # of a form without its files, as of a body in JSON
IMPORT_QUOTA_MB = number("IMPORT_QUOTA_MB")
WEBHOOKS_ALLOW_PRIVATE = flag("WEBHOOKS_ALLOW_PRIVATE")
WEBHOOKS_ALLOW_HTTP = not PRODUCTION or flag("WEBHOOKS_ALLOW_HTTP")

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"  # for programs, and for people whose language is missing
LANGUAGES = [("en", "English (US)"), ("en-gb", "English (UK)"), ("de", "Deutsch")]
LOCALE_PATHS = [PACKAGE_DIR / "locale"]
FORMAT_MODULE_PATH = "headlessly.formats"

# Absolute, as a relative one would change under a tenant's mount.
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT") or (SITE_DIR / "staticfiles" if PRODUCTION else None)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = number("HSTS_SECONDS")
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
    if TRUST_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Preloading binds a whole domain for years, which its owner must decide.
    SILENCED_SYSTEM_CHECKS = ["security.W021"]

UNFOLD = {
    "SITE_TITLE": "headlessly",
    "SITE_HEADER": "headlessly",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("headlessly/favicon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,  # the colours are in headlessly/frame.css
}

#: Every view, also an app's own, requires access to the tenant of its address, unless it has other
#: `permission_classes`.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "headlessly.api.auth.KeyAuthentication",
        "headlessly.api.auth.MemberAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["headlessly.api.auth.BelongsToTenant"],
    "DEFAULT_PARSER_CLASSES": ["headlessly.api.bodies.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["headlessly.api.bodies.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "headlessly.api.bodies.OnlyJson",
    "EXCEPTION_HANDLER": "headlessly.api.base.answer_to_problem",
    "UNAUTHENTICATED_USER": None,
}

ACCESS_LOG = flag("ACCESS_LOG")
SLOW_STATEMENT = number("SLOW_STATEMENT")
TRACES = traces()
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(request_id)s %(name)s: %(message)s"},
        "lines": {"()": "headlessly.web.logs.JsonLines"},
    },
    "filters": {
        "request_id": {"()": "headlessly.context.tracing.RequestIdFilter"},
        "refusals": {"()": "headlessly.web.logs.RefusalFilter"},
        "passing": {"()": "headlessly.web.logs.PassingFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id", "refusals", "passing"],
            "formatter": "lines" if PRODUCTION else "plain",
        }
    },
    "root": {"handlers": ["console"], "level": log_level()},
    "loggers": {
        # Django's own console handlers would log everything twice.
        "django": {"handlers": [], "propagate": True, "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # It logs the start of every job, and every minute without one.
        "procrastinate": {"level": "WARNING"},
        # It logs which passkey is used.
        "fido2": {"level": "WARNING"},
        # The SDK logs the end of every request.
        "mcp": {"level": "WARNING"},
    },
}
