"""The pages of a board: the board itself, more cards of a column, and moving a card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.admin import moves, toasts
from headlessly.admin.boards.board import RECENT, NounBoard
from headlessly.admin.boards.dialogs import MoveDialog
from headlessly.admin.lists.list_pages import LAST_VIEW, remember_view
from headlessly.admin.lists.tabs import Tabs
from headlessly.admin.lists.typed_filters import expand_typed_filters
from headlessly.admin.pages import NounAdminBase, NounPages
from headlessly.admin.records import timeline
from headlessly.admin.records.dialogs import GateDialog, VerbDialog
from headlessly.admin.records.record_page import RecordPage
from headlessly.admin.sites import PART
from headlessly.admin.watching.position import watched
from headlessly.admin.whole_records import find_whole
from headlessly.declaration import labels
from headlessly.declaration.gates import GATE_CLOSED
from headlessly.declaration.next_steps import NextStep
from headlessly.errors import BadRequest, Forbidden, HeadlesslyError, InvalidFilter, NotFound, Stale
from headlessly.execution import executor
from headlessly.nouns import Noun


@dataclass(frozen=True)
class Move:
    """A requested move: a record, the version that was seen, and the new state."""

    id: str
    version: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Move:
        """Parses what a button or script sends. Raises BadRequest."""
        parts = text.split(" ", 2)
        if len(parts) != 3 or not parts[1].isdecimal() or len(parts[1]) > 9:
            raise BadRequest(
                _("move: send an id, a version and a state, as in “lead_x 3 Qualified”.")
            )
        return cls(parts[0], int(parts[1]), parts[2])

    def __str__(self) -> str:
        return f"{self.id} {self.version} {self.target}"


class BoardPages(NounPages):
    """The pages of a noun's board."""

    def __init__(self, admin: NounAdminBase, record_page: RecordPage) -> None:
        super().__init__(admin)
        self.record_page = record_page

    @watched
    def board_view(self, request: HttpRequest) -> HttpResponse:
        """Shows the board; a POST moves a card."""
        if self.noun.Surface.board is None:
            raise Http404
        if request.method == "POST":
            return self._move_card(request)
        board = NounBoard(request.GET, self.noun, self.site)
        tabs = Tabs(board.address, request.COOKIES.get(LAST_VIEW, ""))
        if whole := expand_typed_filters(board.address) or tabs.expanded():
            return HttpResponseRedirect(self.admin.place("board") + whole)
        response = self._board_page(request, board, tabs=tabs)
        if tabs.now is not None and PART not in request.headers:
            remember_view(request, response, self.admin.place("changelist"), tabs.now.key)
        return response

    def show_again(self, request: HttpRequest, query: str, **refused: Any) -> HttpResponse:
        """The board of an address, with what a refused form about its views said."""
        board = NounBoard(QueryDict(query), self.noun, self.site)
        status = next(each["status"] for each in refused.values())
        return self._board_page(request, board, status=status, **refused)

    @method_decorator(require_GET)
    def board_more_view(self, request: HttpRequest, state: str, cursor: str) -> HttpResponse:
        """Returns the next cards of a column as HTML within JSON."""
        if self.noun.Surface.board is None or state not in self.schema.require_machine().states:
            raise Http404
        try:
            column = NounBoard(request.GET, self.noun, self.site).after(state, cursor)
        except InvalidFilter as problem:
            return JsonResponse(problem.body(), status=problem.status)
        cards = "".join(self._card(request, card, column.moves) for card in column.cards)
        return JsonResponse({"cards": cards, "more": column.more})

    def _board_page(
        self,
        request: HttpRequest,
        board: NounBoard,
        *,
        status: int = 200,
        tabs: Tabs | None = None,
        **more: Any,
    ) -> HttpResponse:
        return self.admin.respond(
            request,
            "board",
            status=status,
            board=board,
            tabs=tabs or Tabs(board.address),
            title=_("%(nouns)s board") % {"nouns": labels.plural_title(self.noun)},
            is_fullwidth="1",
            recent=RECENT.days,
            here=f"{self.admin.place('board')}?{board.address.query_string}",
            looks=self.admin.looks(board.address.query_string, "board"),
            shown_as="board",
            add_url=self._add_url(board),
            said=_script_texts(),
            **more,
        )

    def _add_url(self, board: NounBoard) -> str:
        """Returns the address of the form for a new record on this board; empty for an actor who may not
        create one."""
        if not self.admin.may("create"):
            return ""
        path, facet = board.address.path, board.address.path_facet
        of = f"?{facet.name}={path.id}" if facet and path and path.id else ""
        return self.admin.place("add") + of

    def _card(self, request: HttpRequest, card: dict[str, Any], possible: list[NextStep]) -> str:
        context = {"card": card, "moves": possible}
        return render_to_string("headlessly/card.html", context, request)

    # -- moving -----------------------------------------------------------------------------------

    def _move_card(self, request: HttpRequest) -> HttpResponse:
        try:
            move = Move.parse(request.POST.get("move", ""))
            found = find_whole(self.noun, move.id)
        except (BadRequest, NotFound) as problem:
            return self._refused(request, None, problem)
        machine = self.schema.require_machine()
        step = moves.find_move(found, move.target)
        # Without a step to that state, the executor refuses the update in its own words.
        verb = step.verb if step else self.noun.verbs["update"]
        sent: dict[str, Any] = {machine.name: move.target}
        dialog: VerbDialog | None = None
        has_asked, url = "asked" in request.POST, request.get_full_path()
        posted = request.POST if has_asked else None
        if step and step.is_plain:
            dialog = GateDialog(found, self.site, url, sent, posted)
            sent = dialog.given()
        elif step:
            dialog = MoveDialog(verb, found, self.site, url, posted, target=move.target)
            if step.asks and not has_asked:
                return self._ask_first(request, dialog, move)
            sent = dialog.given()
        try:
            answer = self._execute(verb, found, sent, move, dialog)
        except HeadlesslyError as problem:
            about_input = bool(problem.details) and not isinstance(problem, Forbidden | Stale)
            gated = problem.code == GATE_CLOSED
            if dialog is not None and about_input and (gated or (verb.inputs and has_asked)):
                dialog.refuse(problem)
                if dialog.first is not None or not gated:
                    return self._ask_first(
                        request, dialog, move, status=problem.status if has_asked else 200
                    )
            return self._refused(request, move, problem)
        return self._moved(request, found, answer)

    def _execute(
        self,
        verb: Any,
        found: Noun,
        sent: dict[str, Any],
        move: Move,
        dialog: VerbDialog | None = None,
    ) -> Noun:
        """Runs the verb. Raises Stale if somebody moved the record since it was seen.

        Any other change since then does not matter: the card is about the state only.
        """
        try:
            if verb.name != "update" and dialog is not None and dialog.filled:
                return dialog.carry_out()
            return executor.run(verb, found.pk, sent, text=True, if_match=move.version)
        except Stale as problem:
            now = self.noun.get(move.id)
            if (by := self._mover(now, move.version)) is None:
                return self._execute(verb, found, sent, replace(move, version=now.version), dialog)
            state = self._state_label(now)
            what = {"who": by, "state": state}
            problem.message = _("%(who)s moved this meanwhile: it is %(state)s now.") % what
            raise

    def _state_label(self, record: Noun) -> str:
        field = self.schema.by_name[self.schema.require_machine().name]
        return labels.choice_label(field, getattr(record, field.column))

    def _mover(self, record: Noun, version: int) -> str | None:
        """Returns the name of the person who moved a record after ``version``, or None."""
        wire = self.schema.by_name[self.schema.require_machine().name].wire
        since = timeline.entries_since(record, version)
        return next((e.who for e in since if wire in (e.event.previous or {})), None)

    # -- answers: JSON for the script, pages for everybody else -----------------------------------

    def _moved(self, request: HttpRequest, found: Noun, answer: Noun) -> HttpResponse:
        name = self.schema.require_machine().name
        state = getattr(answer, name)
        said = _("%(name)s is %(state)s now.") % {
            "name": answer,
            "state": self._state_label(answer),
        }
        if not _wants_json(request):
            toasts.say(request, said, undo=True)
            return HttpResponseRedirect(request.get_full_path())
        states = {getattr(found, name), state}
        undo = toasts.undoable_request()
        return self._card_now(request, answer.pk, states, said=said, undo=undo)

    def _refused(
        self, request: HttpRequest, move: Move | None, problem: HeadlesslyError
    ) -> HttpResponse:
        """Returns the reason of a refusal, beside the card."""
        id, reason, fix = move.id if move else "", problem.message, None
        if isinstance(problem, NotFound):
            reason = _("%(this)s is gone.") % {"this": capfirst(labels.this_noun(self.noun))}
        elif move is not None:
            fix = self.record_page.suggest_fix(self.admin.find(move.id), problem)
        if _wants_json(request):
            return self._card_now(request, id, None, status=problem.status, reason=reason, fix=fix)
        board = NounBoard(request.GET, self.noun, self.site)
        board.refusal = {"id": id, "reason": reason, "fix": fix}
        return self._board_page(request, board, status=problem.status)

    def _card_now(
        self,
        request: HttpRequest,
        id: str,
        states: set[str] | None,
        *,
        status: int = 200,
        **more: Any,
    ) -> HttpResponse:
        """The card as it is now, if it is, and the numbers of the columns concerned (None: of all)."""
        board = NounBoard(request.GET, self.noun, self.site)
        columns = [board.column(s) for s in board.states if states is None or s in states]
        if columns and not board.problem:
            board.count(columns)
        body = {"numbers": {column.state: column.numbers for column in columns}, **more}
        if found := board.cards.rows([id]):
            state = getattr(found[0], self.schema.require_machine().name)
            card = self._card(
                request,
                board.card(found[0]),
                moves.possible_moves(self.noun, state, found[0].machine),
            )
            body |= {"card": card, "state": state}
        return JsonResponse(body, status=status)

    def _ask_first(
        self, request: HttpRequest, dialog: VerbDialog, move: Move, *, status: int = 200
    ) -> HttpResponse:
        """Returns the dialog of a verb that has inputs; without a script it is a page of its own."""
        context = {
            "original": dialog.record,
            "dialog": dialog,
            "noun": labels.noun_title(self.noun),
            "sends": {"move": str(move), "asked": "1"},
        }
        if _wants_json(request):
            html = render_to_string("headlessly/ask.html", context, request)
            return JsonResponse({"dialog": html}, status=status)
        return self.admin.respond(
            request,
            "ask_page",
            status=status,
            title=f"{dialog.label}: {dialog.record}",
            back=request.get_full_path(),
            **context,
        )


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _script_texts() -> dict[str, str]:
    """Returns the texts that the script announces to screen readers."""
    return {
        "picked": _(
            "%(name)s picked up, %(state)s. Left and right choose a column, up and down what it "
            "offers, space drops it, escape puts it back."
        ),
        "over": _("Over %(state)s."),
        "forbidden": _("Over %(state)s. Not possible."),
        "dropped": _("%(name)s dropped on %(state)s."),
        "cancelled": _("%(name)s put back, %(state)s."),
        "failed": _("This could not be sent. Check the connection and try again."),
        "loaded": _("%(count)s more cards."),
    }
