"""Rounds of a secure sum between keys that a test makes: sites, registry and trustee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from joserfc.jwk import OKPKey

from adapter.measures.definition import MeasureDefinition
from adapter.pooling.pool import PooledTable
from adapter.pooling.secure import registry, share, trustee
from adapter.pooling.secure import round as rounds
from adapter.pooling.secure.messages import (
    Directory,
    ServerKeys,
    new_sealing_key,
    new_signing_key,
)
from adapter.pooling.secure.party import Party, agree, begin, receive, sign_list
from adapter.pooling.secure.table_vector import Layout, layout, open_categories, vector
from adapter.pooling.secure.trustee import Opening, Rules
from adapter.pooling.site_report import site_report
from analytics.secure_sum import Vector
from analytics.study import Study
from tests.lib.pooling import Row, site_reports
from tests.lib.reports import HEAD, measures, reference_study

AT = "2026-01-10T12:00:00+00:00"
CLOSES = "2026-01-20T00:00:00+00:00"
AFTER = "2026-01-21T12:00:00+00:00"
TTP = "time-to-progression"
WHOLE = "redifferentiation-outcomes"
RULES = Rules(5, 0.5, 3, 90)
ANY = Rules(0, 1.0, 0, 0)
"""Rules under which any list may be opened."""


def categories(measure: MeasureDefinition, study: Study) -> dict[str, tuple[str, ...]]:
    """All that the rows of a test can have, of what the Measure leaves open."""
    known: dict[str, tuple[str, ...]] = {
        "sex_n:{category}": ("female", "male", "unknown"),
        "race_{category}_n": (*study.race_labels.values(), "other"),
        "ethnicity_{category}_n": (*study.ethnicity_labels.values(), "other"),
        "histology_n:{category}": ("PTC", "FTC", "PDTC"),
        "regimen_n:{category}": ("BRAFi", "BRAFi+MEKi", "MEKi"),
    }
    return {name: known[name] for name in open_categories(measure)}


@dataclass(frozen=True)
class Server:
    """The private keys of registry or trustee."""

    signing: OKPKey
    sealing: OKPKey

    @property
    def public(self) -> ServerKeys:
        return ServerKeys(_public(self.signing), _public(self.sealing))


def _public(key: OKPKey) -> OKPKey:
    return OKPKey.import_key({**key.as_dict(private=False)})


def server() -> Server:
    return Server(new_signing_key(), new_sealing_key())


class Network:
    """Sites, registry and trustee who know each other's public keys; one Measure and study."""

    def __init__(self, sites: int, measure: str = TTP, **overrides: Any) -> None:
        self.registry, self.trustee = server(), server()
        self.sites = {f"Organization/site-{n}": new_signing_key() for n in range(sites)}
        public = {name: _public(key) for name, key in self.sites.items()}
        self.directory = Directory(self.registry.public, self.trustee.public, public)
        self.measure = measures()[measure]
        self.study = reference_study(**{"grid_days": 24, **overrides})
        self.layout: Layout = layout(self.measure, self.study, categories(self.measure, self.study))

    def announced(self, name: str = "2026-q1", **asked: str) -> rounds.Announcement:
        """A round as sites and servers take it, from the registry's signed message."""
        head = HEAD
        wanted = {
            "start": head.period_start.isoformat(),
            "end": head.period_end.isoformat(),
            "closes": CLOSES,
            "policy": "secure-sum|1",
        } | asked
        found = rounds.announcement(rounds.Asked(name, **wanted), self.layout, self.directory)
        token = rounds.announced(found, self.registry.signing)
        return rounds.read_announcement(token, self.directory)

    def table(self, patients: Sequence[Row]) -> Vector:
        """A site's table, from its report."""
        report = site_report(site_reports(self.measure.id, [patients], self.study)[0], self.measure)
        return vector(report, self.layout)

    def sent(
        self,
        site: str,
        table: Vector,
        announced: rounds.Announcement,
        seed: bytes,
        revision: int = 1,
    ) -> share.Sent:
        """A site's two messages; seed: its random bytes."""
        sender = share.Sender(site, self.sites[site], revision)
        return share.shares(table, self.layout, announced, sender, seed)

    def servers(self, announced: rounds.Announcement) -> dict[str, Party]:
        """Both servers at the beginning of a round."""
        roles: tuple[share.Role, ...] = ("registry", "trustee")
        return {role: begin(role, announced, self.directory, AT) for role in roles}

    def keys(self, role: str) -> Server:
        return self.registry if role == "registry" else self.trustee

    def given(self, servers: Mapping[str, Party], sent: share.Sent) -> dict[str, Party]:
        """Both servers once they have a site's shares."""
        return {
            role: receive(party, getattr(sent, role), self.keys(role).sealing, AT)
            for role, party in servers.items()
        }

    def agreed(self, servers: Mapping[str, Party], at: str = AFTER) -> dict[str, Party]:
        """Both servers once they have exchanged their lists."""
        listed = {
            role: sign_list(party, self.keys(role).signing, at) for role, party in servers.items()
        }
        return {
            "registry": agree(listed["registry"], listed["trustee"].listing, at),
            "trustee": agree(listed["trustee"], listed["registry"].listing, at),
        }

    def opened(
        self,
        servers: Mapping[str, Party],
        by: Rules = ANY,
        earlier: Sequence[Opening] = (),
        at: str = AFTER,
    ) -> tuple[dict[str, Party], Vector, Opening]:
        """Steps 6 to 9."""
        keeper, opening = trustee.open_sum(
            servers["trustee"], by, earlier, self.trustee.signing, at
        )
        own = registry.Secrets(self.registry.signing, self.registry.sealing, bytes(32))
        adder, total = registry.add(servers["registry"], keeper.opening, self.layout, own, at)
        keeper = trustee.acknowledge(keeper, adder.receipt, at)
        return {"registry": adder, "trustee": keeper}, total, opening

    def pooled(self, servers: Mapping[str, Party], total: Vector) -> PooledTable:
        return registry.table(servers["registry"], total, self.layout, self.measure, self.study)


def earlier(day: date, sites: Sequence[str], name: str = "old", **other: str) -> Opening:
    """An opening of another period of the same measure."""
    of = {"measure": "m", "start": "2025-01-01", "end": "2025-03-31"} | other
    return Opening(name, of["measure"], of["start"], of["end"], frozenset(sites), day)
