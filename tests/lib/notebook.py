"""Runs a notebook's code cells in one namespace, and gives what each would show.

`python -m tests.lib.notebook` rewrites the outputs of the notebooks in docs; review the diff.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.lib.needs import ROOT

NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def opened(path: Path) -> dict[str, Any]:
    """The notebook as JSON."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def outputs(notebook: dict[str, Any], folder: Path) -> list[list[dict[str, Any]]]:
    """What each code cell shows, run one after another in `folder`."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    os.chdir(folder)
    try:
        return [_run("".join(cell["source"]), names, n) for n, cell in _numbered(notebook)]
    finally:
        os.chdir(before)


def with_outputs(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The notebook with fresh outputs."""
    for (number, cell), shown in zip(_numbered(notebook), outputs(notebook, folder), strict=True):
        cell["outputs"], cell["execution_count"] = shown, number
    return notebook


def _numbered(notebook: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return list(
        enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), start=1)
    )


def _run(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The printed text and the value of the last expression, as Jupyter has them."""
    tree = ast.parse(source, f"cell {number}")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)  # noqa: S102 - our own notebook
        value = None
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), f"cell {number}", "eval")
            value = eval(code, names)  # noqa: S307 - our own notebook
    shown: list[dict[str, Any]] = []
    if printed.getvalue():
        shown.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        shown.append(
            {
                "data": _shown(value),
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return shown


def _shown(value: Any) -> dict[str, Any]:
    """A chart as Vega-Lite, a frame as HTML, everything as text."""
    if type(value).__module__.startswith("altair."):
        found = value.to_dict()
        version = found["$schema"].rpartition("/v")[2].partition(".")[0]
        return {
            f"application/vnd.vegalite.v{version}+json": found,
            "text/plain": ["a chart, which Jupyter draws"],
        }
    shown = {"text/plain": _lines(repr(value))}
    if hasattr(value, "_repr_html_"):
        shown["text/html"] = _lines(value._repr_html_())
    return shown


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def written(notebook: dict[str, Any]) -> str:
    """The notebook as it is stored."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(written(with_outputs(opened(path), Path(folder))), encoding="utf-8")
        sys.stderr.write(f"{path.relative_to(ROOT)}\n")
