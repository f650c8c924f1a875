"""Execution: kernels side by side do not meet, and nothing of them is left."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import papermill

from kneephen_utils.pipeline import execution

CODE = "import time\ntime.sleep(0.5)\nprint(word)"


def say(folder: Path, word: str) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["language_info"] = {"name": "python"}
    source, made = folder / f"{word}.ipynb", folder / f"{word} made.ipynb"
    nbformat.write(notebook, source)
    papermill.execute_notebook(
        str(source),
        str(made),
        parameters={"word": word},
        cwd=str(folder),
        kernel_name="python3",
        kernel_manager_class=execution.LocalKernelManager,
        progress_bar=False,
    )
    return str(nbformat.read(made, as_version=4).cells[-1].outputs[0].text).strip()


def test_kernels_that_run_side_by_side_in_one_folder_do_not_meet(tmp_path: Path) -> None:
    words = ["femur", "tibia", "fibula"]
    with ProcessPoolExecutor(3) as pool:
        said = list(pool.map(say, [tmp_path] * 3, words))
    assert said == words
    assert {path.suffix for path in tmp_path.iterdir()} == {".ipynb"}
