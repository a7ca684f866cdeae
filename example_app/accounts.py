"""The bookshop's own accounts: an e-mail address and a password, as it had them before.

A project of type "Host accounts" makes these people known to apps. The extension never sees the form or the password.
"""

from datetime import UTC
from datetime import datetime

from flask import Blueprint
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager
from flask_login import current_user
from flask_login import login_user
from flask_login import logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.security import check_password_hash
from werkzeug.security import generate_password_hash
from wtforms import EmailField
from wtforms import Field
from wtforms import PasswordField
from wtforms import StringField
from wtforms.validators import InputRequired
from wtforms.validators import Length

from flask_hanko_identity import HostUser

from .models import User
from .models import db

bp = Blueprint("accounts", __name__)
login_manager = LoginManager()

_NOBODY = generate_password_hash("nobody's password")
"""So that an unknown address takes as long as a wrong password."""


class SignInForm(FlaskForm):
    """Who it is."""

    email = EmailField("E-mail", [InputRequired(), Length(max=254)], render_kw={"autocomplete": "username"})
    password = PasswordField(
        "Password", [InputRequired(), Length(max=200)], render_kw={"autocomplete": "current-password"}
    )


class SignUpForm(SignInForm):
    """A new customer."""

    name = StringField("Name", [InputRequired(), Length(max=100)], render_kw={"autocomplete": "name"})
    password = PasswordField(
        "Password", [InputRequired(), Length(min=8, max=200)], render_kw={"autocomplete": "new-password"}
    )


@bp.app_context_processor
def sign_out_token() -> dict[str, object]:
    """For the button on every page."""
    return {"sign_out_token": generate_csrf}


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    """For Flask-Login."""
    return db.session.get(User, int(user_id))


def signed_in_customer() -> HostUser | None:
    """For ``@identity.host_user``: the customer of the current request."""
    if not current_user.is_authenticated:
        return None
    return HostUser(
        id=current_user.get_id(),
        claims={"name": current_user.name, "email": current_user.email},
        auth_time=session.get("signed_in_at"),
        amr=("pwd",),
    )


def leave() -> None:
    """For ``@identity.host_logout``: the customer of the current request signs out of the bookshop."""
    logout_user()
    session.pop("signed_in_at", None)


@bp.route("/account/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """The login view. ``HANKO_IDENTITY_HOST_LOGIN_VIEW`` names it."""
    if current_user.is_authenticated and "reauthenticate" not in request.args:
        return redirect(_next(), 303)
    form = SignInForm(email=request.args.get("login_hint", ""))
    if form.validate_on_submit():
        user = db.session.scalar(select(User).filter_by(email=_text(form.email).lower()))
        known = check_password_hash(_NOBODY if user is None else user.password_hash, form.password.data or "")
        if user is not None and known:
            return _enter(user)
        form.password.errors = ["The e-mail address or the password is wrong."]
    if "create" in request.args and not form.is_submitted():
        return redirect(url_for(".sign_up", next=_next()), 303)
    return render_template("account.html", form=form, title="Sign in", other="sign_up", next=_next())


@bp.route("/account/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """Become a customer."""
    form = SignUpForm()
    if form.validate_on_submit():
        user = User(
            name=_text(form.name),
            email=_text(form.email).lower(),
            password_hash=generate_password_hash(form.password.data or ""),
        )
        db.session.add(user)
        try:
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            form.email.errors = ["Somebody has this address already."]
        else:
            return _enter(user)
    return render_template("account.html", form=form, title="Become a customer", other="sign_in", next=_next())


@bp.post("/account/sign-out")
def sign_out() -> ResponseReturnValue:
    """Leave the bookshop; what apps know of it ends when they next ask."""
    if FlaskForm().validate_on_submit():
        leave()
    return redirect(url_for("books.shelf"), 303)


def _text(field: Field) -> str:
    return (field.data or "").strip()


def _enter(user: User) -> ResponseReturnValue:
    login_user(user)
    session["signed_in_at"] = datetime.now(UTC)
    return redirect(_next(), 303)


def _next() -> str:
    """Where to go on: an address of this site, or the shelf."""
    path = request.args.get("next", "")
    # "//elsewhere" and "/\elsewhere" are addresses of other sites to a browser.
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else url_for("books.shelf")
