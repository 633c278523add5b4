"""Batches: several calls in one request, each by itself or all in one transaction."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any
from urllib.parse import unquote

import orjson
from django.conf import settings
from django.db import OperationalError, transaction
from django.http import HttpResponse
from django.urls import ResolverMatch, resolve
from rest_framework.request import Request

from headlessly import errors
from headlessly.access import tenancy
from headlessly.api import operations, parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import JSON, ApiResponse
from headlessly.api.inner import InnerRequest
from headlessly.api.operations import Operation
from headlessly.api.references import OperationAnswers
from headlessly.context import running
from headlessly.errors import BadRequest, BatchFailed, DependencyFailed
from headlessly.execution import executor
from headlessly.execution.contention import retry_on_deadlock
from headlessly.log.events import dump_json
from headlessly.web import mount as web_mount

logger = logging.getLogger("headlessly.api")


class BatchView(TenantView):
    """``{"operations": [...], "atomic": bool}``: 1 to 100 calls of this tenant's API, in order."""

    in_batch = False

    def post(self, request: Request) -> ApiResponse:
        dry_run = parameters.read_dry_run(request.GET)
        asked, atomic = operations.read_operations(request.data)
        batch = Batch(request, asked)
        results = batch.run_as_one(dry_run) if atomic else batch.run_each(dry_run)
        answer = ApiResponse({"results": results})
        if batch.shown_once:
            answer.kept = batch.answer_to_keep(answer.content)
        return answer


class Batch:
    """The operations of one request, each done by the view of its address."""

    def __init__(self, request: Request, asked: list[Operation]) -> None:
        self.request, self.asked = request, asked
        self.answers = OperationAnswers()
        self.current = asked[0]
        #: By the number of an operation, the entries of its answer that are never kept.
        self.shown_once: dict[int, tuple[str, ...]] = {}

    def answer_to_keep(self, content: bytes) -> bytes:
        """Returns the answer without entries that are shown only once."""
        answer = orjson.loads(content)
        for number, names in self.shown_once.items():
            for name in names:
                (answer["results"][number]["body"] or {}).pop(name, None)
        return orjson.dumps(answer)

    # -- all or nothing ---------------------------------------------------------------------------

    def run_as_one(self, dry_run: bool) -> list[dict[str, Any]]:
        """All in one transaction. Raises BatchFailed when one fails; then nothing has happened."""
        try:
            return retry_on_deadlock(lambda: self._run_in_one_transaction(dry_run))
        except Exception as problem:
            status, body = errors.status_and_body(problem)
            if status >= 500:
                raise
            failed = self.current
            raise BatchFailed(
                f"Nothing was done: {failed.name} failed. {body['message']}",
                failed={"id": failed.id, "index": failed.number},
                results=[self._result_of_undone(each, status, body) for each in self.asked],
            ) from problem

    def _run_in_one_transaction(self, dry_run: bool) -> list[dict[str, Any]]:
        self.answers, results = OperationAnswers(), []
        with executor.one_transaction(ids=self._ids_to_write()):
            for operation in self.asked:
                self.current = operation
                results.append(self._keep_answer(operation, *self._call_view(operation)))
            if dry_run:
                running.flush_events()  # the database may have a word to say about the events, too
                transaction.set_rollback(True)
        return results

    def _ids_to_write(self) -> list[str]:
        """Returns the path segments of all writing operations, ids among them."""
        paths = [each.path.partition("?")[0] for each in self.asked if each.method != "GET"]
        return [part for path in paths for part in path.split("/")]

    def _result_of_undone(
        self, operation: Operation, status: int, body: dict[str, Any]
    ) -> dict[str, Any]:
        if operation is not self.current:
            what = "was undone" if operation.number < self.current.number else "was not tried"
            status, body = errors.status_and_body(
                DependencyFailed(f"This {what}, for {self.current.name} failed.")
            )
        return _operation_result(operation, status, dump_json(body))

    # -- one by one -------------------------------------------------------------------------------

    def run_each(self, dry_run: bool) -> list[dict[str, Any]]:
        """Each in a transaction of its own; one that fails stops only those that refer to it."""
        if not dry_run:
            return [self._try_operation(each) for each in self.asked]
        return retry_on_deadlock(self._rehearse)

    def _rehearse(self) -> list[dict[str, Any]]:
        """Runs all operations, each seeing the effects of earlier ones, then rolls all of them back."""
        self.answers = OperationAnswers()
        with transaction.atomic():
            results = [self._try_operation(each, rehearsing=True) for each in self.asked]
            transaction.set_rollback(True)
        return results

    def _try_operation(self, operation: Operation, rehearsing: bool = False) -> dict[str, Any]:
        try:
            with transaction.atomic() if rehearsing else nullcontext():
                status, content = self._call_view(operation)
        except Exception as problem:
            if rehearsing and isinstance(problem, OperationalError):
                raise  # a deadlock is that of the whole transaction
            status, body = errors.status_and_body(problem)
            if status >= 500:
                named = f"{operation.method} {operation.path[:200]!r}"
                logger.error("%s failed", named, exc_info=problem)
            content = dump_json(body)
        return self._keep_answer(operation, status, content)

    # -- one operation ----------------------------------------------------------------------------

    def _keep_answer(self, operation: Operation, status: int, content: bytes) -> dict[str, Any]:
        self.answers.keep_answer(operation.id, status, content)
        return _operation_result(operation, status, content)

    def _call_view(self, operation: Operation) -> tuple[int, bytes]:
        """Status and body of the operation. Raises whatever went wrong."""
        body = self.answers.fill_body(operation.body)
        path, query = _split_address(self.answers.fill_path(operation.path))
        call = InnerRequest(self.request, operation.method, path, query, body, operation.if_match)
        match = _resolve_view(path)
        if names := match.func.cls.never_kept:  # type: ignore[attr-defined]
            self.shown_once[operation.number] = names
        if match.url_name == "events" and "wait" in call.GET:
            raise BadRequest("A batch waits for nothing: leave out wait.", field="wait")
        call.resolver_match = match
        response: HttpResponse = match.func(call, *match.args, **match.kwargs)
        if response.streaming or (response.content and response.headers["Content-Type"] != JSON):
            raise _not_in_a_batch(path)
        return response.status_code, response.content


def _operation_result(operation: Operation, status: int, content: bytes) -> dict[str, Any]:
    body = orjson.Fragment(content) if content else None
    return {"id": operation.id, "status": status, "body": body}


def _split_address(text: str) -> tuple[str, str]:
    """Path and query within this tenant. Raises BadRequest for one that leads out of it."""
    raw, _, query = text.partition("?")
    path, tenant = unquote(raw), tenancy.require()
    if not path.startswith("/") or path.startswith("//") or "#" in text:
        raise BadRequest("A path is an address of this tenant, such as /leads.", field="path")
    if mount := web_mount.MOUNT.match(path):
        slug, rest = mount.groups()
        if slug != tenant.slug:
            raise BadRequest(f"A batch stays in its own tenant, ~{tenant.slug}.", field="path")
        path = rest or "/"
    return path, query


def _resolve_view(path: str) -> ResolverMatch:
    """The view of this address, as the site finds it. Raises BadRequest for what is no part of REST."""
    match = resolve(path, settings.TENANT_URLCONF)
    view = getattr(match.func, "cls", None)
    if view is None or not issubclass(view, TenantView):
        raise _not_in_a_batch(path)
    allowed = view.in_batch
    if not isinstance(allowed, bool):
        allowed = not set(getattr(match.func, "actions", {}).values()).isdisjoint(allowed)
    if not allowed:
        raise _not_in_a_batch(path)
    return match


def _not_in_a_batch(path: str) -> BadRequest:
    return BadRequest(f"{path[:64]!r} is no part of a batch: call it by itself.", field="path")
