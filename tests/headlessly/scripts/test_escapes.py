"""Every way out of the sandbox that we could think of or read about, and every way to use it up.

Each attempt is refused, or comes to nothing; nothing is written, and the next script runs.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from headlessly import scripts
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.errors import HeadlesslyError
from headlessly.scripts import limits, sandbox
from headlessly.scripts.host import Host
from tests.refusals import everything

pytestmark = pytest.mark.django_db

MANAGER = Actor("user_m", "Mallory", actors.MANAGER)
SECRETS = ("/root", "SECRET_KEY", "postgres", "hly_sk_", "django")


#: In seconds. What ends otherwise has as long as a busy machine needs; what would never end is not
#: waited for.
LONG, SHORT = 60, 0.7


@pytest.fixture(autouse=True)
def few(monkeypatch: Any) -> None:
    """The limits of a manager, but that fewer calls and records do."""
    found = dataclasses.replace(limits.LIMITS[actors.MANAGER], seconds=LONG, calls=40, records=50)
    monkeypatch.setitem(limits.LIMITS, actors.MANAGER, found)


def attempt(code: str, *, seconds: float = LONG) -> Any:
    """What comes of ``code``: its value or its error's body. Nothing is written, the next one runs."""
    before, began = everything(), time.monotonic()
    with actors.acting(MANAGER):
        try:
            with pytest.MonkeyPatch.context() as patch:
                found = dataclasses.replace(limits.LIMITS[actors.MANAGER], seconds=seconds)
                patch.setitem(limits.LIMITS, actors.MANAGER, found)
                came: Any = scripts.run(code).value
        except HeadlesslyError as problem:
            came = problem
            assert problem.status in (400, 403, 404, 409, 422), problem.body()
        assert time.monotonic() - began < LONG / 2
        assert everything() == before
        assert scripts.run("[Lead.count(), 6 * 7]").value == [1, 42]
    told = str(came.body() if isinstance(came, HeadlesslyError) else came)
    assert not [secret for secret in SECRETS if secret in told]
    return came


#: What is refused only when its time is over.
TIME, PRINTS = f"at most {SHORT:g} s", "prints at most"
#: What is refused, by name: the script and a word of the refusal.
REFUSED = {
    "the mro of a tuple": ("().__class__.__mro__[1].__subclasses__()", "no attribute"),
    "the bases of a noun": ("Lead.__bases__[0].__subclasses__()", "Lead has no __bases__"),
    "the class of a record": ("Lead.find()[0].__class__.__init__.__globals__", "no attribute"),
    "the dict of a record": ("Lead.find()[0].__dict__", "Lead has no __dict__"),
    "the globals of a function": ("def f(): pass\nf.__globals__", "no attribute"),
    "the code of a function": ("def f(): pass\nf.__code__.co_consts", "no attribute"),
    "the globals of a verb": ("Lead.find.__globals__", "no attribute"),
    "the module of a verb": ("json.loads.__self__", "no attribute"),
    "the builtins": ("__builtins__.open('/etc/passwd')", "__builtins__"),
    "import": ("import os\nos.environ", "Imports are not available"),
    "import as": ("from os import environ as e", "Imports are not available"),
    "import within a function": ("def f():\n    import socket\nf()", "Imports are not available"),
    "dunder import": ("__import__('os').system('id')", "no __import__"),
    "importlib": ("exec('import importlib')", "Error"),
    "subprocess by exec": ("exec('import subprocess')", "Imports are not available"),
    "socket by eval": ("eval(\"__import__('socket')\")", "__import__"),
    "open": ("open('/etc/passwd').read()", "no files"),
    "open to write": ("with open('/tmp/x', 'w') as f:\n    f.write('x')", "no files"),
    "pathlib by exec": (
        "exec(\"import pathlib\\npathlib.Path('/etc/passwd').read_text()\")",
        "no files",
    ),
    "the environment by exec": ("exec(\"import os\\nos.environ['PATH']\")", ""),
    "a directory by exec": ("exec(\"import os\\nos.listdir('/')\")", "no files"),
    "a command by exec": ("exec(\"import os\\nos.system('id')\")", "no attribute"),
    "the end of the worker": ("exec('import os\\nos._exit(1)')", "no attribute"),
    "compile": ("compile('1', '', 'eval')", "no compile"),
    "globals": ("globals()['_ask']", "no globals"),
    "locals": ("locals()", ""),
    "getattr": ("getattr((), '__cla' + 'ss__')", "no attribute"),
    "breakpoint": ("breakpoint()", "no breakpoint"),
    "input": ("input()", "no input"),
    "a format string": ("'{0.__class__.__mro__}'.format(Lead)", "Lead has no __class__"),
    "a format string of a record": (
        "'{0.__init__.__globals__}'.format(Lead.find()[0])",
        "no attribute",
    ),
    "a deep f-string": ('f"{().__class__.__bases__[0]}"', "no attribute"),
    "a decorator": ("@exec\n@input\nclass X: pass", ""),
    "the frame of an exception": (
        "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_globals",
        "no attribute",
    ),
    "the frame of a generator": ("def g():\n    yield 1\ng().gi_frame", "not yet support"),
    "the context of a caught error": (
        "try:\n    Lead.get('x')\nexcept Exception as e:\n    e.__context__.__traceback__.tb_frame",
        "no attribute",
    ),
    "a metaclass": ("class M(type): pass", "not yet support"),
    "a loop without end": ("while True:\n    pass", TIME),
    "a loop that catches everything": (
        "while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass",
        TIME,
    ),
    "a loop that catches the limit": (
        "while True:\n    try:\n        Lead.count()\n    except:\n        pass",
        "at most 40 times",
    ),
    "a loop of finally": (
        "def f():\n    try:\n        f()\n    finally:\n        f()\nf()",
        TIME,
    ),
    "a write in the finally of a limit": (
        "try:\n    [Lead.count() for n in range(99)]\nfinally:\n    Contact.create(name='left')",
        "at most 40 times",
    ),
    "recursion": ("def f(n):\n    return f(n + 1)\nf(0)", "recursion"),
    "a long string": ("'a' * 10 ** 10", "MB of memory"),
    "a growing list": ("x = []\nwhile True:\n    x.append('abc' * 1000)", "MB of memory"),
    "a big number": ("10 ** 10 ** 8", "MB of memory"),
    "squares without end": ("x = 2\nwhile True:\n    x = x * x", "MB of memory"),
    "nested comprehensions": (
        "[[0] * 10000 for a in range(10000) for b in range(10000)]",
        "MB of memory",
    ),
    "a wide format": ("f'{1:>1000000000}'", "MB of memory"),
    "a billion laughs as the answer": (
        "a = ['ha']\nfor n in range(40):\n    a = [a] * 10\na",
        "deep",
    ),
    "a wide answer": (
        "a = ['ha'] * 10\nfor n in range(9):\n    a = [a] * 10\na",
        "answers at most",
    ),
    "a billion laughs as input": (
        "a = ['ha'] * 10\nfor n in range(9):\n    a = [a] * 10\nLead.find({'name': a})",
        "too much",
    ),
    "one string a thousand times": ("s = 'x' * 10 ** 6\n[s] * 1000", "answers at most"),
    "a deep filter": (
        "f = {'name': 'x'}\nfor n in range(5000):\n    f = {'$not': f}\nLead.find(f)",
        "deep",
    ),
    "a flood of print": ("while True:\n    print('x' * 1000)", PRINTS),
    "a flood of small prints": ("while True:\n    print()", PRINTS),
    "a huge error": ("raise ValueError('x' * 10 ** 6)", "ValueError"),
    "thousands of creates": (
        "for n in range(5000):\n    Contact.create(name=f'C{n}')",
        "at most 40 times",
    ),
    "reading all again and again": ("while True:\n    Contact.find()", "reads at most"),
    "a pattern that explodes": (
        "exec(\"import re\\nre.match('(a|aa)+$', 'a' * 5000 + 'b') or 1 / 0\")",
        "",
    ),
    "an invalid pattern": ("Lead.find({'name': {'$regex': '('}})", "not a valid pattern"),
    "another tenant by keyword": (
        "Lead.create(**{'name': 'x', 'source': 'y', 'tenant': 'rival'})",
        "tenant",
    ),
    "another tenant by column": ("Lead.create(name='x', source='y', tenant_id=1)", "tenant_id"),
    "another tenant in a filter": ("Lead.find({'tenant': 'rival'})", "no field 'tenant'"),
    "another tenant by a path": ("Lead.find({'tenant__slug': 'rival'})", "no field"),
    "the state of a model": ("Lead.create(**{'name': 'x', 'source': 'y', '_state': 1})", "_state"),
    "an id of one's own": (
        "Lead.create(name='x', source='y', id='lead_x')",
        "id: There is no such field",
    ),
    "the deleted": ("Lead.find({'deleted_at': {'$exists': True}})", "no field"),
    "SQL in a filter": ("Lead.find({'name\\' OR 1=1 --': 'x'})", "no field"),
    "an operator of Django": ("Lead.find({'name__regex': '.*'})", "no field"),
    "SQL in a sort": ("Lead.find(sort='name; DROP TABLE crm_lead')", ""),
    "SQL in a limit": ("Lead.find(limit='1; DROP TABLE crm_lead')", "limit is a whole number"),
    "a strange include": ("Lead.find(include=['__class__', 'tenant'])", "cannot include"),
    "odd types everywhere": ("Lead.find([1], sort=3.5, q={'a': 1})", ""),
    "odd types for include": ("Lead.find({}, include=5)", ""),
    "odd types for fields": ("Lead.get(Lead.find()[0], fields={'a': 1})", ""),
    "odd types for a moment": ("Lead.find({}, asOf=[1])", ""),
    "an id that is a list": ("Lead.update(['x'], score=1)", "There is no Lead"),
    "a verb called like a dunder": ("_ask('Lead', '__class__', [], {})", "has no __class__"),
    "a transition of the machine": ("_ask('Lead', '_fsm_convert', ['x'], {})", "has no _fsm"),
    "a method of the model": ("_ask('Lead', 'insert', [], {})", "has no insert"),
    "the manager": ("Lead.objects.all()", "Lead has no objects"),
    "a noun that is none": ("_ask('User', 'find', [], {})", "There is no noun User"),
    "a question without form": ("_ask(1, [2], 3, x=4)", "Ask a noun"),
    "a question of odd types": ("_ask({}, [], [], {})", "There is no noun"),
    "odd keys": ("_ask('Lead', 'create', [], {1: 2})", ""),
    "a noun of one's own": ("class User: pass\n$.User.find()", "no noun User"),
    "a dollar in disguise": ("${'Lead'}.find()", ""),
    "a dollar in a name": ("a$b = 1", ""),
    "a forged record": (
        "class Lead: pass\nx = Lead()\nsetattr(x, '_data', {'$id': ['x']})\nContact.merge(x, into=x)",
        "",
    ),
    "a setattr on a noun": (
        "setattr(Lead, 'find', lambda *a, **k: [])\nsetattr(Lead, 'count', 1)\nLead.create(name=1)",
        "name",
    ),
    "a sleep": ("exec('import time\\ntime.sleep(60)')", "no waiting"),
    "an asynchronous sleep": ("exec('import asyncio\\nawait asyncio.sleep(60)')", ""),
    "an asynchronous generator": ("async def f():\n    yield 1\nf()", "not yet support"),
    "awaiting a noun": ("await Lead.find()", "without await"),
    "a function as an argument": ("Lead.create(name=lambda: 1, source=print)", ""),
    "a class as the answer": ("class A: pass\nA()", "no JSON"),
    "not a number": ("float('nan')", "no JSON"),
    "a number without end": ("10 ** 400", "no JSON"),
    "bytes": ("b'abc'", "no JSON"),
    "keys that are no text": ("{(1, 2): 3}", "keys of an object are text: A tuple is none"),
    "NUL in the script": ("x = 1\0", ""),
    "NUL in a value": ("Lead.find({'name': 'a\\0b'})", "NUL"),
    "half a character": ("x = '\ud800'", "no valid Unicode"),
    "look-alikes of a dunder": ("().__ｃlass__", "no attribute"),
    "a script without end": ("x = 1\n" * 10_000, "characters"),
    "brackets without end": ("(" * 9_000 + ")" * 9_000, "nested"),
    "f-strings in f-strings": ("f'{" * 4_000 + "1" + "}'" * 4_000, ""),
    "minus without end": ("-" * 19_000 + "1", "nested"),
    "attributes without end": ("x" + ".a" * 9_000, "nested"),
    "nothing": ("   ", "send a script"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name, lead, theirs):
    code, saying = REFUSED[name]
    came = attempt(code, seconds=SHORT if saying in (TIME, PRINTS) else LONG)
    assert isinstance(came, HeadlesslyError), came
    assert saying in came.message


@pytest.mark.parametrize(
    ("code", "came"),
    [
        ("x = []\nx.append(x)\nx", [["[...]"], ["…"]]),
        ("'{0}'.format(Lead)", ["<class 'Lead'>"]),
        ("type(Lead.find()[0])(Lead.find()[0]['$id'] and {'$id': 'x'}).id", ["x"]),
        ("hash('a') and id([]) and 1", [1]),
        ("exec('import sys')\nsys.version[:4]", ["3.14"]),
    ],
)
def test_it_comes_to_nothing(code, came, lead):
    assert attempt(code) in came


def test_it_finds_no_other_tenants_records_by_their_ids(lead, theirs, people):
    for code in (
        f'Lead.get("{theirs.lead.pk}")',
        f'Lead.update("{theirs.lead.pk}", score=1)',
        f'Lead.history("{theirs.lead.pk}")',
        f'Lead.create(name="x", source="y", contact="{theirs.eve.pk}")',
        f'Contact.merge("{people.ada.pk}", into="{theirs.eve.pk}")',
    ):
        came = attempt(code)
        assert isinstance(came, HeadlesslyError) and "There is no" in came.message


def test_it_survives_the_death_of_its_worker(lead, monkeypatch):
    asked = Host.answer

    def killing(self: Host, *question: Any) -> Any:
        os.kill(sessions[-1].worker_pid, signal.SIGKILL)
        return asked(self, *question)

    sessions: list[Any] = []
    play = sandbox.RunningScript.run

    def playing(self: Any, code: str) -> Any:
        sessions.append(self.session)
        if len(sessions) == 1:
            monkeypatch.setattr(Host, "answer", killing)
        else:
            monkeypatch.setattr(Host, "answer", asked)
        return play(self, code)

    monkeypatch.setattr(sandbox.RunningScript, "run", playing)
    came = attempt("Contact.create(name='left')\nContact.create(name='right')")
    assert isinstance(came, HeadlesslyError) and "brought its interpreter down" in came.message


PROCESS = """
import os, sys, time, django
os.environ["DJANGO_SETTINGS_MODULE"] = "headlessly.settings"
django.setup()
from headlessly.access import actors
from headlessly.scripts import limits, workers

def play():
    with workers.reserve_worker(limits.limits_of(actors.SYSTEM)) as session:
        os.write(1, b"%d %d\\n" % (session.feed_run("6 * 7"), session.worker_pid))
        return session.worker_pid

child = os.fork()
if child == 0:
    play()
    os._exit(0)  # without a word to its worker
os.waitpid(child, 0)
play()
late = os.fork()
if late == 0:
    try:
        play()
    except RuntimeError as problem:
        os.write(1, b"refused\\n")
    os._exit(0)
os.waitpid(late, 0)
play()
time.sleep(60)
"""


def test_workers_belong_to_one_process_and_end_with_it():
    """A fork has its own, and not its parent's; whoever is killed leaves none behind."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        childs, own, late, again = (process.stdout.readline().split() for _ in range(4))
        assert childs[0] == own[0] == "42" and late == ["refused"]
        assert again == own != childs, "the fork took its parent's worker"
        assert _gone(childs[1]) and psutil.pid_exists(int(own[1]))
    finally:
        process.kill()
        process.wait(20)
    assert _gone(own[1])


def _gone(pid: str) -> bool:
    for _ in range(50):
        if not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == "zombie":
            return True
        time.sleep(0.1)
    return False
