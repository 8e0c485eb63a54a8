"""Where modules lie and what they import: downwards only, never in a circle, few in a folder."""

import ast
from pathlib import Path

import pytest

import pystan_mix

PACKAGE = Path(pystan_mix.__file__).parent
# a module may import from its own folder and from those of lower floors
FLOORS = (
    {"errors", "checks", "files", "console", "numerics", "arviz_compat", "resources"}
    | {"text_tables", "data_files", "data_columns", "containers"},
    {"stats", "cmdstan"},
    {"mixtures"},
    {"fits"},
    {"weighing"},
    {"inference", "diagnostics", "comparison", "with_pymc"},
    {"selection", "calibration"},
    {"figures", "report"},
    {"study"},
    {"command", "packaging"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in MODULES})


def dotted(path: Path) -> str:
    """Return a module's name below the package; that of a folder for its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Return the modules of the package that one imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pystan_mix"):
            base = node.module.removeprefix("pystan_mix").lstrip(".")
            for name in node.names:
                # `from pystan_mix.stats import bridge` names a module, `... import f` does not
                inner = f"{base}.{name.name}".lstrip(".")
                found.add(inner if inner in NAMES else base)
    return found


NAMES = {dotted(path) for path in MODULES}
IMPORTS = {dotted(path): imported(path) for path in MODULES if dotted(path)}


def test_every_folder_has_its_floor():
    rooms = {name.split(".")[0] for name in NAMES if name}
    assert rooms == set(FLOOR_OF)


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_imports_run_downwards(module: str):
    room = module.split(".")[0]
    others = {name.split(".")[0] for name in IMPORTS[module]} - {room}
    if FLOOR_OF[room] == 0:
        assert others <= FLOORS[0]
    else:
        assert [other for other in others if FLOOR_OF[other] >= FLOOR_OF[room]] == []


def test_no_module_imports_itself_by_way_of_others():
    def reached(module: str, on_the_way: tuple[str, ...]) -> None:
        assert module not in on_the_way, " -> ".join((*on_the_way, module))
        if module not in done:
            for other in IMPORTS.get(module, ()):
                reached(other, (*on_the_way, module))
            done.add(module)

    done: set[str] = set()
    for module in IMPORTS:
        reached(module, ())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_folder_has_at_most_twelve_modules(folder: Path):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_has_at_most_300_lines(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
