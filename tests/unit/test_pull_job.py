"""Which file of a manifest is which, when the server lists them again."""

from __future__ import annotations

from adapter.pull.export.job import Job
from adapter.pull.export.kickoff import ExportRequest
from adapter.pull.export.manifest import ListedFile, Manifest, Section

TIME = "2024-01-02T00:00:00Z"


def files(*urls: str, kind: str = "Observation") -> tuple[ListedFile, ...]:
    return tuple(ListedFile(Section.OUTPUT, url, kind) for url in urls)


def manifest(*listed: ListedFile) -> Manifest:
    return Manifest(TIME, files=listed)


def job(*listed: ListedFile, started: str = "2024-01-01T00:00:00+00:00") -> Job:
    made = Job("all", ExportRequest(), started, "https://a.example/status")
    made.take(manifest(*listed))
    return made


def keys(made: Job) -> dict[str, str]:
    return {file.url: file.key for file in made.files}


def test_same_urls_in_another_order():
    made = job(*files("https://a.example/1", "https://a.example/2"))
    before = keys(made)
    made.take(manifest(*files("https://a.example/2", "https://a.example/1")))
    assert keys(made) == before


def test_new_signatures():
    made = job(*files("https://a.example/1?sig=a", "https://a.example/2?sig=a"))
    one, two = (file.key for file in made.files)
    made.take(manifest(*files("https://a.example/2?sig=b", "https://a.example/1?sig=b")))
    assert [file.key for file in made.files] == [two, one]


def test_told_apart_by_the_query_alone():
    made = job(*files("https://a.example/f?n=1", "https://a.example/f?n=2"))
    before = [file.key for file in made.files]
    assert len(set(before)) == 2
    made.take(manifest(*files("https://a.example/f?n=1", "https://a.example/f?n=2&t=9")))
    assert [file.key for file in made.files] == before


def test_new_names_at_the_same_places():
    made = job(*files("https://a.example/1", "https://a.example/2"), *files("u:3", kind="Patient"))
    held = list(made.files)
    again = [*files("https://b.example/x", "https://b.example/y"), *files("u:z", kind="Patient")]
    made.take(manifest(*again))
    # The very objects: whoever fetches one learns its new URL.
    assert all(new is old for new, old in zip(made.files, held, strict=True))
    assert held[0].url == "https://b.example/x"


def test_another_number_of_files():
    made = job(*files("https://a.example/1", "https://a.example/2"))
    before = set(keys(made).values())
    made.take(manifest(*files("https://b.example/x")))
    assert not before & set(keys(made).values())


def test_a_later_export_may_use_the_same_urls():
    listed = files("https://a.example/1")
    first, second = job(*listed), job(*listed, started="2024-01-05T00:00:00+00:00")
    assert first.files[0].key != second.files[0].key


def test_keys_show_nothing():
    made = job(*files("https://a.example/Patient/12345?sig=secret"))
    assert all(
        word not in made.files[0].key for word in ("Patient", "12345", "secret", "a.example")
    )
