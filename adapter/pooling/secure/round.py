"""Step 1: what the registry announces of a round, and its canonical hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from joserfc.jwk import OKPKey
from pydantic import TypeAdapter, ValidationError

from adapter.elements import Json
from adapter.pooling.secure.messages import Directory, canonical, digest, public, signed, verified
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.table_vector import Layout

KIND = "announcement"
ROUND = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
"""Names of rounds: they are parts of paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One round. measure: its canonical with version. start, end: ISO dates of the period. closes:
    the ISO instant, with its offset, until which shares are taken.

    levels: the patterns; categories: the values of each figure that the Measure leaves open.
    layout: the hash of all columns in their order. policy: id|version. keys: what the shares are
    sealed for, as JWK.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    round: str
    measure: str
    start: str
    end: str
    closes: str
    study_sha256: str
    grid_days: int
    horizon_days: int
    ties: str
    levels: list[str]
    categories: dict[str, list[str]]
    columns: int
    layout: str
    policy: str
    registry_key: dict[str, str]
    trustee_key: dict[str, str]

    @property
    def sha256(self) -> str:
        """The hash of its canonical form: every later message names it."""
        return digest(canonical(asdict(self)))

    @property
    def measure_url(self) -> str:
        """The Measure without its version: another version of it counts the same patients."""
        return self.measure.partition("|")[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a registry asks for: its name for the round, the period (ISO dates), until when shares
    are taken (an ISO instant with its offset), and the policy."""

    round: str
    start: str
    end: str
    closes: str
    policy: str


def announcement(asked: Asked, layout: Layout, directory: Directory) -> Announcement:
    """The announcement of a round for tables of this layout.

    Raises SecureSumRefused for a name, period or instant that is none.
    """
    head = layout.head
    found = Announcement(
        round=asked.round,
        start=asked.start,
        end=asked.end,
        closes=asked.closes,
        policy=asked.policy,
        measure=head.measure,
        study_sha256=head.study_sha256,
        grid_days=head.grid_days,
        horizon_days=head.horizon_days,
        ties=head.ties,
        levels=list(layout.levels),
        categories=_listed(layout.categories),
        columns=len(layout.columns),
        layout=layout.sha256,
        registry_key=public(directory.registry.sealing),
        trustee_key=public(directory.trustee.sealing),
    )
    _check_times(found)
    return found


def _check_times(found: Announcement) -> None:
    try:
        days = date.fromisoformat(found.start), date.fromisoformat(found.end)
        closes = datetime.fromisoformat(found.closes)
    except ValueError as error:
        raise SecureSumRefused("form", "its period or its end is no date") from error
    if days[0] > days[1] or closes.tzinfo is None or not ROUND.fullmatch(found.round):
        raise SecureSumRefused("form", "its name, period or end is none")


def _listed(categories: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {criteria: list(values) for criteria, values in categories.items()}


def announced(found: Announcement, key: OKPKey) -> str:
    """The announcement, signed by the registry."""
    return signed(KIND, asdict(found), key)


def read_announcement(token: str, directory: Directory) -> Announcement:
    """The announcement, as sites and trustee take it.

    Raises SecureSumRefused where it is not the registry's, or names keys that are not registered:
    a registry that could announce a trustee's key of its own would see every table.
    """
    found = _parsed(verified(KIND, token, directory.registry.signing))
    keys = (found.registry_key, found.trustee_key)
    if keys != (public(directory.registry.sealing), public(directory.trustee.sealing)):
        raise SecureSumRefused("key", "it announces other keys than those registered")
    return found


def _parsed(content: Json) -> Announcement:
    try:
        found = TypeAdapter(Announcement).validate_json(canonical(content))
    except ValidationError as error:
        raise SecureSumRefused("form", "it is no announcement of a round") from error
    _check_times(found)
    return found


def check_layout(found: Announcement, layout: Layout) -> None:
    """Raises SecureSumRefused where a layout is not the announced one."""
    if (found.layout, found.columns) != (layout.sha256, len(layout.columns)):
        raise SecureSumRefused("layout", "the table is not on the announced columns")
