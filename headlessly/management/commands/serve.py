"""`manage.py serve`: serves the product. In production it starts in a safe configuration or not at all."""

import ipaddress
import os
import signal
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from headlessly import database
from headlessly.background import worker
from headlessly.background.slots import THREADS
from headlessly.background.supervisor import WorkerSupervisor
from headlessly.database.base import close_pools
from headlessly.database.pooler import pooler_problem
from headlessly.log.offsets import restored_log_problem
from headlessly.management.ports import port_refusal


class Command(BaseCommand):
    help = "Serve the site with granian. Production unless HEADLESSLY_ENV=development."
    requires_system_checks = ()  # run below, together with the deploy checks

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="PORT, else 8000"
        )
        parser.add_argument(
            "--workers",
            type=int,
            default=os.environ.get("WEB_CONCURRENCY") or len(os.sched_getaffinity(0)),
            help="processes; one per core, as Python's own work is what takes time",
        )
        parser.add_argument("--threads", type=int, default=4, help="requests at once per process")
        parser.add_argument(
            "--jobs",
            type=int,
            default=4,
            help="background jobs at once; 0 when `manage.py work` runs elsewhere",
        )
        parser.add_argument(
            "--tls-certificate", type=Path, metavar="FILE", help="serve TLS without a proxy"
        )
        parser.add_argument("--tls-key", type=Path, metavar="FILE")
        parser.add_argument(
            "--reuse-port",
            action="store_true",
            help="share the port with another server of this machine, so that it can be replaced",
        )
        parser.add_argument(
            "--memory",
            type=int,
            default=1024,
            metavar="MB",
            help="a process that has grown to this is replaced (1024)",
        )
        parser.add_argument("--access-log", action="store_true", help="one line per request")

    def handle(self, **options):
        shared = options["reuse_port"]
        if taken := port_refusal(options["host"], options["port"], is_shared=shared):
            raise CommandError(taken)
        with _shared_metrics():
            self.serve(options)

    def serve(self, options):
        if problems := [*_refusals(options), *_failed_checks()]:
            listed = "\n".join(f"  - {problem}" for problem in problems)
            raise CommandError(f"headlessly does not serve like this:\n{listed}")
        # Where processes are spawned, a worker loads the settings again; it gets the same ones.
        os.environ["HEADLESSLY_ENV"] = "production" if settings.PRODUCTION else "development"
        os.environ[THREADS] = str(options["threads"])
        if options["access_log"]:
            settings.ACCESS_LOG = True
            os.environ["ACCESS_LOG"] = "1"
        if settings.DATABASES["default"].get("EMBEDDED"):
            # Started here and not in a worker, as this process outlives them, and stops it when it ends.
            database.start(settings.DATA_DIR)
        with suppress(DatabaseError):  # no database yet, or no tables: /readyz tells of that
            if problem := restored_log_problem() or pooler_problem():
                raise CommandError(problem)
        if not settings.PRODUCTION:
            self.stdout.write(f"Serving http://{options['host']}:{options['port']}, until Ctrl-C.")
        connections.close_all()
        close_pools()  # a connection must not be shared with forked workers
        background = WorkerSupervisor(options["jobs"]) if options["jobs"] else None
        if background:
            background.start()
        try:
            _serve(options, background)
        finally:
            if background:
                background.stop()


@contextmanager
def _shared_metrics():
    """Lets all processes of this server count their metrics in one folder.

    Must run before anything imports the metrics, and the system checks do. The folder is in memory if
    possible: the files are mapped, and on a full disk a process that counts would be killed (SIGBUS).
    """
    name = "PROMETHEUS_MULTIPROC_DIR"
    if name in os.environ:
        yield
        return
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="headlessly-metrics-", dir=memory) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]


def _refusals(options):
    """Yields what makes these options unsafe or useless."""
    if not settings.PRODUCTION:
        if not _is_loopback(options["host"]):
            yield (
                f"--host {options['host']} opens a development server, whose secrets everybody "
                "knows, to the network. Set HEADLESSLY_ENV=production."
            )
        return
    if not options["tls_certificate"] and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        yield (
            "Nothing ends TLS. Set TRUST_PROXY=1 when a proxy in front does, and itself sets "
            "X-Forwarded-Proto; or give --tls-certificate FILE --tls-key FILE."
        )
    if options["tls_certificate"] and not options["tls_key"]:
        yield "--tls-certificate needs its --tls-key FILE."
    if not getattr(staticfiles_storage, "hashed_files", None):
        yield (
            "The static files are not collected. "
            "Run: HEADLESSLY_ENV=production python manage.py collectstatic --noinput"
        )


def _failed_checks():
    found = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    return [str(problem) for problem in found if problem.is_serious() and not problem.is_silenced()]


def _is_loopback(host):
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _serve(options, background):
    # Imported here, as the other commands do not need granian.
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    tls = {}
    if options["tls_certificate"]:
        tls = {"ssl_cert": options["tls_certificate"], "ssl_key": options["tls_key"]}
    server = Granian(
        "headlessly.management.served:application",
        factory=True,
        address=options["host"],
        port=options["port"],
        # The ASGI application serves waiting requests without a thread, and passes others to WSGI.
        interface=Interfaces.ASGINL,
        workers=options["workers"],
        # How many connections a process has: more than slow clients can take up.
        backlog=4096,
        backpressure=4096,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        # Processes that were killed, or use too much memory, are replaced.
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_max_rss=options["memory"],
        rss_sample_interval=5,
        workers_kill_timeout=10,
        websockets=False,
        # Only operators need to know when workers start and end.
        log_level=LogLevels.info if settings.PRODUCTION else LogLevels.warning,
        log_dictconfig=_logging_config(),
        **tls,
    )
    if not settings.PRODUCTION:
        # SIGHUP restarts the workers in production; in development the terminal was closed.
        server.on_startup(lambda: signal.signal(signal.SIGHUP, server.signal_handler_interrupt))
    if background:
        # Both end at the same time, so that stopping the server does not take twice as long.
        server.on_startup(lambda: _end_at_once(background))
    worker.end_forks_with_parent()
    server.serve()


def _end_at_once(background):
    """Lets the signals that end the server also end the background worker."""
    for number in (signal.SIGTERM, signal.SIGINT):
        end_server = signal.getsignal(number)

        def end(number, frame, end_server=end_server):
            background.begin_to_stop()
            end_server(number, frame)

        signal.signal(number, end)


def _logging_config():
    """Returns the logging settings, with Granian's lines among all others. The application logs requests."""
    logger = {"handlers": [], "propagate": True}
    return {**settings.LOGGING, "loggers": {**settings.LOGGING["loggers"], "_granian": logger}}
