"""Of two pages that are made of the same, a browser need not look at one."""

from __future__ import annotations

from tests.browser.markup import Markup, with_something_new

LIST = "<main><ul><li class='row'><a href='/1'>One</a></li></ul></main>"
#: Pages that have what the list has not.
OTHERS = {
    "another element": "<main><ul><li class='row'><b>One</b></li></ul></main>",
    "another class": "<main><ul><li class='row late'><a href='/1'>One</a></li></ul></main>",
    "another attribute": "<main><ul><li class='row'><a href='/1' title='First'>One</a></li></ul></main>",
    "another place": "<main><ol><li class='row'><a href='/1'>One</a></li></ol></main>",
    "a longer word": "<main><ul><li class='row'><a href='/1'>Bezirksschornstein</a></li></ul></main>",
    "a longer text": f"<main><ul><li class='row'><a href='/1'>{'one ' * 9}</a></li></ul></main>",
}


def test_a_page_of_what_is_known_is_left_out_whatever_it_says_and_another_is_not() -> None:
    known = Markup(LIST).kinds
    same = LIST.replace("</ul>", "<li class='row'><a href='/2'>Two</a></li></ul>")
    assert with_something_new({"same": same}, {*known}) == []
    for what, html in OTHERS.items():
        assert with_something_new({"same": same, what: html}, {*known}) == [what]
    assert {*with_something_new(OTHERS | {"same": same}, known)} == {*OTHERS}


def test_one_of_two_that_are_alike_is_enough() -> None:
    pages = {"a": LIST, "b": LIST.replace("One", "Two"), "c": LIST + OTHERS["another element"]}
    assert with_something_new(pages, set()) == ["c"]
