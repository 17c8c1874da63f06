"""Secrets that packs name and never hold: sealed in the state, opened with a key of the home."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import delete, insert, select

from chengshu.kernel.errors import ExternalError, IntegrityError, NotFoundError
from chengshu.security.store import SECRETS
from chengshu.state import Database


class Secrets:
    """The stored secrets of one home folder."""

    def __init__(self, database: Database, keys: Path) -> None:
        """Use the key in the folder ``keys``, making it (mode 0600) when missing."""
        self._database, self._key = database, keys / "secrets.key"

    def put(self, name: str, value: str) -> None:
        """Store a secret in the place of what the name had."""
        sealed = self._fernet().encrypt(value.encode())
        with self._database.transaction() as connection:
            connection.execute(delete(SECRETS).where(SECRETS.c.name == name))
            connection.execute(insert(SECRETS).values(name=name, sealed=sealed))

    def get(self, name: str) -> str:
        """Return a secret.

        Raises:
            NotFoundError: No secret has the name; says how to store it.
            IntegrityError: It was sealed with another key.
        """
        with self._database.transaction() as connection:
            found = connection.execute(select(SECRETS).where(SECRETS.c.name == name)).first()
            known = [row.name for row in connection.execute(select(SECRETS.c.name))]
        if found is None:
            raise NotFoundError("secret", name, known)
        try:
            return self._fernet().decrypt(found.sealed).decode()
        except InvalidToken as err:
            raise IntegrityError(
                f"secret {name!r} was sealed with another key than {self._key}. "
                f"Put the key back, or store the secret again: chengshu secret {name}"
            ) from err

    def digest(self, text: str) -> str:
        """Return a digest that can only be made with this home's key.

        A plain one would give away what it stands for: citizens' ids are few enough to try.
        """
        return hmac.new(self._made_key(), text.encode(), "sha256").hexdigest()

    def _fernet(self) -> Fernet:
        try:
            return Fernet(self._made_key())
        except ValueError as err:
            raise ExternalError(
                f"key {self._key}",
                "the file is damaged or no key",
                retryable=False,
                hint="Put it back from a copy; without one, remove it and store each secret again: "
                "chengshu secret NAME.",
            ) from err

    def _made_key(self) -> bytes:
        if not self._key.exists():
            self._key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(Fernet.generate_key())
        return self._key.read_bytes()
