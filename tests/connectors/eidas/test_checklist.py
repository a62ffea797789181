"""The conformance checklist of eidas.md §13 as a whole: every number has a test that names it."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_NUMBERS = re.compile(r"eidas\.md[^\n]*?§13 numbers? (\d+(?:(?:, | and )\d+)*)")


def docstrings(path):
    """Of every test in ``path``; the module's and the class's count for the tests in them."""
    tree = ast.parse(path.read_text("utf-8"))
    if any(isinstance(n, _FUNCTIONS) and n.name.startswith("test_") for n in ast.walk(tree)):
        for node in (tree, *ast.walk(tree)):
            if isinstance(node, ast.Module | ast.ClassDef | _FUNCTIONS):
                yield ast.get_docstring(node) or ""


def test_every_number_of_the_checklist_is_named_by_a_test():
    """eidas.md §13: write a test for each of the 19."""
    named = {
        int(number)
        for path in TESTS.rglob("test_*.py")
        if path.name != Path(__file__).name
        for text in docstrings(path)
        for numbers in _NUMBERS.findall(text)
        for number in re.findall(r"\d+", numbers)
    }
    assert set(range(1, 20)) - named == set()
    assert named <= set(range(1, 20))
