"""A first raiway.toml, with every setting explained, and the .gitignore that goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adapter.errors import UsageError
from adapter.files import write_atomically

IGNORED = (
    "raiway.toml",
    "raiway.db*",
    "raiway-demo/",
    "landing/",
    "export/",
    "*.ndjson*",
    "report.json",
    "secrets/",
)

TEMPLATE = """\
# Raiway's settings. An environment variable beats this file (RAIWAY_STORE__URL for [store] url),
# a command's own option beats both. Unknown keys are refused. Check with: raiway doctor

[store]
# Where the facts are kept. SQLite needs no set-up. For PostgreSQL:
#   "postgresql+psycopg://user@host/raiway"
# with the password in PGPASSWORD or ~/.pgpass rather than here.
url = "sqlite:///raiway.db"

[analysis]
# The study that is evaluated: a file of mappings/study/.
study = "redifferentiation"

[report]
# Who reports: a reference to an Organization, Practitioner, PractitionerRole or Location.
reporter = "Organization/example-hospital"
# The base of the canonical urls of our Measures, Libraries and extensions.
base = "https://raiway.example/fhir"

# One [[sites]] for each site whose data is loaded.
[[sites]]
# As in: raiway ingest export/ --site A --timezone America/New_York
name = "A"
# The IANA zone in which the site's days begin and end. Without one, days are taken in UTC, with a
# warning where that moves them.
# timezone = "America/New_York"
# FHIR ConceptMaps (JSON files) from the site's own codes to standard ones; paths from this folder.
concept_maps = []
# What the site's server is: epic, oracle or mii; or the path of the site's own file, ending in
# .toml ("": the shipped file named as the site, if there is one). Such a file may hold
# extends = "epic", timezone, concept_maps, tenants, [units] (Tg = "ng/mL": the unit of values that
# come without one) and [molar_mass_kda]; see docs/vendors.md.
profile = ""
"""


def start(file: Path) -> list[str]:
    """Write `file`, and a .gitignore beside it; what the latter ignores now and did not before.

    Raises UsageError where the file exists or cannot be written.
    """
    if file.exists():
        raise UsageError(
            "exists already, and is not overwritten",
            where=str(file),
            hint="move it away first, or write another: raiway init --config FILE",
        )
    write_atomically(file, TEMPLATE)
    return _ignore(file.parent / ".gitignore", dict.fromkeys((*IGNORED, file.name)))


def _ignore(file: Path, patterns: Iterable[str]) -> list[str]:
    try:
        present = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read", where=str(file), hint="check the file") from error
    missing = [pattern for pattern in patterns if pattern not in present.splitlines()]
    if missing:
        gap = "" if not present or present.endswith("\n") else "\n"
        write_atomically(file, present + gap + "\n".join(missing) + "\n")
    return missing
