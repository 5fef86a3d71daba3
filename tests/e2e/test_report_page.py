"""`raiway report` from outside, on the synthetic hospital: what the file holds and lacks."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
from html.parser import HTMLParser
from math import exp
from pathlib import Path

import pytest

from tests.lib.console import raiway

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


class Parts(HTMLParser):
    """Ids, links within the page, and elements by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.styled = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href"):
                self.links.append(value or "")
            self.styled += name == "style"


@pytest.fixture(scope="module")
def page(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "report.html"
    run = raiway("report", "--out", file, cwd=loaded)
    assert run.code == 0
    return file.read_text(encoding="utf-8")


def test_it_says_what_the_abstract_says(page: str):
    assert "restricted mean time to progression by day 192: 169.98 days (SE 9.70)" in page
    assert "<strong>16</strong> in the study" in page
    assert page.count('<section id="patient-') == 16


def test_it_refers_to_no_other_host(page: str):
    # A resource names systems of codes, as text; nothing else has an address.
    without = re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    shown = re.sub(r'<p class="note">.*?</p>', "", without)
    assert set(re.findall(r"https?://[^\"'\s)<]+", shown)) <= NAMESPACES
    assert set(re.findall(r'(?:href|src|action)="(?!#)', page)) == set()


def test_every_link_leads_to_a_place_of_the_page(page: str):
    parts = Parts(page)
    assert len(parts.ids) == len(set(parts.ids))
    assert {link.removeprefix("#") for link in parts.links} <= set(parts.ids)
    # From each of the six steps of the whole curve to its patients.
    assert sum(link.startswith("#step-all_patients-") for link in parts.links) == 6


def test_nothing_in_it_can_run(page: str):
    parts = Parts(page)
    assert "script" not in parts.tags
    assert parts.styled == 0
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert f"&#39;sha256-{digest}&#39;" in policy[1]
    assert "default-src &#39;none&#39;" in policy[1]


def test_each_date_leads_to_its_resource_as_it_was_ingested(page: str, export: Path):
    sources = re.findall(
        r'<details id="(patient-P\d\d-\d+)" class="source"><summary>(\S+), '
        r"(\w+\.ndjson):(\d+)</summary>(.*?)<pre>(.*?)</pre>",
        page,
        re.DOTALL,
    )
    assert len(sources) > 16 * 8
    assert all("<p class" in facts for *_, facts, _ in sources)
    for anchor, reference, file, line, _, text in sources:
        lines = (export / file).read_text(encoding="utf-8").splitlines()
        resource = json.loads(html.unescape(text))
        assert resource == json.loads(lines[int(line) - 1])
        assert reference == f"{resource['resourceType']}/{resource['id']}"
        assert f'<a href="#{anchor}">{reference}</a>' in page


def test_what_is_gone_or_was_changed_is_not_shown(loaded: Path, export: Path, tmp_path: Path):
    moved = tmp_path / "moved"
    moved.mkdir()
    lines = (export / "Condition.ndjson").read_text(encoding="utf-8").splitlines()
    changed = [lines[0].replace("2014", "1999").replace("2015", "1999"), *lines[1:]]
    assert changed != lines
    (moved / "Condition.ndjson").write_text("\n".join(changed), encoding="utf-8")
    file = tmp_path / "r.html"
    run = raiway("report", "--resources", moved, "--out", file, cwd=loaded)
    shown = dict(
        re.findall(
            r'class="source"><summary>(\S+), .*?<pre>(.*?)</pre>',
            file.read_text(encoding="utf-8"),
            re.DOTALL,
        )
    )
    lost = {reference for reference, text in shown.items() if "any more" in text}
    assert f"{len(lost)} resources are not where ingested from any more" in run.stderr
    conditions = {reference for reference in shown if reference.startswith("Condition/")}
    first = json.loads(lines[0])
    assert conditions & lost == {f"Condition/{first['id']}"}
    assert shown.keys() - conditions == lost - conditions


def test_resources_are_found_in_an_archive_too(loaded: Path, export: Path, tmp_path: Path):
    packed = shutil.make_archive(str(tmp_path / "moved"), "zip", export)
    raiway("report", "--resources", packed, "--out", tmp_path / "r.html", cwd=loaded)
    assert "any more" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_an_aggregate_report_takes_no_resources(loaded: Path, export: Path, tmp_path: Path):
    asked = ("--level", "aggregate", "--resources", export, "--out", tmp_path / "r.html")
    raiway("report", *asked, cwd=loaded, expect=2)
    assert not (tmp_path / "r.html").exists()


def test_every_plot_has_its_numbers_as_a_table(page: str):
    figures = re.findall(r'<figure id="([^"]+)">(.*?)</figure>', page, re.DOTALL)
    assert len(figures) == 12
    for name, figure in figures:
        assert figure.count("<svg") == 1, name
        assert re.search(r"<details><summary>Numbers of.*<td>", figure, re.DOTALL), name


def test_activities_stand_in_both_units(page: str):
    swimmer = re.search(r'<figure id="swimmer">.*?</figure>', page, re.DOTALL)
    assert swimmer
    assert ">357 mCi (13.21 GBq)</text>" in swimmer[0]
    assert "<td>357 mCi (13.21 GBq)</td>" in swimmer[0]


def test_every_plot_says_what_it_is_of(page: str):
    shown = re.search(r"<dt>rules \(hash\)</dt><dd>(\w+)</dd>", page)
    assert shown
    stamp = f"Rules {shown[1][:12]}; quality gate passed: 18 of 18 rules hold.</figcaption>"
    assert page.count(stamp) == page.count("<figure ") > 0
    for fact in ("data version", "quality gate", "endpoint", "time 0", "interval"):
        assert f"<dt>{fact}" in page


def test_milestones_transitions_and_those_who_are_out_stand_in_it(page: str, figures):
    assert "S(91)" in page
    assert f"{figures['km_183']:.3f} (0.303 to 0.793)" in page
    ratio = exp(figures["cox_driver_loghr:NRAS Q61R"])
    assert f"NRAS Q61R</th><td>{ratio:.2f} (0.31 to 11.23)</td>" in page
    assert "χ² 3.83 on 2 df, p = 0.147" in page
    # From the category at three months to that at six.
    found = re.search(
        r"<caption>Thyroglobulin: from 3m to 6m</caption>.*?</table>", page, re.DOTALL
    )
    assert found
    counts = [int(n) for n in re.findall(r"<td>(\d+)</td>", found[0])]
    assert sum(counts) == 16
    assert "Who is out (30 of 30;" in page
    assert "<td>excluded histology</td>" in page


def test_it_is_small_enough_to_mail_within_the_house(page: str):
    assert len(page.encode()) < 600_000


def test_a_patient_level_page_says_so_first(page: str):
    assert page.index("PATIENT LEVEL") < page.index("<h1>")


def test_json_names_the_file(loaded: Path, tmp_path: Path):
    run = raiway("report", "--out", tmp_path / "r.html", "--json", cwd=loaded)
    assert run.json == {
        "level": "patient",
        "file": str(tmp_path / "r.html"),
        "bytes": (tmp_path / "r.html").stat().st_size,
    }


def test_an_aggregate_page_names_no_patient(loaded: Path, tmp_path: Path):
    # 16 patients are too few for a registry in plain; a secure sum takes any number.
    for policy in ("registry", "secure-sum"):
        file = tmp_path / f"{policy}.html"
        raiway("report", "--level", "aggregate", "--policy", policy, "--out", file, cwd=loaded)
        page = file.read_text(encoding="utf-8")
        assert "AGGREGATE" in page
        assert "SYN-RAIR" not in page
        assert "synthetic-hospital" not in page
        assert not re.search(r"(19|20)\d\d-\d\d-\d\d", page)
        assert ("Withheld" in page) == (policy == "registry")


def test_an_unknown_policy_is_named(loaded: Path, tmp_path: Path):
    asked = ("report", "--level", "aggregate", "--policy", "nobody", "--out", tmp_path / "r.html")
    run = raiway(*asked, cwd=loaded, expect=2)
    assert "registry" in run.stderr
    assert not (tmp_path / "r.html").exists()
