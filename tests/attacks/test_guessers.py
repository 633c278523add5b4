"""Guessers who do not wait slow nobody who works."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.attacks.site import ROOT, Site, is_no_slower

GUESSERS = 32


def slowed_by_guessers(site: Site) -> tuple[float, float, dict[str, int]]:
    """How long a read takes before, and meanwhile; and how often the guessers were answered what."""
    usual = site.seconds_to_read()
    guessers = subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.guessers", str(site.port), str(GUESSERS), "3.5"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1.5)  # they have begun
    meanwhile = site.seconds_to_read()
    told, _ = guessers.communicate(timeout=30)
    return usual, meanwhile, json.loads(told)


def test_answers_others_as_fast_while_many_guess_and_do_not_wait(site: Site) -> None:
    site.seconds_to_read()
    found = []
    for _ in range(3):  # what else the machine does is no guesser's
        usual, meanwhile, answers = slowed_by_guessers(site)
        assert set(answers) <= {"422", "429", "503"}, answers
        found.append((usual, meanwhile, answers))
        if is_no_slower(meanwhile, usual):
            break
    else:
        raise AssertionError(found)
