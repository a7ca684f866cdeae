"""Random identifiers, digests, and the ring of keys that encrypts what is stored."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet
from cryptography.fernet import InvalidToken
from cryptography.fernet import MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_text(bits: int = 256) -> str:
    """A random string of letters and digits with at least ``bits`` of entropy.

    Letters and digits only, so that no encoding on the way can change it (RFC 6749, section 2.3.1).
    """
    return _to_text(secrets.randbits(bits), bits)


def _to_text(number: int, bits: int) -> str:
    letters = []
    for _ in range(-(-bits * 1000 // 5954)):  # log2(62) = 5.954…
        number, index = divmod(number, 62)
        letters.append(_ALPHABET[index])
    return "".join(letters)


def digest(text: str) -> bytes:
    """SHA-256 of a generated secret, 32 bytes: what is stored in place of it.

    Enough for values that nobody can guess; a password hash would only make the token endpoint slow.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def same(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


class DecryptionFailed(Exception):
    """No key of the ring opens the stored value."""


class KeyRing:
    """Encrypts at rest with its first key, decrypts with any of them, and makes keyed digests.

    :param keys: secrets of any form, newest first; each is stretched to its purpose with HKDF (RFC 5869).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("A key ring needs a key.")
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(_derive(key, b"encrypt"))) for key in keys])
        self._mac_keys = [_derive(key, b"mac") for key in keys]

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt and authenticate with the newest key."""
        return self._fernet.encrypt(plain)

    def decrypt(self, sealed: bytes) -> bytes:
        """Open what any key of the ring has sealed.

        :raises DecryptionFailed: if none of them did.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise DecryptionFailed("No key of HANKO_IDENTITY_ENCRYPTION_KEYS opens this value.") from error

    def reseal(self, sealed: bytes) -> bytes:
        """The same content, sealed with the newest key.

        :raises DecryptionFailed: if no key of the ring opens it.
        """
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise DecryptionFailed("No key of HANKO_IDENTITY_ENCRYPTION_KEYS opens this value.") from error

    def mac(self, *parts: str) -> str:
        """A keyed digest of ``parts`` under the newest key, as 43 characters of URL-safe text."""
        return self._mac(self._mac_keys[0], parts).decode()

    def verify_mac(self, candidate: str, *parts: str) -> bool:
        """Whether ``candidate`` is the keyed digest of ``parts`` under any key of the ring."""
        given = candidate.encode("utf-8", "surrogatepass")
        return any([same(given, self._mac(key, parts)) for key in self._mac_keys])

    def derive_text(self, *parts: str) -> list[str]:
        """Texts of 256 bits that only this ring can derive from ``parts``, one for each key, newest first."""
        return [_to_text(int.from_bytes(hmac.digest(key, _join(parts), "sha256")), 256) for key in self._mac_keys]

    @staticmethod
    def _mac(key: bytes, parts: Sequence[str]) -> bytes:
        return urlsafe_b64encode(hmac.digest(key, _join(parts), "sha256")).rstrip(b"=")


def _join(parts: Sequence[str]) -> bytes:
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4) + part for part in encoded)


def _derive(key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"flask-hanko-identity:" + purpose).derive(key.encode())
