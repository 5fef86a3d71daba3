"""Signed reports that came as files: `raiway pool` trusts them as the inbox does.

Beside FILE lies its Provenance with the signature, FILE.provenance.json, as `raiway submit` leaves
it. What was pooled is put on record, so that no older revision is taken for new later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from adapter.api.context import origin
from adapter.api.inbox.key_registry import read_key_registry
from adapter.api.inbox.opening import Opening, open_once
from adapter.api.inbox.releases import Arrival, Rules, admit, links, verified
from adapter.api.operational.database import migrate, operational_engine, writing
from adapter.config import Settings
from adapter.elements import Json
from adapter.errors import GateFailed, UsageError
from adapter.submit.submission import PROVENANCE, beside
from adapter.trust.chain import check_newest
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Release


@dataclass(frozen=True, slots=True)
class Registry:
    """The record of what sites released and what was let out, and the rules of trust."""

    engine: Engine
    rules: Rules

    def trusted(self, files: Sequence[Path]) -> list[Json]:
        """The reports in the files, in their order.

        Raises GateFailed with a reason for each that may not be pooled; nothing is on record then.
        """
        with writing(self.engine) as connection:
            found, reasons = self._admitted(connection, files)
            if reasons:
                raise GateFailed(
                    f"{len(reasons)} of {len(files)} reports may not be pooled: "
                    + "; ".join(reasons),
                    hint="ask the sites for signed reports (raiway submit); --unsigned pools "
                    "without any check, for experiments on one machine",
                )
        return found

    def open_once(self, opening: Opening, report: Json) -> None:
        """Put a pooled report on record before it goes out. Raises GateFailed where it may not."""
        from adapter.api.fhir.failures import FhirFailure

        try:
            open_once(self.engine, opening, report)
        except FhirFailure as failure:
            raise GateFailed(
                f"not let out: {failure.text}",
                hint="what went out before decides what may go out now (docs/pooling.md)",
            ) from failure

    def _admitted(
        self, connection: Connection, files: Sequence[Path]
    ) -> tuple[list[Json], list[str]]:
        reasons: list[str] = []
        admitted: list[tuple[Path, Arrival, Release]] = []
        for file, arrival in self._in_order(files, reasons):
            try:
                release, _ = admit(connection, arrival, self.rules, gaps=True)
                admitted.append((file, arrival, release))
            except NotTrusted as error:
                reasons.append(_reason(file, error))
        for file, _, release in admitted:
            try:
                check_newest(release, links(connection, release.claims.site))
            except NotTrusted as error:
                reasons.append(_reason(file, error))
        by_file = {file: arrival.report for file, arrival, _ in admitted}
        return [by_file[file] for file in files if file in by_file], reasons

    def _in_order(
        self, files: Sequence[Path], reasons: list[str]
    ) -> Iterator[tuple[Path, Arrival]]:
        """The arrivals by their place in the chain; why others are none goes to the reasons."""
        found: list[tuple[Release, Path, Arrival]] = []
        for file in files:
            try:
                arrival = _arrival(file)
                found.append((verified(arrival, self.rules), file, arrival))
            except NotTrusted as error:
                reasons.append(_reason(file, error))
        for _, file, arrival in sorted(found, key=lambda each: each[0].claims.number):
            yield file, arrival


@contextmanager
def registry(settings: Settings) -> Iterator[Registry]:
    """The registry of these settings; its tables are made or brought up.

    Raises ConfigurationError and StoreError.
    """
    base = f"{settings.server.public_url.rstrip('/') or origin(settings.server)}/fhir"
    rules = Rules(read_key_registry(settings.trust.keys), settings.trust.audience or base)
    engine = operational_engine(settings, settings.store.url)
    try:
        migrate(engine)
        yield Registry(engine, rules)
    finally:
        engine.dispose()


def _arrival(file: Path) -> Arrival:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error
    try:
        provenance = beside(file, PROVENANCE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotTrusted("unsigned", f"no {file.name}{PROVENANCE} beside it") from None
    return Arrival(content, provenance, datetime.now(UTC))


def _reason(file: Path, error: NotTrusted) -> str:
    return f"{file.name}: {error.what} [{error.rule}]"
