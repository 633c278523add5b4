"""The state shared by the commands of one run: the tenant, the format of answers, and the declarations."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headlessly.client import logins
from headlessly.client.calls import NO_RETRIES
from headlessly.client.clients import Headlessly
from headlessly.client.commands.output import check_form
from headlessly.client.declarations import Declarations
from headlessly.client.errors import HeadlesslyError

#: How many seconds completion waits for a server of which nothing is cached.
QUICK = 1.0


@dataclass
class State:
    """A run of the command line."""

    url: str | None = None
    profile: str | None = None
    output: str | None = None
    verbose: bool = False
    #: Whether this is shell completion, which must be fast and must not fail.
    completing: bool = False
    _client: Headlessly | None = None
    _declared: Declarations | None = None

    @classmethod
    def of_context(cls, context: Any) -> State:
        """Returns the state of a command's run."""
        root = context.find_root()
        if not isinstance(root.obj, State):
            root.obj = cls()
        state: State = root.obj
        given = root.params
        state.url, state.profile = given.get("url"), given.get("profile")
        state.output, state.verbose = given.get("output"), bool(given.get("verbose"))
        state.completing = bool(root.resilient_parsing)
        return state

    @property
    def client(self) -> Headlessly:
        """The client. Raises NotSignedIn or ValueError."""
        if self._client is None:
            self._client = Headlessly(self.url, profile=self.profile)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def declared(self) -> Declarations:
        """The server's current declarations. They are also cached, for completion."""
        if self._declared is None:
            session = self.client._session
            self._declared = session.run(session.declarations())
            cache_declarations(self.client.url, self._declared.data)
        return self._declared

    @property
    def cached_declarations(self) -> Declarations | None:
        """The cached declarations; None if there are none. Only completion loads missing ones from the
        server."""
        if self._declared is None:
            try:
                self._declared = self._read_cache()
            except (HeadlesslyError, ValueError, OSError, KeyError):
                return None
        return self._declared

    def _read_cache(self) -> Declarations | None:
        login = logins.resolve_login(self.url, None, self.profile)
        file = _cache_file(login.url)
        if file.exists():
            return Declarations(json.loads(file.read_text(encoding="utf-8")))
        if not self.completing:
            return None
        with Headlessly(login.url, login.api_key, timeout=QUICK, retries=NO_RETRIES) as client:
            data = client.schema()
        cache_declarations(login.url, data)
        return Declarations(data)

    @classmethod
    def of_answer(cls, context: Any, output: str | None) -> tuple[State, str]:
        """Returns the state of a command's run, and the format of the answer: table, json, ndjson or csv;
        by default a table on a terminal and JSON otherwise. Raises UsageError."""
        state = cls.of_context(context)
        form = check_form(output) or state.output
        return state, form or ("table" if sys.stdout.isatty() else "json")


def _cache_file(url: str) -> Path:
    """Returns the path of a tenant's cached declarations."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return logins.cache_path() / f"schema-{name}.json"


def cache_declarations(url: str, data: Any) -> None:
    """Caches the declarations. A disk that cannot be written to is no reason to fail."""
    with contextlib.suppress(OSError):
        logins.write_json(_cache_file(url), data)
