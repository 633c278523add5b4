"""The platform's resources: their addresses as the router has them, and what their actions say of themselves
(:mod:`headlessly.api.describing`)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from headlessly.api.base import ResourceViewSet, TaggedViewSet
from headlessly.api.describing import TABLE, Described
from headlessly.api.json_schema import TEXT, Schema, id_schema, ref
from headlessly.api.openapi import responses
from headlessly.api.openapi.components import list_schema
from headlessly.api.openapi.operations import NOTHING, operation, request_body
from headlessly.api.openapi.parameters import query_parameter, shared_parameters
from headlessly.api.openapi.serializers import serializer_schema
from headlessly.api.proposals import ProposalDifferenceSerializer
from headlessly.api.resources import RESOURCES
from headlessly.api.routers import TenantRouter
from headlessly.api.serializers import WireSerializer

#: How an action ends the name of its operation, where it does not by its own.
ENDINGS = {
    "list": "List",
    "create": "Create",
    "retrieve": "Get",
    "update": "Put",
    "partial_update": "Update",
    "destroy": "Delete",
}


def _actions() -> Iterator[tuple[type[ResourceViewSet], str, str, str, Described]]:
    """Each with its viewset, its address, the method of HTTP and its name. One that says nothing of itself is
    no part of the document."""
    router = TenantRouter()
    for prefix, viewset in RESOURCES.items():
        for route in router.get_routes(viewset):
            address = "/" + route.url.format(prefix=prefix, lookup="<id>")
            for method, name in router.get_method_map(viewset, route.mapping).items():
                if (said := getattr(getattr(viewset, name), "described", None)) is not None:
                    yield viewset, re.sub(r"<(\w+)>", r"{\1}", address), method, name, said


def resource_paths() -> dict[str, Schema]:
    """The path items, in the order of the routes. Where imports begin is each noun's own."""
    found: dict[str, Schema] = {}
    for viewset, address, method, name, said in _actions():
        if address not in found:
            parts = re.findall(r"{(\w+)}", address)
            named = [_path_parameter(viewset, part) for part in parts]
            found[address] = {"parameters": named} if named else {}
        found[address][method] = _operation(viewset, method, name, said, "{id}" in address)
    return found


def _path_parameter(viewset: type[ResourceViewSet], name: str) -> Schema:
    schema = viewset.ids.get(name)
    if schema is None:
        schema = id_schema(viewset.retrieve.described.answer.prefix)  # type: ignore[attr-defined]
    return _parameter(name, schema, "path") | {"required": True}


def _parameter(name: str, schema: Schema, place: str = "query") -> Schema:
    """What a schema says in words stands beside it, where people read it."""
    plain = {key: said for key, said in schema.items() if key != "description"}
    return query_parameter(name, plain, schema.get("description", ""), place)


def _operation(
    viewset: type[ResourceViewSet], method: str, name: str, said: Described, of_one: bool
) -> Schema:
    writes = method != "get"
    ending = ENDINGS.get(name) or "".join(part.title() for part in name.split("_"))
    doc = inspect.getdoc(getattr(viewset, name)) or ""
    summary = " ".join(doc.partition("\n\n")[0].split())
    own = [_parameter(name, schema) for name, schema in said.parameters.items()]
    once = ("idempotencyKey",) if method == "post" else ()
    tagged = issubclass(viewset, TaggedViewSet) and of_one and writes
    version = ("ifMatch",) if said.takes_version or tagged else ()
    shared = [name for name in said.query if name not in said.parameters]
    found = {str(said.status): _response(viewset, summary, said)}
    if method == "delete":
        found = {"204": responses.success_response(summary, None)}
    for status, answer in said.also.items():
        schema = ref(answer.component())
        found[str(status)] = responses.success_response(summary, schema, "Location")
    body: dict[str, Any] = {}
    if said.takes is not None:
        taken = request_body(ref(said.takes.component()), required=said.needs_body)
        body = {"requestBody": taken}
    elif method == "post":
        body = {"requestBody": NOTHING}
    return operation(
        said.id or viewset.word + ending,
        summary,
        viewset.tag,
        found,
        parameters=[*own, *shared_parameters(*once, *version, *shared)],
        errors=_errors(viewset, method, said, of_one),
        writes=writes,
        **body,
    )


def _errors(viewset: type[ResourceViewSet], method: str, said: Described, of_one: bool) -> set[int]:
    """What an action of this kind may refuse. One that changes a resource has a 409 only where it says so."""
    found = {*(responses.READING if method in ("get", "delete") else responses.WRITING)}
    if method in ("put", "patch"):
        found.discard(409)
    if of_one:
        found.add(404)
    if method == "delete" or viewset.is_refused:
        found.add(403)
    if issubclass(viewset, TaggedViewSet) and of_one and method != "get":
        found.add(412)
    return found | {*said.errors}


def _response(viewset: type[ResourceViewSet], summary: str, said: Described) -> Schema:
    if said.answer == TABLE:
        table = responses.success_response(summary, None, "Content-Disposition")
        return table | {"content": {TABLE: {"schema": TEXT}}}
    headers = (*said.headers, *(("Location",) if said.status == 201 else ()))
    if not isinstance(said.answer, type):
        return responses.success_response(summary, None, *headers)
    if said.many:
        return responses.success_response(summary, ref(_list_name(said.answer)), *headers)
    if issubclass(viewset, TaggedViewSet) and _kind(said.answer) == viewset.kind:
        headers = ("ETag", *headers)
    return responses.success_response(summary, ref(said.answer.component()), *headers)


def _list_name(item: type[WireSerializer]) -> str:
    return f"{_kind(item)}List"


def _kind(item: type[WireSerializer]) -> str:
    return getattr(item, "kind", item.component())


def resource_components() -> dict[str, Schema]:
    """What is answered and taken, by name; and what errors say of a proposal."""
    serializers: list[type[WireSerializer]] = [ProposalDifferenceSerializer]
    found: dict[str, Schema] = {}
    for _viewset, _address, _method, _name, said in _actions():
        named = (said.answer, said.takes, *said.also.values())
        serializers += [each for each in named if isinstance(each, type)]
        if said.many and isinstance(said.answer, type):
            found[_list_name(said.answer)] = list_schema(ref(said.answer.component()))
    return {each.component(): serializer_schema(each()) for each in serializers} | found
