"""Links that let somebody in, sent by several at once, again, or to somebody else's door."""

from __future__ import annotations

import re
from functools import partial

import httpx
import pytest

from headlessly.access.models import User
from headlessly.accounts import mail, passwords
from headlessly.errors import Conflict
from tests.attacks.site import Site, all_at_once

PASSWORD = "right-horse-battery"


class Browser(httpx.Client):
    """A browser of the site: it keeps its cookies, and sends what a form asks for."""

    def __init__(self, site: Site) -> None:
        super().__init__(base_url=site.address, trust_env=False, timeout=60)

    def submit(self, path: str, **fields: str) -> httpx.Response:
        page = self.get(path).text
        if (token := re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)) is not None:
            fields["csrfmiddlewaretoken"] = token[1]
        return self.post(path, data=fields)

    def choose(self, path: str, password: str = PASSWORD) -> httpx.Response:
        return self.submit(path, first_name="M", new_password1=password, new_password2=password)

    def sees(self, slug: str) -> bool:
        return self.get(f"/~{slug}/admin/").status_code == 200


@pytest.mark.parametrize("kind", ["invitation", "reset"])
def test_a_link_lets_in_one_of_several_who_come_by_it_at_once(site: Site, kind: str) -> None:
    greedy, quiet = site.tenants["greedy"], site.tenants["quiet"]
    link = greedy[kind]
    before = Browser(site)  # from before the password was chosen anew
    before.cookies.set("sessionid", greedy["session"])
    assert before.sees(greedy["slug"])
    browsers = [Browser(site) for _ in range(4)]
    choices = [partial(each.choose, link, f"{PASSWORD}-{n}") for n, each in enumerate(browsers)]
    answers = all_at_once(choices)
    entered = [each for each in browsers if each.sees(greedy["slug"])]
    assert len(entered) == 1, [each.status_code for each in answers]
    assert not any(each.sees(quiet["slug"]) for each in browsers)
    assert before.sees(greedy["slug"]) == (kind == "invitation"), "a new password ends all others"
    # It is of no use any more, nor is any other that is made of it.
    late = Browser(site)
    assert late.get(link).status_code == 404
    of_quiet = quiet[kind].split("/")
    for other in ("/".join([*link.split("/")[:-1], of_quiet[-1]]),
                  "/".join([*of_quiet[:-1], link.split("/")[-1]])):  # fmt: skip
        assert late.get(other).status_code == 404
    assert not late.sees(greedy["slug"])


def test_a_link_that_fitted_when_two_came_by_it_fits_one_of_them(db: None) -> None:
    pk = User.objects.create_user("ann@sign.example").pk
    one, other = User.objects.get(pk=pk), User.objects.get(pk=pk)
    token = mail.password_path(one).split("/")[-1]
    assert passwords.link_fits(one, token, "") and passwords.link_fits(other, token, "")
    passwords.choose_password_by_link(one, "first-horse-battery", token, "")
    with pytest.raises(Conflict, match="used already"):
        passwords.choose_password_by_link(other, "second-horse-battery", token, "")
    assert User.objects.get(pk=pk).check_password("first-horse-battery")
