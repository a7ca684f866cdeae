"""What the script of a passkey ceremony says, in the person's language."""

from ..settings import Settings
from ..text import gettext


def passkey_texts(settings: Settings) -> dict[str, str]:
    """The script's texts, by the names of their causes; it fills in ``{here}`` and ``{there}`` itself."""
    return {
        "unsupported": gettext("This browser does not know passkeys. Update it, or use another one."),
        "insecure": gettext("Passkeys work on https pages only. Open this page at {there}."),
        "elsewhere": gettext(
            "This page is open at {here}, but passkeys are set up for {there}. Whoever runs this service: set "
            "HANKO_IDENTITY_BASE_URL (or HANKO_IDENTITY_ORIGINS) to the address that people use."
        ),
        "login_cancelled": gettext(
            "Sign-in was cancelled or took too long, or this device has no passkey for %(rp_id)s. Try again; if "
            "you have no passkey yet, sign up.",
            rp_id=settings.rp_id,
        ),
        "signup_cancelled": gettext("That was cancelled or took too long. Nothing was saved; try again."),
        "add_cancelled": gettext("That was cancelled or took too long. Nothing was saved; try again."),
        "add_registered": gettext(
            "This device or key has a passkey for your account already. Use another one, or keep the one you have."
        ),
        "registered": gettext("This device has a passkey for this account already. Sign in with it instead."),
        "refused": gettext("The browser refuses passkeys for {there} on this page. Open {there} itself."),
        "unable": gettext(
            "This device cannot keep such a passkey. Set up a screen lock or a PIN for it, or use another device."
        ),
        "offline": gettext("We could not be reached. Check your connection and try again."),
        "failed": gettext("That did not work. Try again, or use another device."),
        "email": gettext("Enter an e-mail address such as name@example.com."),
        "working": gettext("Waiting for your passkey…"),
    }
