"""Every notebook of the examples runs from top to bottom."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online_retail_ii_2009_2010.parquet"
DATA = {"online_retail": ("ONLINE_RETAIL_II", RETAIL)}
"""Notebooks on data that are no part of the project: the variable that says where, and where."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path, monkeypatch):
    if path.stem in DATA:
        variable, default = DATA[path.stem]
        data = Path(os.environ.get(variable, default))
        if not data.exists():
            pytest.skip(f"the data of {path.name} are not at {data}; {variable} can say where")
        monkeypatch.setenv(variable, str(data))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    errors = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert errors == []
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)
