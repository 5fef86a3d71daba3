"""`raiway report --pdf`: the page on paper has the numbers of the page."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import UsageError
from adapter.html_report.browser import check_browser
from tests.lib.console import raiway
from tests.lib.needs import missing

LEVELS = {"patient": (), "aggregate": ("--level", "aggregate", "--policy", "secure-sum")}


class Cells(HTMLParser):
    """The texts of the cells of tables, but for those that a reader must open on paper too."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.found.append(data)


def plain(text: str) -> str:
    """Letters without ligatures and without space, which a printed line breaks anywhere."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def printed(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Any]]:
    """By level: the HTML, and what reads the PDF."""
    try:
        check_browser()
        from pypdf import PdfReader
    except (UsageError, ImportError) as error:
        missing(str(error))
    folder, found = tmp_path_factory.mktemp("printed"), {}
    for level, asked in LEVELS.items():
        html, pdf = folder / f"{level}.html", folder / f"{level}.pdf"
        run = raiway("report", *asked, "--out", html, "--pdf", pdf, "--json", cwd=loaded)
        assert run.json["pdf"] == str(pdf)
        found[level] = html.read_text(encoding="utf-8"), PdfReader(pdf)
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".html", ".pdf", ".pdf"]
    return found


def text_of(pdf: Any) -> str:
    return plain("".join(page.extract_text() for page in pdf.pages))


@pytest.mark.parametrize("level", LEVELS)
def test_every_number_of_every_table_is_on_paper(printed: dict[str, tuple[str, Any]], level: str):
    html, pdf = printed[level]
    # Who is out and the resources stay closed on paper.
    shown = re.sub(r"<details>(?!<summary>Numbers).*?</details>", "", html, flags=re.DOTALL)
    cells = [cell for cell in Cells(shown).found if re.search(r"\d", cell)]
    said = text_of(pdf)
    lost = [cell for cell in cells if plain(cell) not in said]
    assert len(cells) > 150
    assert lost == []


def test_the_printed_numbers_are_those_of_evaluate(
    printed: dict[str, tuple[str, Any]], figures: dict[str, Any]
):
    said = text_of(printed["patient"][1])
    assert plain(f"{figures['km_183']:.3f} (0.303 to 0.793)") in said
    assert plain(f"all (n = {figures['n_patients']})") in said
    assert plain(f"progressed by day 192{figures['progressed_by_192_n']} (") in said


@pytest.mark.parametrize("level", LEVELS)
def test_no_link_of_the_paper_leads_out_of_it(printed: dict[str, tuple[str, Any]], level: str):
    pdf = printed[level][1]
    marks = [mark.get_object() for page in pdf.pages for mark in page.get("/Annots", ())]
    assert [mark["/A"]["/URI"] for mark in marks if "/URI" in mark.get("/A", {})] == []
    assert bool(marks) == (level == "patient")


def test_each_sheet_of_the_patient_level_says_so(printed: dict[str, tuple[str, Any]]):
    for level, (_, pdf) in printed.items():
        sheets = [plain(page.extract_text()) for page in pdf.pages]
        said = ["PATIENTLEVEL:staysinside" in sheet for sheet in sheets]
        assert all(said) if level == "patient" else not any(said)


def test_an_aggregate_paper_names_no_patient(printed: dict[str, tuple[str, Any]]):
    assert "SYN-RAIR" not in text_of(printed["aggregate"][1])
    assert "SYN-RAIR" in text_of(printed["patient"][1])


def test_without_a_browser_it_says_what_to_install(loaded: Path, tmp_path: Path):
    where = ("--out", tmp_path / "r.html", "--pdf", tmp_path / "r.pdf")
    run = raiway("report", *where, cwd=loaded, expect=2, PATH=str(tmp_path))
    assert "none is on the PATH" in run.stderr
    assert "apt-get install chromium" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_fails_leaves_no_paper(loaded: Path, tmp_path: Path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "chromium").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (programs / "chromium").chmod(0o755)
    where = ("--out", tmp_path / "r.html", "--pdf", tmp_path / "r.pdf")
    run = raiway("report", *where, cwd=loaded, expect=2, PATH=f"{programs}:/bin:/usr/bin")
    assert "the browser does not start" in run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "r.html"]


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("adapter.html_report.browser.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="playwright") as error:
        check_browser()
    assert "raiway[pdf]" in error.value.hint
