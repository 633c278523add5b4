"""Uses the OpenAPI document to check whether responses and bodies are what it says."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from headlessly.api.openapi.responses import LIMITS

#: Headers that every response of a website may have.
USUAL = {
    "Content-Type", "Content-Length", "Cache-Control", "Vary", "X-Frame-Options",
    "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


def described_to(api: Any) -> Described:
    """Returns the document that this client gets."""
    answer = api.call("GET", "/openapi.json")
    assert answer.status_code == 200, answer.content.decode()
    return _described_by(answer.content)


@lru_cache(maxsize=2)
def _described_by(document: bytes) -> Described:
    """Returns the parsed document. It is cached, as a megabyte of JSON takes a while to parse."""
    return Described(json.loads(document))


class Described:
    """One tenant's document, by operationId."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        resource = Resource(contents=document, specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:document", resource)
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }
        self.judge = cache(self._judge)

    def resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        """Returns the component to which a reference points; any other part unchanged."""
        if "$ref" not in part:
            return part
        _, kind, name = part["$ref"].removeprefix("#/").split("/")
        return self.document["components"][kind][name]

    def problems(self, value: Any, *pointer: str) -> list[str]:
        """Returns what is wrong with `value` by the schema at `pointer`."""
        found = self.judge(pointer).iter_errors(value)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in found]

    def fits(self, id: str, response: Any, status: int | None = None) -> Any:
        """Returns the JSON of a response of the operation `id`, which must be as documented."""
        method, path, operation = self.operations[id]
        said = str(response.status_code)
        assert status in (None, response.status_code), response.content.decode()
        assert said in operation["responses"], f"{id} answers {said}, which it does not document"
        pointer = ["paths", path, method, "responses", said]
        answer = operation["responses"][said]
        if "$ref" in answer:
            pointer = answer["$ref"].split("/")[1:]
            answer = self.document["components"][pointer[1]][pointer[2]]
        self.fits_headers(f"{id} {said}", answer["headers"], response)
        if "content" not in answer:
            assert not response.content
            return None
        found = json.loads(response.content)
        problems = self.problems(found, *pointer, "content", "application/json", "schema")
        assert not problems, (id, said, problems)
        return found

    def fits_headers(self, what: str, documented: dict[str, Any], response: Any) -> None:
        """Assert that the response has all documented headers, and no other headers of the product."""
        asked = response.wsgi_request
        may_lack = {"Idempotency-Replayed"}
        if "dryRun" in asked.GET:
            may_lack |= {"ETag", "Location"}
        if "Authorization" not in asked.headers:
            may_lack |= set(LIMITS)
        lacking = documented.keys() - response.headers.keys() - may_lack
        assert not lacking, f"{what} lacks {lacking}"
        undocumented = {name for name, _ in response.items()} - documented.keys() - USUAL
        assert not undocumented, f"{what} does not document {undocumented}"

    def takes(self, id: str, body: Any) -> list[str]:
        """Returns what is wrong with `body` for the operation `id`."""
        method, path, _ = self.operations[id]
        pointer = ["paths", path, method, "requestBody", "content", "application/json", "schema"]
        return self.problems(body, *pointer)

    def _judge(self, pointer: tuple[str, ...]) -> Draft202012Validator:
        escaped = (p.replace("~", "~0").replace("/", "~1").replace("{", "%7B") for p in pointer)
        where = "/".join(each.replace("}", "%7D") for each in escaped)
        return Draft202012Validator(
            {"$ref": f"urn:document#/{where}"},
            registry=self.registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
