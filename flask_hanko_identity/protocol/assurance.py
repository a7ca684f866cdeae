"""How sure we are of who signed in: the ``acr`` values, weakest first."""

PASSLINK = "1"
"""A one-time link or code."""
PHISHING_RESISTANT = "phr"
"""A passkey that may be synced between devices."""
PHISHING_RESISTANT_HARDWARE = "phrh"
"""A passkey that stays on its device."""

ACR_VALUES = (PASSLINK, PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE)


def satisfies(acr: str, requested: tuple[str, ...]) -> bool:
    """Whether a sign-in of this class is at least as strong as one of those asked for.

    Values that we do not know ask for nothing (OpenID Connect Core 1.0, section 3.1.2.1: a voluntary claim).
    """
    known = [value for value in requested if value in ACR_VALUES]
    return not known or ACR_VALUES.index(acr) >= min(ACR_VALUES.index(value) for value in known)
