"""Both halves of the client: what one of them takes and gives, the other does."""

import inspect
import re

import pytest

from headlessly import client
from headlessly.client.files import AsyncExport, Export
from headlessly.client.nouns import AsyncNoun, Noun

HALVES = [
    (client.Headlessly, client.AsyncHeadlessly),
    (Noun, AsyncNoun),
    (client.Found, client.AsyncFound),
    (client.Events, client.AsyncEvents),
    (client.Batch, client.AsyncBatch),
    (Export, AsyncExport),
]


def public(kind):
    """The public functions of a class; of a property, what computes it."""
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind) if name[0] != "_"}
    found["__init__"] = kind.__init__
    return {
        name: value.fget if isinstance(value, property) else value for name, value in found.items()
    }


def as_sync(annotation):
    return re.sub(r"Async(?=[A-Z])", "", str(annotation))


@pytest.mark.parametrize("sync, asynchronous", HALVES, ids=lambda kind: kind.__name__)
def test_it_has_the_same_functions(sync, asynchronous):
    assert public(sync).keys() == public(asynchronous).keys()


@pytest.mark.parametrize("sync, asynchronous", HALVES, ids=lambda kind: kind.__name__)
def test_it_takes_the_same_arguments(sync, asynchronous):
    others = public(asynchronous)
    for name, function in public(sync).items():
        if not callable(function):
            continue
        mine, other = inspect.signature(function), inspect.signature(others[name])
        assert list(map(as_sync, mine.parameters.values())) == list(
            map(as_sync, other.parameters.values())
        ), name


@pytest.mark.parametrize("sync, asynchronous", HALVES, ids=lambda kind: kind.__name__)
def test_it_says_what_each_function_does(sync, asynchronous):
    for kind in (sync, asynchronous):
        for name, function in public(kind).items():
            if callable(function) and name not in ("__init__", "all"):
                assert function.__doc__, name
                assert function.__name__ == name


class FirstCall:
    """A session that answers the first call of an operation instead of sending it."""

    def run(self, steps):
        return steps.send(None)

    def with_declarations(self, look):
        return look(None)
        yield

    def request_json(self, call):
        yield call


@pytest.mark.parametrize("kind", [client.Events, client.AsyncEvents])
def test_it_begins_a_page_of_the_log_where_the_log_begins(kind):
    call = kind(FirstCall(), (), cursor="1.2").page()
    assert ("cursor", "1.2") in call.query
