"""A registry with its keys' file, and sites that sign for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapter.pooling.site_report import reporter_key
from adapter.pull.auth.keys import SigningKey, new_key
from adapter.trust.provenance import header_value, signed_provenance
from adapter.trust.release import Claims, Release, report_key, sign
from tests.lib.reports import measures

Json = dict[str, Any]
AUDIENCE = "http://127.0.0.1:8000/fhir"
TTP = "time-to-progression"
SOFTWARE = "raiway test"


def bytes_of(report: Json) -> bytes:
    """As a file holds it."""
    return json.dumps(report, indent=2).encode() + b"\n"


@dataclass
class Signer:
    """One site's key and its chain, which it may also break."""

    key: SigningKey = field(default_factory=lambda: new_key("ES384"))
    releases: list[Release] = field(default_factory=list)

    def claims(self, report: Json, /, **other: Any) -> Claims:
        """The next in the chain, but for what is stated otherwise."""
        key = report_key(report)
        revisions = [each.claims.revision for each in self.releases if each.claims.report == key]
        last = self.releases[-1] if self.releases else None
        stated = {
            "site": reporter_key(report["reporter"]),
            "audience": AUDIENCE,
            "report": key,
            "number": last.claims.number + 1 if last else 1,
            "previous": last.hash if last else "",
            "revision": max(revisions, default=0) + 1,
            "signed": int(datetime.now(UTC).timestamp()),
        }
        return Claims(**{**stated, **other})

    def signed(self, report: Json, /, **other: Any) -> Release:
        """The next release."""
        release = sign(bytes_of(report), self.claims(report, **other), self.key)
        self.releases.append(release)
        return release

    def header(self, report: Json, /, **other: Any) -> str:
        """The X-Provenance of the next release."""
        return provenance_of(report, self.signed(report, **other))


def provenance_of(report: Json, release: Release) -> str:
    """The X-Provenance that carries the release."""
    return header_value(signed_provenance(report, measures()[TTP], SOFTWARE, release))


def keys_file(folder: Path, owners: dict[str, SigningKey], **stated: str) -> Path:
    """The registry's file of keys. stated: more lines of each entry, as TOML."""
    lines = []
    for place, (reporter, key) in enumerate(owners.items()):
        name = f"key-{place}.jwks.json"
        (folder / name).write_text(json.dumps({"keys": [key.public]}), encoding="utf-8")
        lines += ["[[keys]]", f'reporter = "{reporter}"', f'jwks = "{name}"']
        lines += [f"{key} = {value}" for key, value in stated.items()]
    file = folder / "trust.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
