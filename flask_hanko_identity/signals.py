"""What the extension announces, each after the transaction that did it is committed.

The sender is the Flask application; everything else comes as keywords. A receiver that raises
does not undo what it was told of.
"""

from blinker import Namespace

_signals = Namespace()

#: A person made an account in a project. ``project``, ``user_id``, ``sub``.
user_signed_up = _signals.signal("user-signed-up")
#: A login session was opened. ``project``, ``user_id``, ``sub``, ``sid``, ``amr``.
user_logged_in = _signals.signal("user-logged-in")
#: A login session was ended. ``project``, ``sid``.
user_logged_out = _signals.signal("user-logged-out")
#: An app was given an authorization code. ``project``, ``client_id``, ``sub``, ``scope``.
authorization_granted = _signals.signal("authorization-granted")
#: A code or a refresh token came a second time and its family was revoked. ``project``, ``client_id``.
token_replayed = _signals.signal("token-replayed")
#: An app was connected. ``project``, ``client_id``.
client_connected = _signals.signal("client-connected")
#: The settings of an app changed. ``project``, ``client_id``.
client_updated = _signals.signal("client-updated")
#: A client secret was added or revoked. ``project``, ``client_id``.
client_secret_changed = _signals.signal("client-secret-changed")
#: An organization was made or renamed. ``organization_id``.
organization_changed = _signals.signal("organization-changed")
#: A project was made, became ready, failed, or changed. ``project``.
project_changed = _signals.signal("project-changed")
#: A new signing key was published. ``project``, ``kid``, ``algorithm``.
signing_key_rotated = _signals.signal("signing-key-rotated")
#: A person changed their profile; ``claims`` names what. ``project``, ``user_id``, ``sub``, ``claims``.
user_profile_changed = _signals.signal("user-profile-changed")
#: An address was added or removed, or another is the primary one. ``project``, ``user_id``, ``sub``.
user_email_changed = _signals.signal("user-email-changed")
#: A person took back what an app was allowed. ``project``, ``client_id``, ``sub``.
authorization_revoked = _signals.signal("authorization-revoked")
#: An account was deleted. ``project``, ``sub``.
user_deleted = _signals.signal("user-deleted")
