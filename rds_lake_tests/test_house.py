"""The house stays small enough to read: files, functions and folders, counted from the code itself."""

from pathlib import Path
from statistics import median

import pytest

from rds_lake_tests import house
from rds_lake_tests.variants import KEPT

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


@pytest.mark.parametrize("name", house.paths())
def test_a_file_stays_small_enough_to_read(name: str) -> None:
    module = house.module(name)
    assert module.lines <= 300
    assert module.path.stem not in {"utils", "helpers", "common", "constants"}


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
