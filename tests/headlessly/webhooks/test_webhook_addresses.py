"""A webhook leads to the public internet, and there alone."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import threading
from ipaddress import ip_address
from typing import Any

import pytest

from crm import Contact
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import addresses, sending
from headlessly.webhooks.addresses import WebhookUrl, is_public
from tests.answered import answered, named, problem

CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
OPEN = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]


@pytest.mark.parametrize("address", CLOSED)
def test_it_refuses_an_address_that_is_not_public(address):
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    for url in (f"https://{host}/", f"http://{host}:8000/x?y"):
        with pytest.raises(ValueError, match="public addresses only"):
            WebhookUrl.parse(url)


@pytest.mark.parametrize("address", OPEN)
def test_it_takes_a_public_address(address):
    assert is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert WebhookUrl.parse(f"https://{host}/").host == address


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/",  # 127.0.0.1 as a number
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://8.8.8.256/",
        "https://example.0x7f/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://localhost/",
        "https://LOCALHOST:8443/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://example.com@127.0.0.1/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://127.0.0.1\\@example.com/",
        "https://example.com\\.evil.example/",
        "https://127.0.0.1#@example.com/",
        "https://example.com/#fragment",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:99999999/",
        "https://example.com:/",
        "https://example.com:+80/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff:7f00:1]/",
        "https:///path",
        "https://",
        "https:example.com",
        "//example.com/",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: 1",
        "https://example.com/\tx",
        "https://-example.com/",
        "https://example..com/",
        "https://.example.com/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
        "https://exämple.com/",
        "https://%31%32%37.0.0.1/",
        "https://example.com/\x00",
        "http\u017f://example.com/",  # a long s, which is a small one to who asks for either
        "https://\u212aaggle.example/",  # the sign of kelvins
    ],
)
def test_it_refuses_an_address_that_is_a_trick(url):
    with pytest.raises(ValueError):
        WebhookUrl.parse(url)


def test_it_refuses_at_registration_and_names_the_field(api):
    hook = answered(
        api.call("POST", "/webhooks", {"url": "https://a.example", "events": ["*"]}), 201
    )
    for url in ("https://127.0.0.1/", "https://0x7f.1/", "https://a@b.example/", "ftp://a.example"):
        for method, path in (("POST", "/webhooks"), ("PATCH", f"/webhooks/{hook['$id']}")):
            answer = api.call(method, path, {"url": url, "events": ["*"]})
            assert list(named(problem(answer, 422, "validation_error"))) == ["url"]
    assert Webhook.objects.get().url == "https://a.example"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", ("https", "example.com", 443, "/", "example.com")),
        ("HTTPS://Example.COM.", ("https", "example.com", 443, "/", "example.com")),
        ("http://example.com?a=b", ("http", "example.com", 80, "/?a=b", "example.com")),
        ("https://xn--exmple-cua.com:8443/%20", (
            "https", "xn--exmple-cua.com", 8443, "/%20", "xn--exmple-cua.com:8443")),
        ("https://[2606:4700::1111]:8443/", (
            "https", "2606:4700::1111", 8443, "/", "[2606:4700::1111]:8443")),
        ("https://a.example/@b:c//d", ("https", "a.example", 443, "/@b:c//d", "a.example")),
        ("https://127.0.0.1.example.com/", (
            "https", "127.0.0.1.example.com", 443, "/", "127.0.0.1.example.com")),
    ],
)  # fmt: skip
def test_it_reads_an_address_in_one_way(url, parts):
    found = WebhookUrl.parse(url)
    assert (found.scheme, found.host, found.port, found.target, found.authority) == parts


def test_it_wants_https_in_production(api, settings):
    settings.WEBHOOKS_ALLOW_HTTP = False
    answer = api.call("POST", "/webhooks", {"url": "http://example.com/", "events": ["*"]})
    assert "https" in named(problem(answer, 422, "validation_error"))["url"]


# -- when it is called ----------------------------------------------------------------------------


@pytest.fixture
def named_hook(api: Any, receiver: Any) -> Webhook:
    url = f"http://hooks.example.com:{receiver.port}/in"
    made = answered(api.call("POST", "/webhooks", {"url": url, "events": ["*"]}), 201)
    return Webhook.objects.get(pk=made["$id"])


@pytest.fixture
def lookups(monkeypatch: Any) -> Any:
    """A resolver that answers as it is told, and remembers what it was asked."""

    class Lookups:
        asked: list[str] = []
        answers: list[list[str]] = []

        async def __call__(self, host: str, port: int) -> list[str]:
            self.asked = [*self.asked, host]
            return self.answers[min(len(self.asked), len(self.answers)) - 1]

    lookups = Lookups()
    monkeypatch.setattr(addresses, "resolve", lookups)
    return lookups


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["10.1.1.1"]]
)
def test_it_calls_nobody_whose_name_leads_inside(found, named_hook, lookups, deliver, receiver):
    lookups.answers = [found]
    Contact.create(name="Ada")
    deliver()
    assert receiver.raw == []
    assert Delivery.objects.get().error == sending.ADDRESS_FORBIDDEN


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "0177.1", "localhost"])
def test_it_calls_nobody_inside_however_the_address_came_there(host, named_hook, deliver, receiver):
    """Written into the row by hand, past the check at registration."""
    Webhook.objects.update(url=f"http://{host}:{receiver.port}/in")
    Contact.create(name="Ada")
    deliver()
    assert receiver.raw == []
    assert Delivery.objects.get().status == "pending"


def test_what_is_wrong_with_a_long_address_is_noted_as_far_as_there_is_room(named_hook, deliver):
    """Written into the row by hand: whether inner names may be called can have changed."""
    Webhook.objects.update(url=f"http://{'abc.' * 60}internal/")
    Contact.create(name="Ada")
    deliver()
    delivery = Delivery.objects.get()
    assert delivery.error.startswith("abc.abc.")
    assert (delivery.status, delivery.attempts, delivery.held_until) == ("pending", 1, None)


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "localhost"])
def test_it_checks_what_the_system_makes_of_a_name(host):
    """The resolver itself reads such numbers as addresses; what it says is what is checked."""
    with pytest.raises(addresses.AddressNotAllowed):
        asyncio.run(addresses.resolve_allowed(host, 80))


def test_it_connects_to_what_it_checked_and_looks_up_once(
    named_hook, lookups, deliver, receiver, monkeypatch
):
    """A name that changes its mind between the check and the call gets nothing of it."""
    lookups.answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected = []

    async def connect(self: Any, host: str, port: int, **_: Any) -> Any:
        connected.append(host)
        raise OSError

    monkeypatch.setattr(sending.httpcore.AnyIOBackend, "connect_tcp", connect)
    Contact.create(name="Ada")
    deliver()
    assert connected == ["93.184.216.34"]
    assert lookups.asked == ["hooks.example.com"]
    assert receiver.raw == []


def test_it_sends_the_name_to_the_address(named_hook, lookups, deliver, receiver, monkeypatch):
    monkeypatch.setattr(addresses, "CLOSED", [])
    lookups.answers = [["127.0.0.1"]]
    Contact.create(name="Ada")
    deliver()
    ((path, headers, _),) = receiver.raw
    assert (path, headers["Host"]) == ("/in", f"hooks.example.com:{receiver.port}")


def test_it_asks_no_proxy(listen, deliver, receiver, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    listen()
    Contact.create(name="Ada")
    deliver()
    assert receiver.names == ["Contact.Created"]


def test_a_name_that_nobody_tells_of_keeps_no_other_from_being_looked_up(monkeypatch):
    over = threading.Event()

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        if host == "silent.example":
            over.wait(20)
        return [(None, None, None, None, ("93.184.216.34", port))]

    async def ask() -> None:
        silent = [asyncio.create_task(addresses.resolve("silent.example", 443)) for _ in range(100)]
        await asyncio.sleep(0.1)
        silent[0].cancel()
        assert await asyncio.wait_for(addresses.resolve("b.example", 443), 5) == ["93.184.216.34"]
        over.set()
        told = await asyncio.gather(*silent[1:])
        assert told == [["93.184.216.34"]] * 99, "whoever gave up was one of many"

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    try:
        asyncio.run(ask())
    finally:
        over.set()
    assert not addresses._lookups


def test_it_says_so_when_there_is_no_such_host(named_hook, deliver, monkeypatch):
    async def nobody(host: str, port: int) -> list[str]:
        raise addresses.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(addresses, "resolve", nobody)
    Contact.create(name="Ada")
    deliver()
    assert Delivery.objects.get().error == "There is no such host."


@pytest.fixture
def certified(tmp_path: Any, receiver: Any, monkeypatch: Any) -> Any:
    """The receiver speaks TLS, as hooks.example.com; its certificate is trusted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=receiver",
         "-addext", "subjectAltName=DNS:hooks.example.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    receiver.seen = []
    server.sni_callback = lambda _, name, __: receiver.seen.append(name)
    receiver.server.socket = server.wrap_socket(receiver.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(sending, "_certificates", lambda: trusting)
    monkeypatch.setattr(addresses, "CLOSED", [])
    return receiver


@pytest.mark.parametrize(
    ("host", "arrives"), [("hooks.example.com", True), ("other.example.com", False)]
)
def test_it_checks_the_certificate_of_the_name(host, arrives, certified, api, lookups, deliver):
    lookups.answers = [["127.0.0.1"]]
    url = f"https://{host}:{certified.port}/in"
    answered(api.call("POST", "/webhooks", {"url": url, "events": ["*"]}), 201)
    Contact.create(name="Ada")
    deliver()
    assert certified.seen == [host]
    delivery = Delivery.objects.get()
    if arrives:
        assert certified.names == ["Contact.Created"]
    else:
        assert certified.got == []
        assert delivery.error.startswith("TLS failed: ")
        assert "127.0.0.1" not in delivery.error


def test_it_says_nothing_of_what_is_inside(named_hook, lookups, deliver, api):
    """The answer of a refused call gives no port scanner an oracle."""
    lookups.answers = [["10.0.0.7"]]
    Contact.create(name="Ada")
    deliver()
    said = api.call("GET", f"/webhooks/{named_hook.pk}/deliveries").content.decode()
    assert "10.0.0.7" not in said
    (delivery,) = json.loads(said)["results"]
    assert delivery["responseStatus"] is None
