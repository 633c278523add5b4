"""Saved views: a list under a name, one's own or the team's, and with which one starts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from headlessly.declaration.registry import registry
from headlessly.models import Start, View

LEADS = "/~acme/admin/crm/lead/"
#: As the menu leads there.
BEGIN = f"{LEADS}?view=start"
HOT = "score__gte=80&status=New,Contacted"


def save(client: Any, name: str = "Hot ones", query: str = HOT, **more: str) -> Any:
    return client.post(f"{LEADS}views/", {"name": name, "query": query, **more})


def do(client: Any, view: Any, what: str, **more: str) -> Any:
    return client.post(f"{LEADS}views/{getattr(view, 'pk', view)}/", {"do": what, **more})


def tabs(client: Any, query: str = "?view=all") -> list[str]:
    html = client.get(LEADS + query).content.decode()
    nav = html.split('class="viewtabs"')[1].split("</nav>")[0]
    return re.findall(r">([^<>]+)</a>", nav)


def test_keeps_filters_columns_and_order_but_neither_page_nor_day(bob, people):
    answer = save(
        bob, query=f"?{HOT}&o=-score&columns=score&p=3&asOf=2026-01-01&view=x".lstrip("?")
    )
    view = View.objects.get()
    assert view.query == "columns=score&o=-score&score__gte=80&status=New,Contacted"
    assert answer.url == f"{LEADS}?{view.query}&view={view.pk}"
    html = bob.get(answer.url).content.decode()
    assert "Score: 80 or more" in html
    assert re.search(r'aria-current="page"[^>]*>Hot ones', html)


def test_a_private_view_shows_to_nobody_else(bob, cleo, ann, people):
    save(bob)
    assert "Hot ones" in tabs(bob)
    assert "Hot ones" not in tabs(cleo)
    assert "Hot ones" not in tabs(ann)


def test_a_shared_view_shows_to_the_team_and_to_no_other_tenant(cleo, bob, users, people):
    from tests.headlessly.admin.signed_in import client_of

    save(cleo, shared="on")
    assert "Hot ones" in tabs(bob)
    eve = client_of(users.eve).get("/~rival/admin/crm/lead/?view=all").content.decode()
    assert "Hot ones" not in eve


def test_a_rep_cannot_share_nor_change_what_is_shared(bob, cleo, people):
    assert save(bob, shared="on").status_code == 403
    assert not View.objects.exists()
    save(cleo, shared="on")
    view = View.objects.get()
    for what in ("save", "rename", "unshare", "delete"):
        do(bob, view, what, name="Mine now", query="source=x")
        view.refresh_from_db()
        assert (view.name, view.shared, view.query) == ("Hot ones", True, HOT), what
    save(bob, name="My own")
    own = View.objects.get(name="My own")
    do(bob, own, "share")
    own.refresh_from_db()
    assert not own.shared


def test_a_manager_shares_changes_renames_and_deletes(cleo, bob, people):
    save(cleo)
    view = View.objects.get()
    do(cleo, view, "share")
    assert "Hot ones" in tabs(bob)
    do(cleo, view, "save", query="status=Lost&o=-score")
    do(cleo, view, "rename", name="  Gone ones ")
    view.refresh_from_db()
    assert (view.name, view.query) == ("Gone ones", "o=-score&status=Lost")
    do(cleo, view, "unshare")
    assert "Gone ones" not in tabs(bob)
    do(cleo, view, "delete")
    assert not View.objects.exists()


def test_somebody_elses_private_view_is_not_there(bob, cleo, people):
    save(bob)
    view = View.objects.get()
    do(cleo, view, "delete")
    do(cleo, view, "rename", name="x")
    view.refresh_from_db()
    assert view.name == "Hot ones"
    assert cleo.get(f"{LEADS}?view={view.pk}").status_code == 200


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", "hot ONES"])
def test_refuses_a_name_beside_its_input_and_keeps_it(bob, people, name):
    save(bob)
    answer = save(bob, name=name, query="status=Lost")
    assert answer.status_code in (409, 422)
    html = answer.content.decode()
    dialog = html.split('id="save-view"')[1].split("</dialog>")[0]
    assert "data-open" in dialog.split(">")[0]
    assert 'role="alert"' in dialog
    assert 'value="status=Lost"' in dialog
    assert View.objects.count() == 1
    view = View.objects.get()
    assert do(bob, view, "rename", name=name).status_code in (
        (302,) if name == "hot ONES" else (422,)
    )


def test_refuses_more_views_than_anybody_needs_and_queries_without_end(bob, people, monkeypatch):
    from headlessly.query import saved_views

    assert save(bob, query="q=" + "x" * 5_000).status_code == 422
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 1)
    save(bob)
    assert save(bob, name="Another").status_code == 409
    assert View.objects.count() == 1


def test_starts_with_a_view_until_another_is_chosen(bob, people):
    save(bob, start="on")
    view = View.objects.get()
    answer = bob.get(LEADS)
    assert (answer.status_code, answer.url) == (302, f"{LEADS}?{HOT}&view={view.pk}")
    assert bob.get(f"{LEADS}?view=all").status_code == 200
    do(bob, "mine", "start")
    assert "owner=me" in bob.get(LEADS).url
    do(bob, "all", "start")
    bob.get(f"{LEADS}?view=mine", follow=True)
    assert bob.get(LEADS).status_code == 200, "whatever was looked at last"
    html = bob.get(LEADS).content.decode()
    assert "Start with this view</button>" not in html
    assert "Start with the view used last</button>" in html
    do(bob, "all", "start-last")
    assert not Start.objects.exists()


def test_begins_where_one_was_last_and_first_with_ones_own_work(bob, cleo, people):
    from crm import Lead

    assert bob.get(BEGIN).url == f"{LEADS}?view=all", "nothing is their own yet: all"
    own = Lead.create(name="Own", source="web", owner=people.bob)
    assert bob.get(BEGIN).url.endswith("&view=mine")
    assert cleo.get(BEGIN).url == f"{LEADS}?view=all", "who owns none looks at all"
    assert bob.get(LEADS).status_code == 200, "an address that says nothing is all of them"
    # An address that says something is what it says; what it shows is where one goes on.
    save(cleo, name="Everybody's", shared="on")
    shared = View.objects.get()
    assert bob.get(f"{LEADS}?{HOT}&view={shared.pk}").status_code == 200
    assert bob.get(BEGIN).url == f"{LEADS}?{HOT}&view={shared.pk}"
    assert bob.get(f"{LEADS}?source=web&view={shared.pk}").status_code == 200
    assert bob.get(BEGIN).url == f"{LEADS}?{HOT}&view={shared.pk}", (
        "without what was looked for in it"
    )
    bob.get(f"{LEADS}?view=all", headers={"X-Region": "list"})
    bob.get(f"{LEADS}?asOf=2026-01-01&view=all")  # nor does who looks back go on from there
    assert bob.get(BEGIN).url == f"{LEADS}?{HOT}&view={shared.pk}", (
        "an open page that asked for news"
    )
    do(cleo, shared, "delete")
    assert bob.get(BEGIN).url.endswith("&view=mine")
    bob.get(f"{LEADS}?view=all")
    assert bob.get(BEGIN).url == f"{LEADS}?view=all"
    Lead.lose(own.pk, lost_reason="No budget")
    bob.cookies["view"] = ""
    assert bob.get(BEGIN).url == f"{LEADS}?view=all", "nothing of their own is open any more"


def test_each_list_goes_on_with_its_own_view(bob, people):
    from crm import Deal, Lead

    Lead.create(name="Own", source="web", owner=people.bob)
    Deal.create(name="Own", value=1, owner=people.bob)
    assert bob.get(f"{LEADS}?view=all").cookies["view"]["path"] == LEADS
    del bob.cookies["view"]
    assert (
        bob.get("/~acme/admin/crm/deal/?view=all").cookies["view"]["path"]
        == "/~acme/admin/crm/deal/"
    )
    assert "view" not in bob.get(f"{LEADS}?status=New").cookies, "which is no view"


def test_a_start_that_is_gone_is_all(cleo, bob, people):
    save(cleo, shared="on")
    view = View.objects.get()
    do(bob, view, "start")
    assert bob.get(LEADS).status_code == 302
    do(cleo, view, "delete")
    assert bob.get(LEADS).status_code == 200
    assert not Start.objects.exists()


def test_a_shared_view_outlives_who_made_it(cleo, ann, bob, users, people):
    save(cleo, shared="on")
    users.cleo.delete()
    assert "Hot ones" in tabs(bob)
    do(ann, View.objects.get(), "unshare")
    assert "Hot ones" in tabs(ann)


def test_a_view_alone_in_the_address_is_what_it_says(bob, people):
    save(bob)
    view = View.objects.get()
    assert bob.get(f"{LEADS}?view={view.pk}").url == f"{LEADS}?{HOT}&view={view.pk}"
    assert bob.get(f"{LEADS}?view=nope").status_code == 200


def test_nothing_is_saved_by_a_get(bob, people):
    assert bob.get(f"{LEADS}views/").status_code == 405
    assert bob.get(f"{LEADS}views/all/").status_code == 405


def test_the_noun_brings_its_own(bob, vic, people):
    assert tabs(bob)[:3] == ["All", "My open leads", "Unowned"]
    assert "My open leads" not in tabs(vic)  # who is no contact and owns nothing
    assert do(bob, "mine", "delete").status_code == 404


@pytest.mark.parametrize("name", sorted(registry))
def test_every_noun_can_be_listed_with_all_that_it_declares(name, ann, acme, users, people):
    from headlessly.admin.lists.tabs import ready_views

    noun = registry[name]
    meta = noun._meta
    place = f"/~acme/admin/{meta.app_label}/{meta.model_name}/"
    users.ann.memberships.update(contact=people.bob)
    queries = [view.query for view in ready_views(noun)] + ["deleted=true", "asOf=today"]
    from django.utils.text import slugify

    queries += [f"is={slugify(preset)}" for preset in noun.Surface.presets]
    queries += [f"{noun.schema.by_name[r].wire}__isnull=true" for r in noun.schema.ranges]
    for query in queries:
        answer = ann.get(f"{place}?{query or 'view=all'}")
        assert answer.status_code == 200, query
        assert 'role="alert"' not in answer.content.decode(), query


BOARD = f"{LEADS}board/"


def test_a_board_has_the_views_of_the_list_and_opens_them(bob, people):
    from crm import Lead

    Lead.create(name="Warm", source="web", score=85, owner=people.bob)
    Lead.create(name="Cool", source="web", score=5, owner=people.bob)
    save(bob)
    view = View.objects.get()
    opened = bob.get(f"{BOARD}?view={view.pk}")
    assert opened.url == f"{BOARD}?{view.query}&view={view.pk}"
    html = bob.get(opened.url).content.decode()
    assert re.search(r'aria-current="page"[^>]*>Hot ones', html)
    assert "Score: 80 or more" in html
    assert "Warm" in html and "Cool" not in html
    # One goes over to the list with it, and comes back to it from the menu.
    assert f'href="{LEADS}?score__gte=80&amp;status=New,Contacted&amp;view={view.pk}"' in html
    assert view.pk in bob.get(BEGIN).url


def test_what_a_board_is_narrowed_by_is_saved_from_it_and_stays_on_it(bob, people):
    from crm import Lead

    Lead.create(name="From a fair", source="fair")
    html = bob.get(f"{BOARD}?source=web").content.decode()
    assert 'data-opens="save-view"' in html
    answer = save(bob, "From the web", "source=web", on="board")
    view = View.objects.get()
    assert answer.url == f"{BOARD}?source=web&view={view.pk}"
    assert do(bob, view, "rename", name="Web", on="board").url == answer.url
    again = save(bob, "web", "source=fair", on="board")
    assert again.status_code == 409
    html = again.content.decode()
    assert 'data-column="New"' in html and "You have a view called" in html
    assert f'action="{BOARD}?source=fair"' in html, "cards are moved on the board itself"
    assert do(bob, view, "delete", on="board").url == f"{BOARD}?view=all"


def test_a_board_of_what_is_open_keeps_the_ends_as_places_to_move_to(bob, people):
    from crm import Lead

    Lead.create(name="Open one", source="web", owner=people.bob)
    Lead.create(name="Gone one", source="web", owner=people.bob).lose(lost_reason="Price")
    mine = bob.get(bob.get(f"{BOARD}?view=mine").url).content.decode()
    lost = mine.split('data-column="Lost"')[1].split("</section>")[0]
    assert "Move cards here." in lost and "Gone one" not in mine
    assert "Open one" in mine
    some = bob.get(f"{BOARD}?status=New").content.decode()
    assert 'data-column="Lost"' not in some
