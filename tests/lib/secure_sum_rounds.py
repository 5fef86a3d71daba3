"""A round of a secure sum between a test's sites, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from adapter.pooling.secure import share
from adapter.pooling.secure.party import Party, receive
from adapter.pooling.secure.refusal import RULES as NAMES
from adapter.pooling.secure.refusal import SecureSumRefused
from tests.lib.pooling import DRIVERS, Row
from tests.lib.secure_sum import (
    AT,
    Network,
)

SITE = "Organization/site-0"
PATIENTS = [
    Row(driver, 20 * n + 1, event=n % 2 == 0) for n, driver in enumerate((*DRIVERS, *DRIVERS))
]


def seed(network: Network) -> bytes:
    return secrets.token_bytes(share.random_bytes(network.layout))


class Round:
    """A round of a network in which the first `sending` sites have sent eight patients each."""

    def __init__(self, sites: int = 5, sending: int | None = None, patients: int = 8) -> None:
        self.network = Network(sites)
        self.announced = self.network.announced()
        self.servers = self.network.servers(self.announced)
        self.sent: dict[str, share.Sent] = {}
        for site in list(self.network.sites)[: sites if sending is None else sending]:
            self.send(site, PATIENTS[:patients])

    def message(self, site: str, patients: list[Row], revision: int = 1) -> share.Sent:
        network = self.network
        return network.sent(site, network.table(patients), self.announced, seed(network), revision)

    def send(self, site: str, patients: list[Row], revision: int = 1) -> None:
        self.sent[site] = self.message(site, patients, revision)
        self.servers = self.network.given(self.servers, self.sent[site])

    def receive(self, role: str, token: str) -> Party:
        return receive(self.servers[role], token, self.network.keys(role).sealing, AT)

    def refused(self, rule: str, doing: Callable[[], object]) -> SecureSumRefused:
        with pytest.raises(SecureSumRefused) as found:
            doing()
        assert found.value.rule == rule
        assert rule in NAMES
        return found.value
