"""The layers hold: nothing imports upward, Flask stays in the web layer, files stay short."""

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "flask_hanko_identity"
LAYERS = ("storage", "protocol", "flows", "web")
"""From the bottom up; migrations belong to the storage."""
COMPOSITION = ("__init__", "extension", "cli")
"""These may import anything; every other module outside the layers is a leaf, which may only raise errors."""
MAY_IMPORT_FLASK = ("web", *COMPOSITION)
LONGEST_FILE = 350

MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))
FILES = sorted(path for folder in (PACKAGE, "tests", "example_app") for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Inside the package: ``web/login.py`` is in ``web``, ``crypto.py`` in ``crypto``."""
    return path.relative_to(ROOT / PACKAGE).with_suffix("").parts[0]


def layer_of(name: str) -> str | None:
    return "storage" if name == "migrations" else name if name in LAYERS else None


def imports(tree: ast.AST, path: Path) -> Iterator[str]:
    """The dotted names that ``tree`` imports, as if written absolutely."""
    package = ".".join(path.parent.relative_to(ROOT).parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_names(tree: ast.AST, path: Path) -> set[str]:
    """Which parts of our own package are imported, such as ``storage`` or ``crypto``."""
    ours = (name.split(".") for name in imports(tree, path) if name.startswith(f"{PACKAGE}."))
    return {parts[1] for parts in ours}


def may_import(importer: str, imported: str) -> bool:
    above, below = layer_of(importer), layer_of(imported)
    if importer in COMPOSITION:
        return True
    if above is None:
        return imported == "errors"
    if below is None:
        return imported not in COMPOSITION
    return LAYERS.index(below) <= LAYERS.index(above)


def at_run_time(tree: ast.Module) -> ast.Module:
    """``tree`` without what is imported for types only."""
    body = [node for node in tree.body if not _is_for_types(node)]
    return ast.Module(body=body, type_ignores=[])


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_there_is_something_to_look_at():
    assert {layer_of(name_of(path)) for path in MODULES} >= set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=short)
class TestModule:
    def test_imports_nothing_above_its_layer(self, path, tree):
        # The web layer may name the type of the state that the extension hands it.
        looked_at = at_run_time(tree) if name_of(path) == "web" else tree

        assert [n for n in imported_names(looked_at, path) if not may_import(name_of(path), n)] == []

    def test_leaves_flask_to_the_web_layer(self, path, tree):
        roots = {name.partition(".")[0] for name in imports(tree, path)} - {PACKAGE}

        if name_of(path) not in MAY_IMPORT_FLASK:
            assert {root for root in roots if root == "flask" or root.startswith("flask_")} == set()

    def test_imports_our_own_modules_at_the_top(self, path, tree):
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

        if name_of(path) != "cli":
            assert [f.name for f in functions if imported_names(f, path)] == []

    def test_leaves_webauthn_to_one_module(self, path, tree):
        if path != ROOT / PACKAGE / "protocol" / "passkeys.py":
            assert not any(name.split(".")[0] == "webauthn" for name in imports(tree, path))


@pytest.mark.parametrize("path", FILES, ids=short)
def test_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
