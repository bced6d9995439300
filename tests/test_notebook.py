"""The notebook of the examples, executed as Jupyter would."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

pytestmark = [pytest.mark.slow, pytest.mark.weights]


def test_the_notebook_reads_draws_and_measures(monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(FOLDER / "reading.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": FOLDER}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(
        output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"
    )
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert "telephone" in text and "CER" in text and "lines per second" in text
    assert len(pictures) == 4, "the page, confidences of words, and of lines, the worst line"
