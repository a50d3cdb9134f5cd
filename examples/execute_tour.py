"""Execute the tour notebook, and keep what its cells show: `python examples/execute_tour.py`, from anywhere."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

TOUR = Path(__file__).with_name("tour.ipynb")
HOME = "/home/you"  # stands in what is kept for the folder where it was executed

Book = nbformat.NotebookNode


def executed(book: Book) -> Book:
    """Return a notebook with what its cells show, executed from the first to the last in an empty folder."""
    book = nbformat.from_dict(book)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}
        client = NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute(env=environment)
        text = nbformat.writes(book)
        places = sorted({folder, os.path.realpath(folder)}, key=len, reverse=True)
        book = nbformat.reads(re.sub("|".join(map(re.escape, places)), HOME, text), as_version=4)
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # times of this execution
    return book


def main() -> None:
    """Execute the notebook in its place."""
    nbformat.write(executed(nbformat.read(TOUR, as_version=4)), TOUR)


if __name__ == "__main__":
    main()
