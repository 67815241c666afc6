"""The house stays small enough to read: files, functions and folders, counted from the code itself."""

import ast
from pathlib import Path
from statistics import median

import pytest

from rds_lake_tests import house
from rds_lake_tests.variants import KEPT, SHOWN_BY, further_variants

_REASON = "Long:"  # in the docstring of a function that is better read in one piece, before the reason


def test_the_figures_of_the_house(capsys: pytest.CaptureFixture[str]) -> None:
    modules = [module for module in house.modules() if not module.path.name.startswith("__")]
    functions = [function for module in modules for function in module.functions]
    files, lengths = median(module.lines for module in modules), median(function.lines for function in functions)
    with capsys.disabled():
        print(
            f"\n{len(modules)} files of {files:g} lines in the middle, {len(functions)} functions of {lengths:g}; "
            f"{len(house.circles())} circles, {max(house.folders().values())} files in the fullest folder"
        )
    assert files <= 105, "the middle file grows"
    assert lengths <= 7, "the middle function grows"


def test_files_stay_small_enough_to_read_and_say_by_their_name_what_they_are() -> None:
    assert not {module.name: module.lines for module in house.modules() if module.lines > 300}
    nameless = {"utils", "helpers", "common", "constants"}
    assert not [module.name for module in house.modules() if module.path.stem in nameless]


def test_a_function_that_does_not_fit_on_a_screen_says_why() -> None:
    long = {
        f"{module.name}.{function.name}": function.lines
        for module in house.modules()
        for function in module.functions
        if function.lines > 35 and _REASON not in function.docstring
    }
    assert not long


def test_a_folder_has_no_more_files_than_one_sees_at_a_glance() -> None:
    assert not {folder: files for folder, files in house.folders().items() if files > 14}


@pytest.mark.parametrize("file", KEPT)
def test_a_test_of_which_variants_are_left_out_is_there(root: Path, file: str) -> None:
    text = (root / "rds_lake_tests" / file).read_text(encoding="utf-8")
    assert [name for name in KEPT[file] if f"def {name}(" not in text] == []


def test_of_the_variants_of_a_story_the_first_runs_every_day_or_those_that_are_named() -> None:
    tests = [
        ("aws/test_rds.py::test_other[pq]", True),
        ("aws/test_rds.py::test_other[python]", True),
        ("aws/test_rds.py::test_plain[1]", False),
        ("aws/test_rds.py::test_plain[2]", False),
        ("stages/types/test_mysql.py::test_other[int]", True),
        ("stages/types/test_mysql.py::test_other[text]", True),
        ("localcloud/test_up.py::test_a_signal_stops_it_without_trace[2]", True),
        ("localcloud/test_up.py::test_a_signal_stops_it_without_trace[15]", True),
    ]
    assert further_variants(tests) == {
        "aws/test_rds.py::test_other[python]",
        "localcloud/test_up.py::test_a_signal_stops_it_without_trace[2]",
    }


def test_every_file_of_tests_has_one_that_runs_every_day_or_says_which_file_shows_the_same(root: Path) -> None:
    folder = root / "rds_lake_tests"
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("test_*.py"))}
    assert {name for name, path in files.items() if not _everyday(path)} == set(SHOWN_BY)
    assert not [shown for shown in SHOWN_BY.values() if shown not in files or shown in SHOWN_BY]


def _everyday(path: Path) -> list[str]:
    """The tests of a file that `make test` runs, as far as their own lines say it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    marks = [node for node in tree.body if isinstance(node, ast.Assign) and "exhaustive" in ast.unparse(node.value)]
    if any(ast.unparse(target) == "pytestmark" for node in marks for target in node.targets):
        return []
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return [
        test.name
        for test in tests
        if not any(ast.unparse(decorator) == "pytest.mark.exhaustive" for decorator in test.decorator_list)
    ]
