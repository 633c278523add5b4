"""Second factors: authenticator apps (TOTP, RFC 6238), passkeys (WebAuthn), and recovery codes.

Stored keys are encrypted, codes are hashed. Every attempt counts as a guess at the account until it fits,
like a password, and a code of an app is accepted once.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from headlessly.access.encryption import hash_secret
from headlessly.access.models import Membership, User
from headlessly.accounts import mail
from headlessly.accounts.models import SecondFactor
from headlessly.log.names import FACTOR_ADDED, FACTOR_REMOVED
from headlessly.log.security_events import record_of_person

#: Digits of a code, seconds for which it is shown, and by how many steps a clock may be off.
DIGITS, STEP, DRIFT = 6, 30, 1
#: How many recovery codes there are, of how many letters, in groups of how many. They have 123 bits, so a
#: plain hash protects them, as it does API keys.
CODES, LETTERS, GROUP = 10, 25, 5
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
MOST_PASSKEYS = 20


def factors_of(user: User) -> models.QuerySet[SecondFactor]:
    """Returns a user's second factors, without recovery codes."""
    return SecondFactor.objects.filter(user=user).exclude(kind=SecondFactor.CODES).order_by("pk")


def has_factor(user: User) -> bool:
    return factors_of(user).exists()


def codes_left(user: User) -> int:
    found = SecondFactor.objects.filter(user=user, kind=SecondFactor.CODES).first()
    return len(json.loads(found.secret)) if found else 0


# -- an app that counts ---------------------------------------------------------------------------


def new_totp_key() -> str:
    """Returns a key for an app: 160 bits in base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def totp_uri(user: User, key: str) -> str:
    """Returns the URI that the app reads from the QR code."""
    return _totp(key).get_provisioning_uri(user.email, "headlessly")


def totp_picture(user: User, key: str) -> str:
    """Returns the URI as a QR code, in a data URI."""
    return segno.make(totp_uri(user, key), error="m").svg_data_uri(
        scale=4, dark="#000", light="#fff"
    )


def step_of_code(key: str, code: str) -> int | None:
    """Returns the time step of a code, now or next to it; None if it does not fit."""
    code = "".join(code.split())
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now = int(time.time()) // STEP
    for step in range(now - DRIFT, now + DRIFT + 1):
        try:
            _totp(key).verify(code.encode(), step * STEP)
        except InvalidToken:
            continue
        return step
    return None


def add_totp(user: User, key: str, code: str) -> bool:
    """Adds an app once it has shown a code. Returns whether the code fits."""
    step = step_of_code(key, code)
    if step is None:
        return False
    with transaction.atomic():
        SecondFactor.objects.filter(user=user, kind=SecondFactor.TOTP).delete()
        name = str(dict(SecondFactor.KINDS)[SecondFactor.TOTP])
        SecondFactor.objects.create(
            user=user, kind=SecondFactor.TOTP, name=name, secret=key, counter=step
        )
        _tell_of_change(user, FACTOR_ADDED, "factor_added", SecondFactor.TOTP, name)
    return True


def _totp(key: str) -> TOTP:
    return TOTP(base64.b32decode(key), DIGITS, SHA1(), STEP)


# -- codes on paper -------------------------------------------------------------------------------


def new_codes(user: User) -> list[str]:
    """Makes new recovery codes, which replace the previous ones. They are shown once and stored as hashes."""
    codes = ["".join(secrets.choice(ALPHABET) for _n in range(LETTERS)) for _n in range(CODES)]
    with transaction.atomic():
        SecondFactor.objects.update_or_create(
            user=user,
            kind=SecondFactor.CODES,
            defaults={
                "name": str(dict(SecondFactor.KINDS)[SecondFactor.CODES]),
                "secret": json.dumps([hash_secret(code) for code in codes]),
            },
        )
        record_of_person(FACTOR_ADDED, user, kind=SecondFactor.CODES)
    groups = range(0, LETTERS, GROUP)
    return ["-".join(code[at : at + GROUP] for at in groups) for code in codes]


def use_code(user: User, code: str) -> bool:
    """Whether this is a code of the app that was not accepted before, or a recovery code, which is then
    used up."""
    with transaction.atomic():
        mine = SecondFactor.objects.select_for_update(no_key=True).filter(user=user)
        known = {factor.kind: factor for factor in mine.exclude(kind=SecondFactor.PASSKEY)}
        if (app := known.get(SecondFactor.TOTP)) is not None:
            step = step_of_code(app.secret, code)
            if step is not None and step > app.counter:
                app.counter, app.used_at = step, timezone.now()
                app.save(update_fields=["counter", "used_at"])
                return True
        if (paper := known.get(SecondFactor.CODES)) is not None:
            given = hash_secret("".join(c for c in code.lower() if c.isalnum()))
            hashes = json.loads(paper.secret)
            if any(hmac.compare_digest(given, each) for each in hashes):
                paper.secret = json.dumps([each for each in hashes if each != given])
                paper.used_at = timezone.now()
                paper.save(update_fields=["secret", "used_at"])
                mail.notify(user, "code", left=str(len(hashes) - 1))
                return True
    return False


# -- passkeys -------------------------------------------------------------------------------------


def _server() -> Fido2Server:
    """Returns the WebAuthn server for this site's host; a passkey works for no other one."""
    site = urlsplit(settings.SITE_URL)
    host = site.hostname or "localhost"
    # Browsers have no passkeys for IP addresses: in development they are for localhost.
    party = PublicKeyCredentialRpEntity(
        name="headlessly", id="localhost" if host == "127.0.0.1" else host
    )
    return Fido2Server(party, verify_origin=_is_own_origin)


def _is_own_origin(origin: str) -> bool:
    site, given = urlsplit(settings.SITE_URL), urlsplit(origin)
    if not settings.PRODUCTION:
        return given.hostname in ("localhost", "127.0.0.1", site.hostname)
    return (given.scheme, given.netloc) == (site.scheme, site.netloc)


def _credentials(user: User) -> list[AttestedCredentialData]:
    return [
        AttestedCredentialData(base64.b64decode(factor.secret))
        for factor in SecondFactor.objects.filter(user=user, kind=SecondFactor.PASSKEY)
    ]


def begin_passkey(user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the browser's options for a new passkey, and the state to verify its answer."""
    asked, state = _server().register_begin(
        PublicKeyCredentialUserEntity(id=user.pk.encode(), name=user.email, display_name=str(user)),
        _credentials(user),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(asked), state


def add_passkey(user: User, state: Mapping[str, Any], answer: Mapping[str, Any], name: str) -> None:
    """Adds a passkey. Raises ValueError for an answer that does not fit."""
    data = _verified(lambda: _server().register_complete(state, answer))
    if SecondFactor.objects.filter(user=user, kind=SecondFactor.PASSKEY).count() >= MOST_PASSKEYS:
        raise ValueError(_("You have as many passkeys as one may have: remove one first."))
    name = " ".join(name.split())[:100] or str(dict(SecondFactor.KINDS)[SecondFactor.PASSKEY])
    with transaction.atomic():
        SecondFactor.objects.create(
            user=user,
            kind=SecondFactor.PASSKEY,
            name=name,
            secret=base64.b64encode(bytes(data.credential_data)).decode(),
            counter=data.counter,
        )
        _tell_of_change(user, FACTOR_ADDED, "factor_added", SecondFactor.PASSKEY, name)


def ask_for_passkey(user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the browser's options for signing in, and the state to verify its answer."""
    asked, state = _server().authenticate_begin(
        _credentials(user), user_verification=UserVerificationRequirement.PREFERRED
    )
    return dict(asked), state


def use_passkey(user: User, state: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether this is the answer of one of the user's passkeys. One whose counter went back is refused."""
    try:
        used = _verified(lambda: _server().authenticate_complete(state, _credentials(user), answer))
        given = AuthenticatorData(websafe_decode(answer["response"]["authenticatorData"]))
    except ValueError:
        return False
    with transaction.atomic():
        mine = SecondFactor.objects.select_for_update(no_key=True)
        for factor in mine.filter(user=user, kind=SecondFactor.PASSKEY):
            if base64.b64decode(factor.secret) != bytes(used):
                continue
            # A passkey that has counted must go on counting (WebAuthn 3, 7.2, step 22).
            if (given.counter or factor.counter) and given.counter <= factor.counter:
                return False  # it was copied
            factor.counter, factor.used_at = given.counter, timezone.now()
            factor.save(update_fields=["counter", "used_at"])
            return True
    return False


def _verified(check: Any) -> Any:
    """Returns the result of ``check``. Raises ValueError for anything that a browser, or an attacker, can
    send."""
    try:
        return check()
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError):
        raise ValueError(_("This passkey did not work. Try again.")) from None


# -- leaving --------------------------------------------------------------------------------------


def remove_factor(factor: SecondFactor) -> None:
    """Removes a factor; with the last one also the recovery codes."""
    user = factor.user
    with transaction.atomic():
        factor.delete()
        if not has_factor(user):
            SecondFactor.objects.filter(user=user).delete()
        _tell_of_change(user, FACTOR_REMOVED, "factor_removed", factor.kind, factor.name)


def remove_own_factor(factor: SecondFactor) -> None:
    """Removes a factor for its owner. Raises ValueError for the last one if a tenant of theirs requires
    one: until there is another, the password alone would be enough to set one up."""
    user = factor.user
    with transaction.atomic():
        left = factors_of(user).select_for_update(no_key=True)
        is_last = not [each for each in left if each.pk != factor.pk]
        places = Membership.objects.filter(user=user, tenant__requires_second_factor=True)
        if is_last and places.exists():
            raise ValueError(
                _("Where you work, everybody needs a second factor. Add another one first.")
            )
        remove_factor(factor)


def remove_all(user: User) -> None:
    """Removes all factors of an account that its owner proves for the first time: they were not theirs."""
    for factor in factors_of(user):
        remove_factor(factor)
    SecondFactor.objects.filter(user=user).delete()


def _tell_of_change(user: User, event: str, notice: str, kind: str, name: str) -> None:
    record_of_person(event, user, kind=kind, name=name)
    mail.notify(user, notice, name=name)
