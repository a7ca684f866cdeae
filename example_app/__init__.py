"""A bookshop: a small host that was there before, and became an OpenID Connect provider in three lines.

Three more let apps sign people in with the accounts that the bookshop has always had.
"""

import os
from pathlib import Path
from typing import Any

from flask import Flask

from flask_hanko_identity import HankoIdentity

from .accounts import bp as accounts
from .accounts import leave
from .accounts import login_manager
from .accounts import signed_in_customer
from .books import bp as books
from .books import stock
from .models import db

INSTANCE = Path(__file__).parent.parent / "instance"


def create_app(**config: Any) -> Flask:
    """The bookshop, with its settings from ``FLASK_…`` environment variables and from ``config``."""
    app = Flask(__name__)
    INSTANCE.mkdir(exist_ok=True)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{INSTANCE / 'bookshop.sqlite'}",
        HANKO_IDENTITY_BASE_URL="http://localhost:8000/identity",
        HANKO_IDENTITY_CONSOLE_SIGNUP="open",
        HANKO_IDENTITY_RP_NAME="The Bookshop",
        HANKO_IDENTITY_HOST_LOGIN_VIEW="accounts.sign_in",
    )
    app.config.from_prefixed_env()
    app.config.update(config)
    if not app.config.get("SECRET_KEY"):
        app.config["SECRET_KEY"] = _own_secret()

    # The three lines:
    db.init_app(app)
    identity = HankoIdentity()
    identity.init_app(app, db=db)

    # Two more, and the login view above, for projects of type "Host accounts":
    identity.host_user(signed_in_customer)
    identity.host_logout(leave)

    login_manager.init_app(app)
    app.register_blueprint(accounts)
    app.register_blueprint(books)
    app.cli.add_command(stock)
    return app


def _own_secret() -> str:
    """A secret key made at the first start and kept beside the database, so that nobody ships a default one."""
    path = INSTANCE / "secret_key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(os.urandom(32).hex())
    return path.read_text()
