"""How sure we are of who signed in: the ``acr`` values, weakest first."""

PASSLINK = "1"
"""A one-time link or code."""
PHISHING_RESISTANT = "phr"
"""A passkey that may be synced between devices."""
PHISHING_RESISTANT_HARDWARE = "phrh"
"""A passkey that stays on its device."""

ACR_VALUES = (PASSLINK, PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE)


def satisfies(acr: str, requested: tuple[str, ...], *, essential: bool = False) -> bool:
    """Whether a sign-in of this class is at least as strong as one of those asked for.

    Values that we do not know ask for nothing (OpenID Connect Core 1.0, section 3.1.2.1: a voluntary claim), unless
    one of them has to be met (section 5.5.1.1).
    """
    if not essential and not set(requested) & set(ACR_VALUES):
        return True
    return not requested or reached(acr, requested) is not None


def reached(acr: str, requested: tuple[str, ...]) -> str | None:
    """The strongest class asked for that a sign-in of this class reaches."""
    weaker = ACR_VALUES[: ACR_VALUES.index(acr) + 1]
    return max(set(requested) & set(weaker), key=ACR_VALUES.index, default=None)
