"""Every text that people read goes through gettext, and can be collected for translators."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from jinja2 import Environment
from jinja2 import nodes

PACKAGE = Path(__file__).resolve().parent.parent / "flask_hanko_identity"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
MODULES = sorted(path for layer in ("web", "flows") for path in (PACKAGE / layer).rglob("*.py"))
GETTEXT = {"gettext", "ngettext", "lazy_gettext"}
FOR_PROGRAMMERS = {"RuntimeError", "ValueError", "TypeError"}
FOR_THE_LOG = {"debug", "info", "warning", "error", "exception"}
PROTOCOL_ERROR = re.compile(r"(Invalid|Unauthorized|Unsupported|Access|Consent|Login|Interaction|Unmet|Server)\w*Error")
"""Their descriptions are for developers of apps, in English (RFC 6749, section 5.2)."""
SENTENCE = re.compile(r"[A-Z][a-z’']* .*[a-z]|[A-Z][a-z]+( [a-z]+)*\.")
LETTERS = re.compile(r"[A-Za-z]{2,}")
ATTRIBUTE = re.compile(r'[a-z-]+="[^"]*"|[A-Z_]+=1')
SAME_EVERYWHERE = {"UTC"}
SHOWN_ATTRIBUTES = ("alt", "aria-label", "placeholder", "title")


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def bare_sentences(tree: ast.AST) -> Iterator[str]:
    """Literals that look like a sentence, less those that are translated or that no person reads."""
    if isinstance(tree, ast.Call):
        name = called(tree)
        of_the_log = name in FOR_THE_LOG and ast.unparse(tree.func).startswith("log.")
        if name in GETTEXT | FOR_PROGRAMMERS or of_the_log or PROTOCOL_ERROR.fullmatch(name):
            return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str) and SENTENCE.match(tree.value):
        yield tree.value
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):  # a docstring
            yield from bare_sentences(child)


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_sentences_in_the_code_are_translated(path):
    assert list(bare_sentences(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_what_is_translated_can_be_collected(path):
    """A text that is put together at run time is in no catalogue."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in GETTEXT]

    assert [ast.unparse(call) for call in calls if not isinstance(call.args[0], ast.Constant)] == []


class BareTexts(HTMLParser):
    """Text between tags and in attributes that people see or hear; expressions of the template are left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._skip = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag in ("script", "style", "code", "pre")
        self.found += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value and LETTERS.search(value)]

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        text = ATTRIBUTE.sub("", data)  # what macros put into tags, and names of variables
        if not self._skip and LETTERS.search(text) and text.strip(" 1") not in SAME_EVERYWHERE:
            self.found.append(text.strip())


def texts_of(tree: nodes.Template) -> Iterator[str]:
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            yield node.data if isinstance(node, nodes.TemplateData) else "1"


def constants_of(node: nodes.Node) -> Iterator[str]:
    """Literals in the template's expressions, less what functions are given."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        if not isinstance(child, nodes.Call | nodes.Filter | nodes.Compare | nodes.Test | nodes.Getitem):
            yield from constants_of(child)


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_templates_have_no_text_of_their_own(path):
    tree = Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    outputs = [node for output in tree.find_all(nodes.Output) for node in output.nodes]
    expressions = [node for node in outputs if not isinstance(node, nodes.TemplateData | nodes.Call)]

    assert BareTexts("".join(texts_of(tree))).found == []
    assert [text for node in expressions for text in constants_of(node) if re.match(r"[A-Z][a-z]", text)] == []


@pytest.fixture(scope="module")
def messages():
    """What a translator would be given."""
    keywords = {"gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "_": None}
    methods = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
    found = extract_from_dir(str(PACKAGE), methods, keywords=keywords, strip_comment_tags=True)
    return {message for _file, _line, message, _comments, _context in found}


def test_there_is_something_to_translate(messages):
    assert len(messages) > 200
    assert {"Sign in", "Create new project"} <= messages


def test_placeholders_have_names(messages):
    texts = [text for message in messages for text in (message if isinstance(message, tuple) else (message,))]
    wrong = [text for text in texts if re.search(r"%(?!\(\w+\)[sd])", text)]

    assert wrong == []
