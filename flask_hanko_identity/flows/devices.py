"""Names of the devices that people sign in with, and the mail about a new one."""

from ..protocol.user_agents import read_user_agent
from ..text import gettext
from .context import Context
from .notices import send_notice
from .unit_of_work import Work


def device_name(user_agent: str | None) -> str:
    """Such as “Chrome on Linux”."""
    device = read_user_agent(user_agent)
    if device.browser and device.system:
        return gettext("%(browser)s on %(system)s", browser=device.browser, system=device.system)
    return device.browser or device.system or gettext("An unknown device")


def tell_of_new_device(ctx: Context, work: Work, *, user_id: int) -> None:
    """Write to somebody that their account was opened in a browser in which it never was before."""
    send_notice(
        ctx,
        work,
        user_id=user_id,
        subject=gettext("New sign-in to %(project)s", project=ctx.project.name),
        sentences=[
            gettext(
                "Your account at %(project)s was opened in a browser that is new to it: %(device)s.",
                project=ctx.project.name,
                device=device_name(ctx.origin.user_agent),
            ),
            gettext("If that was you, there is nothing to do."),
            gettext("If this was not you, sign in, end your other sessions and remove every passkey you do not know."),
        ],
    )
