"""`raiway submit`: the report in a file, to the registry, with a receipt beside it.

Asking twice is asking once: the same bytes are the same release until something newer is signed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapter.config import Settings
from adapter.errors import UsageError
from adapter.files import write_atomically
from adapter.pull.auth.credentials import secret
from adapter.pull.auth.keys import SigningKey, signing_key
from adapter.submit.record import Entry, Record, keep_record, read_record
from adapter.submit.report import Outgoing
from adapter.submit.sending import Answered, NotLetIn, Refused, headers_of, send, url_of
from adapter.submit.signing import SOFTWARE, next_claims, signed_entry
from adapter.trust.provenance import claimed_provenance, header_value, token_of
from adapter.trust.release import Claims, opened

PROVENANCE, RECEIPT = ".provenance.json", ".receipt.json"
"""What lies beside a report, after its whole name."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One report on its way. base: the registry's FHIR base."""

    settings: Settings
    base: str
    report: Outgoing

    def shown(self, now: datetime | None = None) -> dict[str, Any]:
        """Exactly what would leave, but for the signature and the token, which are made then.

        Nothing is sent or written.
        """
        entry = self._again(self._record)
        claims = next_claims(self.report, self.base, self._record, now or datetime.now(UTC))
        return {
            "method": "PUT",
            "url": url_of(self.base, self.report),
            "headers": headers_of(entry.provenance if entry else self._unsigned(claims)),
            "claims": None if entry else asdict(claims),
            "again": entry is not None,
            "sha256": self.report.digest,
            "body": self.report.content.decode("utf-8", "replace"),
        }

    def submit(self, now: datetime | None = None) -> dict[str, Any]:
        """Sign the report unless it was signed already, send it, and keep what came back.

        The receipt, as it lies beside the report. Raises Refused, Unreachable, ConfigurationError
        and UsageError.
        """
        entry = self._again(self._record)
        if entry is None:
            claims = next_claims(self.report, self.base, self._record, now or datetime.now(UTC))
            entry = signed_entry(self.report, claims, self._key)
            keep_record(self._record.added(entry), self._file)
        try:
            answer = send(self.settings.registry.connection(self.base), self.report, entry)
        except (Refused, NotLetIn):
            if entry.state == "sent":
                keep_record(self._record.without(entry), self._file)
            raise
        keep_record(self._record.taken(entry), self._file)
        write_atomically(beside(self.report.file, PROVENANCE), entry.provenance + "\n")
        receipt = _receipt(answer, entry)
        text = json.dumps(receipt, indent=2, ensure_ascii=False) + "\n"
        write_atomically(beside(self.report.file, RECEIPT), text)
        return receipt

    def _unsigned(self, claims: Claims) -> str:
        report = self.report
        return header_value(claimed_provenance(report.report, report.measure, SOFTWARE, claims))

    @property
    def _file(self) -> Path:
        return self.settings.registry.releases

    @property
    def _record(self) -> Record:
        return read_record(self._file)

    @property
    def _key(self) -> SigningKey:
        registry = self.settings.registry
        if registry.signing_key:
            return signing_key(secret("signing_key", registry.signing_key))
        return signing_key(secret("private_key", registry.private_key), kid=registry.kid)

    def _again(self, record: Record) -> Entry | None:
        """The release that these bytes are already; one of a key since changed is signed anew."""
        report = self.report
        found = record.again(self.base, report.site, report.key, report.digest)
        if found is None or found.state == "sent":
            return found
        release = opened(token_of(found.provenance), report.content)
        return found if release.kid == self._key.kid else None


def base_of(stated: str, settings: Settings) -> str:
    """The registry's FHIR base: as stated, else that of the settings. Raises UsageError."""
    found = (stated or settings.registry.url).rstrip("/")
    if not found:
        raise UsageError("to which registry?", hint="--to URL, or url in [registry] of raiway.toml")
    return found


def beside(file: Path, suffix: str) -> Path:
    """The file that lies beside a report."""
    return file.with_name(file.name + suffix)


def _receipt(answer: Answered, entry: Entry) -> dict[str, Any]:
    return {
        "registry": entry.audience,
        "report": answer.url,
        "status": answer.status,
        "etag": answer.etag,
        "release": {
            "number": entry.number,
            "revision": entry.revision,
            "hash": entry.hash,
            "sha256": entry.content,
        },
        "outcome": answer.outcome,
    }
