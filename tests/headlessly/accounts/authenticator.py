"""A passkey in software: creates a credential and signs, as a browser with an authenticator does."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData


class Authenticator:
    """One credential of one site."""

    def __init__(self, site: str = "localhost", origin: str = "http://localhost:8000") -> None:
        self.site, self.origin, self.counter = site, origin, 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)

    def create(self, asked: dict[str, Any]) -> str:
        """Returns the response to a request for a new passkey, as a page's script sends it."""
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        data = AuthenticatorData.create(
            hashlib.sha256(self.site.encode()).digest(), 0x45, self.counter, bytes(credential)
        )
        attestation = AttestationObject.create("none", data, {})
        client = self._client_data("webauthn.create", asked)
        return self._answer(clientDataJSON=client, attestationObject=bytes(attestation))

    def sign(self, asked: dict[str, Any]) -> str:
        """Returns the response to a request for a signature."""
        self.counter += 1
        data = AuthenticatorData.create(
            hashlib.sha256(self.site.encode()).digest(), 0x05, self.counter
        )
        client = self._client_data("webauthn.get", asked)
        signed = bytes(data) + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=client, authenticatorData=bytes(data), signature=signature
        )

    def _client_data(self, type: str, asked: dict[str, Any]) -> bytes:
        challenge = asked["publicKey"]["challenge"]
        assert websafe_decode(challenge)
        return json.dumps(
            {"type": type, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _answer(self, **response: bytes) -> str:
        coded = {name: websafe_encode(value) for name, value in response.items()}
        id = websafe_encode(self.id)
        return json.dumps(
            {
                "id": id,
                "rawId": id,
                "type": "public-key",
                "response": coded,
                "clientExtensionResults": {},
            }
        )
