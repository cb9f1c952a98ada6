"""Which code a result depends on: every form of import, and the project's own sources."""

import ast
import shutil

import grimp
import pytest

from pipeline import code
from pipeline.deps import BY_NAME
from pipeline.training.experiment import CODE


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Write the files of a small project, by path under pipeline/, and read that one from here on."""
    monkeypatch.setattr(code, "ROOT", tmp_path)

    def write(files):
        for path, text in files.items():
            file = tmp_path / "pipeline" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        forget()

    yield write
    monkeypatch.undo()
    forget()


def forget():
    for function in vars(code).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


FORMS = {
    "import": ("import pipeline.tool", {"tool.py"}),
    "import as": ("import pipeline.tool as t", {"tool.py"}),
    "from a module": ("from pipeline.tool import x", {"tool.py"}),
    "from a package, a module": ("from pipeline.kit import part", {"kit/part.py"}),
    "everything": ("from pipeline.tool import *", {"tool.py"}),
    "relative, beside": ("from .tool import x", {"tool.py"}),
    "relative, a module": ("from . import tool", {"tool.py"}),
    "relative, above": ("", {"tool.py"}),
    "in a function": ("def f():\n    with x:\n        from pipeline.tool import y", {"tool.py"}),
    "in a method": ("class A:\n    def f(self):\n        import pipeline.tool", {"tool.py"}),
    "where it may fail": ("try:\n    import pipeline.tool\nexcept ImportError:\n    pass", {"tool.py"}),
    "for type checkers": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pipeline.tool", set()),
    "for type checkers, qualified": ("import typing\nif typing.TYPE_CHECKING:\n    import pipeline.tool", set()),
    "otherwise": ("if TYPE_CHECKING:\n    import pipeline.other\nelse:\n    import pipeline.tool", {"tool.py"}),
    "passed on": ("from pipeline.kit import given", {"kit/part.py"}),
    "passed on under another name": ("from pipeline.names import renamed", {"tool.py"}),
    "a function named as its module": ("from pipeline.kit import same", {"kit/same.py"}),
    "the package's own": (
        "from pipeline.kit import OWN",
        {f"kit/{name}.py" for name in ("__init__", "part", "same")},
    ),
    "what others need in turn": ("import pipeline.above", {"above/deep.py", "above/__init__.py", "tool.py"}),
    "a circle": ("import pipeline.round", {"round.py"}),
    "others' packages": ("import numpy\nfrom torch import nn", set()),
    "ground": ("from pipeline.errors import UserError\nfrom pipeline.tracking import run", set()),
}
KIT = """from pipeline.kit.part import given
from pipeline.kit.same import same
OWN = 1
"""


@pytest.mark.parametrize("form", FORMS)
def test_a_module_depends_on_what_it_imports(sources, form):
    text, expected = FORMS[form]
    sources(
        {
            "__init__.py": "",
            "start.py": text,
            "tool.py": "x = 1",
            "other.py": "",
            "errors.py": "import pipeline.other",
            "tracking/__init__.py": "",
            "tracking/run.py": "import pipeline.other",
            "kit/__init__.py": KIT,
            "names/__init__.py": "from pipeline.tool import x as renamed",
            "kit/part.py": "given = 1",
            "kit/same.py": "def same(): ...",
            "kit/unused.py": "",
            "above/__init__.py": "from pipeline.above.deep import f",
            "above/deep.py": "from ..tool import x",
            "round.py": "import pipeline.start",
        }
    )
    if form == "relative, above":
        assert code.modules("pipeline.above.deep") == {"pipeline/above/deep.py", "pipeline/tool.py"}
    else:
        assert code.modules("pipeline.start") == {f"pipeline/{file}" for file in expected | {"start.py"}}


def test_files_that_are_no_modules_belong_to_the_module_beside_them_that_names_them(sources):
    names = 'TABLE = Path(__file__).with_name("table.csv")\nPAGES = Path(__file__).parent / "pages"\n'
    sources(
        {
            "__init__.py": "",
            "start.py": names,
            "table.csv": "1",
            "other.csv": "",
            "pages/a.html": "a",
            "pages/deep/b.html": "",
            "kit/__init__.py": '"""table.csv of another folder"""\nNAME = "table.csv"',
        }
    )
    assert code.modules("pipeline.start") == {"pipeline/start.py", "pipeline/table.csv", "pipeline/pages"}
    assert code.modules("pipeline.kit") == {"pipeline/kit/__init__.py"}
    before = code.code_hash("pipeline.start")
    sources({"other.csv": "1", "unread.py": "1"})
    assert code.code_hash("pipeline.start") == before
    sources({"pages/deep/b.html": "b"})
    assert code.code_hash("pipeline.start") != before


def test_an_unknown_module_is_refused():
    with pytest.raises(ValueError, match=r"no such module: pipeline\.nothing"):
        code.modules("pipeline.code", "pipeline.nothing")


def test_no_import_is_overlooked(root):
    """Against grimp's reading of the sources, import by import."""
    graph = grimp.build_graph("pipeline", "stages", exclude_type_checking_imports=True, cache_dir=None)
    stages = [f"stages.{file.stem}" for file in (root / "stages").glob("[!_]*.py")]
    found = code.modules(*stages)
    for file in sorted(file for file in found if file.endswith(".py")):
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for imported in graph.find_modules_directly_imported_by(module):
            source = str(code._source(imported).relative_to(root))
            passes_on = source.endswith("__init__.py")  # the module behind the name counts in its place
            assert source in found or passes_on or code._is_ground(imported), f"{module} -> {imported}"


def sources_of(root):
    return {file: ast.parse(file.read_text()) for folder in code.PACKAGES for file in (root / folder).rglob("*.py")}


def test_importing_a_package_has_no_effect_that_a_result_could_depend_on(root):
    """Its `__init__` is no dependency of those who import a module of it."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for file, tree in sources_of(root).items():
        if file.name == "__init__.py":
            statements = [node for node in tree.body if not isinstance(node, allowed)]
            assert all(isinstance(node.value, ast.Constant) for node in statements), file


def test_no_module_is_imported_by_a_name_that_is_computed(root):
    """Such an import cannot be seen: who loads a module so names it to `code_hash`, and to DVC the package."""
    by_name = {root / package / "__init__.py" for package in BY_NAME}
    for file, tree in sources_of(root).items():
        names = {getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(tree)}
        assert not names & {"import_module", "__import__"} or file in by_name, file


def test_every_file_that_is_no_module_belongs_to_one(root):
    names = [
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for file in (root / "pipeline").rglob("*.py")
    ]
    known = code.modules(*(name for name in names if not code._is_ground(name)))
    others = [file for file in (root / "pipeline").rglob("*.*") if file.suffix not in (".py", ".pyc")]
    assert len(others) > 10
    for file in others:
        places = {str(place.relative_to(root)) for place in (file, *file.parents) if root in place.parents}
        assert places & known, file


def test_the_ground_is_there(root):
    assert all(code._source(name) for name in code.GROUND)


# What an edit of these files changed, and no list of code named.
MISSED = {
    "stages.fetch": "datasets/pools datasets/images degradations/noise_pool degradations/borders",
    "stages.evaluate": "degradations/borders degradations/rounding",
    "stages.pools": "degradations/bicubic degradations/borders degradations/rounding datasets/images",
    "stages.pack": "datasets/images",
    "stages.train": "evaluation/metrics/fidelity evaluation/validation methods/trained methods/network",
}


RESTORES = {  # the modules that restore: what they run, and what others do
    ("pipeline.methods.classical",): (
        "methods/classical degradations/bicubic degradations/borders",
        "networks/rrdb methods/network",
    ),
    ("pipeline.methods.trained", "pipeline.networks.cria"): (
        "methods/network networks/cria",
        "methods/classical networks/edsr methods/published",
    ),
    ("pipeline.methods.published",): (
        "methods/network networks/edsr degradations/bicubic",
        "methods/trained networks/cria",
    ),
}


@pytest.mark.parametrize("stage", MISSED)
def test_what_was_once_missed_is_found(stage):
    assert {f"pipeline/{file}.py" for file in MISSED[stage].split()} <= code.modules(stage)


def test_the_state_of_a_training_depends_on_all_that_its_stage_runs_but_the_export():
    recipe = ("pipeline.recipes.cria", "pipeline.networks.cria")
    rest = code.modules("stages.train") - code.modules(*CODE, *recipe)
    assert rest == {"stages/train.py", "pipeline/training/export.py", "pipeline/recipes/__init__.py"}
    for other in ("recipes/trunk", "networks/released", "networks/edsr"):
        assert f"pipeline/{other}.py" not in code.modules(*CODE, *recipe)


def test_a_methods_images_depend_on_its_own_code_and_not_on_that_of_other_methods():
    methods = {name: code.modules("pipeline.evaluation.restore", *name) for name in RESTORES}
    for name, (own, others) in RESTORES.items():
        assert {f"pipeline/{file}.py" for file in own.split()} <= methods[name]
        assert not {f"pipeline/{file}.py" for file in others.split()} & methods[name]
    rest = code.modules("pipeline.methods.records") - frozenset.union(*methods.values())
    assert rest == {"pipeline/methods/records.py", "pipeline/methods/rows.py"}


def test_a_file_added_to_any_package_changes_no_hash(root, tmp_path, monkeypatch):
    shutil.copytree(root / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", tmp_path)
    names = ("stages.train", "stages.evaluate", "stages.fetch", "stages.report")
    forget()
    before = [code.code_hash(name) for name in names]
    for package in [folder for folder in (tmp_path / "pipeline").rglob("*") if (folder / "__init__.py").exists()]:
        (package / "added.py").write_text("x = 1\n")
    forget()
    assert [code.code_hash(name) for name in names] == before
    (tmp_path / "pipeline/datasets/images.py").write_text("")
    forget()
    assert not set(before) & {code.code_hash(name) for name in names}
    forget()
