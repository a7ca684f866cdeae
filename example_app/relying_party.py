"""A demo relying party: signs people in with the bookshop's provider by Authlib's Flask client, as any app would."""

import json
from typing import Any

from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask import Response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from werkzeug.wrappers import Response as AnyResponse


def create_app(**config: Any) -> Flask:
    """The relying party. Needs ``ISSUER``, ``CLIENT_ID`` and, unless it is a public client, ``CLIENT_SECRET``.

    ``FLASK_…`` environment variables set the same.
    """
    app = Flask(__name__)
    app.config.update(SECRET_KEY=None, CLIENT_SECRET=None, SESSION_COOKIE_NAME="relying_party")
    app.config.from_prefixed_env()
    app.config.update(config)
    oauth = OAuth(app)
    provider = oauth.register(
        "provider",
        server_metadata_url=app.config["ISSUER"] + "/.well-known/openid-configuration",
        client_id=app.config["CLIENT_ID"],
        client_secret=app.config["CLIENT_SECRET"],
        client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    )

    @app.get("/")
    def home() -> str:
        return render_template("relying_party.html", shown=session.get("shown"), issuer=app.config["ISSUER"])

    @app.get("/login")
    def login() -> Any:
        return provider.authorize_redirect(url_for("callback", _external=True))

    @app.get("/callback")
    def callback() -> AnyResponse:
        if "error" in request.args:
            return _page(f"{request.args['error']}: {request.args.get('error_description', '')}")
        token = provider.authorize_access_token()
        session["id_token"] = token["id_token"]
        session["refresh_token"] = token.get("refresh_token")
        session["shown"] = {"ID token": dict(token["userinfo"]), "Userinfo": dict(provider.userinfo(token=token))}
        return redirect(url_for("home"), 303)

    @app.post("/refresh")
    def refresh() -> AnyResponse:
        if not session.get("refresh_token"):
            return _page("The provider gave no refresh token.")
        token = provider.fetch_access_token(grant_type="refresh_token", refresh_token=session["refresh_token"])
        session["refresh_token"] = token.get("refresh_token")
        session["shown"] = {
            **session.get("shown", {}),
            "Userinfo, after refreshing": dict(provider.userinfo(token=token)),
        }
        return redirect(url_for("home"), 303)

    @app.post("/logout")
    def logout() -> Any:
        hint = session.pop("id_token", None)
        session.clear()
        if hint is None:
            return redirect(url_for("home"), 303)
        return provider.logout_redirect(post_logout_redirect_uri=url_for("home", _external=True), id_token_hint=hint)

    @app.template_filter("pretty")
    def pretty(value: Any) -> str:
        return json.dumps(value, indent=2, sort_keys=True)

    def _page(problem: str) -> Response:
        page = render_template("relying_party.html", shown=None, problem=problem, issuer=app.config["ISSUER"])
        return Response(page, 400)

    return app
