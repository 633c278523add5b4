"""Signing in: trying a password, a second factor if there is one, and starting a session.

Passwords are tried in the same way wherever they are asked for, on the sign-in page and before sensitive
pages (:func:`try_password`). What follows a successful one is :func:`begin_session`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import get_random_string

from headlessly.access.encryption import hash_secret
from headlessly.access.models import User
from headlessly.access.sign_in_emails import normalize_sign_in_email
from headlessly.accounts import mail, sessions
from headlessly.accounts.guessing import Guesser
from headlessly.accounts.hashing import hashing_room
from headlessly.accounts.models import Device, Session
from headlessly.log.names import SIGN_IN_FAILED
from headlessly.log.security_events import record_of_person
from headlessly.web.callers import (
    BROWSER_COOKIE,
    BROWSER_LASTS,
    browser_mark,
    caller_address,
    customer_network,
)

#: The session's entries for when the password was last typed, whether a second factor was shown, and the
#: tenants that were entered.
CONFIRMED, TWICE, ENTERED = "confirmed_at", "second_factor", "entered"
#: The session's entry for who made the link that started it, if it was shown to them.
LINK_BY = "link_by"
#: The cookie with the email of the last session, so that after its end only the password is asked for.
NAME_COOKIE = "signed_in_as"
#: Known browsers by a part of their user agent, more specific ones first.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def try_password(request: HttpRequest, email: str, password: str) -> User | None:
    """Returns the user with this email and password, or None.

    Raises TooManyGuesses or TooManyAtOnce if nothing was tried.
    """
    try:
        known = normalize_sign_in_email(email)
    except ValidationError:
        known = email.strip().lower()[:254]
    with hashing_room():
        guesser = guesser_of(request, known)
        last_free = guesser.count()
        user = authenticate(request, username=known, password=password)
    if isinstance(user, User):
        guesser.forget()
        return user
    _tell_of_failure(request, known, last_free)
    return None


def guesser_of(request: HttpRequest, email: str) -> Guesser:
    """Returns the keys under which an attempt at this account from here is counted."""
    network = customer_network(caller_address(request.META))
    mark = browser_mark(request.COOKIES)
    known = mark and Device.objects.filter(user__email=email, hash=hash_secret(mark)).exists()
    return Guesser.of(email, network, mark if known else "")


def _tell_of_failure(request: HttpRequest, email: str, last_free: bool) -> None:
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None:
        return
    address = caller_address(request.META)
    record_of_person(SIGN_IN_FAILED, user, by_stranger=True, address=address)
    if last_free:
        mail.notify(user, "guessing", address=address)


def begin_session(
    request: HttpRequest, user: User, *, twice: bool = False, link_by: str = ""
) -> None:
    """Signs ``user`` in, who has just proved who they are; ``twice`` says whether also by a second factor."""
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[TWICE] = twice
    if link_by:
        request.session[LINK_BY] = link_by
    request.session.pop(ENTERED, None)
    _know_browser(request, user)


def note_sign_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Receives Django's signal: notes the data of the list of sessions, and that the password was just
    typed."""
    now = timezone.now()
    request.session[sessions.CREATED] = request.session[CONFIRMED] = now.isoformat()
    request.session[sessions.ADDRESS] = caller_address(request.META)
    request.session[sessions.BROWSER] = browser_name(request)
    Session.objects.filter(user=user, expire_date__lte=now).delete()


user_logged_in.connect(note_sign_in, dispatch_uid="headlessly.accounts.note_sign_in")


def browser_name(request: HttpRequest) -> str:
    """Returns the name of a browser: ``Firefox, Windows``."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    browser = browser or ("Safari" if "Safari/" in agent else "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    cut = "".join(c for c in agent[:60] if c.isprintable())
    return ", ".join(filter(None, (browser, system))) or cut or "?"


# -- browsers that were seen before ---------------------------------------------------------------


def remember_browser(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Sets the browser's cookies after somebody signed in: that it is known, and who they are."""
    if mark := getattr(request, "browser_mark", ""):
        response.set_cookie(
            BROWSER_COOKIE,
            signing.dumps(mark, salt=BROWSER_COOKIE),
            max_age=BROWSER_LASTS,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        response.set_cookie(
            NAME_COOKIE,
            signing.dumps(request.user.get_username(), salt=NAME_COOKIE),
            max_age=BROWSER_LASTS,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


def remembered_email(request: HttpRequest) -> str:
    """Returns the email of the last session in this browser, unless it was signed out."""
    try:
        return signing.loads(
            request.COOKIES.get(NAME_COOKIE, ""), salt=NAME_COOKIE, max_age=BROWSER_LASTS
        )
    except signing.BadSignature:
        return ""


def forget_email(response: HttpResponse) -> HttpResponse:
    """Deletes the remembered email."""
    response.delete_cookie(NAME_COOKIE, samesite="Lax")
    return response


def _know_browser(request: HttpRequest, user: User) -> None:
    """Notes the browser as one of the user's, and notifies them of a new one."""
    mark = browser_mark(request.COOKIES) or get_random_string(32)
    vars(request)["browser_mark"] = mark
    name, now = browser_name(request), timezone.now()
    is_first = not Device.objects.filter(user=user).exists()
    _device, is_new = Device.objects.update_or_create(
        user=user, hash=hash_secret(mark), defaults={"browser": name, "seen_at": now}
    )
    if is_new and not is_first:
        mail.notify(user, "browser", browser=name, address=caller_address(request.META))
