"""The page of figures shows every figure that there is, with a picture that there is."""

import re
from pathlib import Path

from poptune import plots

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_names_every_figure_and_every_picture_is_there():
    page = (DOCS / "figures.md").read_text()
    assert [name for name in plots.__all__ if f"plots.{name}(" not in page] == []
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert [picture for picture in pictures if not (DOCS / picture).is_file()] == []
    assert len(pictures) > len(plots.__all__)


def test_the_links_of_its_table_lead_to_its_sections():
    page = (DOCS / "figures.md").read_text()
    sections = {
        re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.+)$", page, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= sections
