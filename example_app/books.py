"""The bookshop's own pages."""

import click
from flask import Blueprint
from flask import abort
from flask import render_template
from flask.cli import with_appcontext
from sqlalchemy import inspect
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from .models import Author
from .models import Base
from .models import Book
from .models import db

bp = Blueprint("books", __name__)

_STOCK = [
    ("Mary Shelley", "Frankenstein", 1818, 990),
    ("Jane Austen", "Persuasion", 1817, 890),
    ("Herman Melville", "Moby-Dick", 1851, 1490),
    ("George Eliot", "Middlemarch", 1871, 1390),
    ("Jules Verne", "Twenty Thousand Leagues Under the Seas", 1870, 1190),
    ("Ada Lovelace", "Notes on the Analytical Engine", 1843, 1890),
]


@bp.get("/")
def shelf() -> str:
    """All books, by title."""
    if not inspect(db.engine).has_table(Book.__tablename__):
        return render_template("shelf.html", books=[])
    books = db.session.scalars(select(Book).options(joinedload(Book.author)).order_by(Book.title))
    return render_template("shelf.html", books=list(books))


@bp.get("/books/<int:book_id>")
def book(book_id: int) -> str:
    """One book."""
    found = db.session.get(Book, book_id)
    if found is None:
        abort(404)
    return render_template("book.html", book=found)


@click.command("stock")
@with_appcontext
def stock() -> None:
    """Make the bookshop's own tables and fill the shelf, once."""
    Base.metadata.create_all(db.engine)
    if db.session.scalar(select(Book.id).limit(1)) is None:
        for author, title, year, price in _STOCK:
            db.session.add(Book(author=Author(name=author), title=title, year=year, price=price))
        db.session.commit()
    click.echo("The shelf is full.")
