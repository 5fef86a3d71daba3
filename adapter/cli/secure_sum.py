"""`raiway secure-sum`: the steps of a secure sum (experimental)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output, as_json
from adapter.errors import UsageError
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.pooling.secure.keys import OwnKeys
    from adapter.pooling.secure.messages import Directory
    from adapter.pooling.secure.sending import Peer

DAYS = 14
"""How long a round takes shares, if nothing else is said."""


class Step(StrEnum):
    """Who does what: everybody, registry, site, registry, registry, auditor."""

    KEYS = "keys"
    ANNOUNCE = "announce"
    SHARE = "share"
    OPEN = "open"
    REPORT = "report"
    AUDIT = "audit"


@dataclass(frozen=True, kw_only=True)
class SecureSumOptions(CommonOptions):
    """The options of `raiway secure-sum`."""

    step: Annotated[
        Step,
        typer.Argument(
            metavar="STEP",
            help="keys: make private keys. announce: begin a round. share: send a site's shares. "
            "open: add them up. report: the result. audit: recheck a round.",
        ),
    ]
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="keys: to be written. share: the MeasureReport."),
    ] = None
    name: Annotated[str, typer.Option("--round", metavar="NAME", help="The round.")] = ""
    registry: Annotated[str, typer.Option("--registry", metavar="URL", help="Its origin.")] = ""
    trustee: Annotated[str, typer.Option("--trustee", metavar="URL", help="Its origin.")] = ""
    directory: Annotated[
        Path | None, typer.Option("--directory", metavar="FILE", help="Everybody's public keys.")
    ] = None
    keys: Annotated[
        str, typer.Option("--keys", metavar="FILE", help="Your own keys, or env:NAME.")
    ] = ""
    server: Annotated[
        bool, typer.Option("--server", help="keys: of a registry or trustee, not of a site.")
    ] = False
    measure: Annotated[
        str, typer.Option("--measure", metavar="ID", help="announce: what is counted.")
    ] = "time-to-progression"
    start: Annotated[
        str, typer.Option("--period-start", metavar="DATE", help="announce: the first day.")
    ] = ""
    end: Annotated[
        str, typer.Option("--period-end", metavar="DATE", help="announce: the last day.")
    ] = ""
    closes: Annotated[
        str,
        typer.Option(
            "--closes",
            metavar="INSTANT",
            help=f"announce: until when shares are taken (default: {DAYS} days from now).",
        ),
    ] = ""
    categories: Annotated[
        list[str],
        typer.Option(
            "--category",
            metavar="FIGURE=A,B",
            help="announce: the categories of a figure that the Measure leaves open; repeatable.",
        ),
    ] = field(default_factory=list)
    stratify: Annotated[
        list[str],
        typer.Option("--stratify", metavar="CODE", help="announce: only `driver` can be had."),
    ] = field(default_factory=list)
    revision: Annotated[
        int, typer.Option("--revision", min=1, help="share: higher for a corrected report.")
    ] = 1
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the result there.")
    ] = None

    def path(self, name: str) -> Path:
        """The file that this option names. Raises UsageError where it is not given."""
        self.need(name)
        found: Path = getattr(self, name)
        return found

    def need(self, *names: str) -> None:
        """Raise UsageError for the first of these options that is not given."""
        flags = {"name": "--round", "start": "--period-start", "end": "--period-end"}
        for name in names:
            if not getattr(self, name):
                flag = "FILE" if name == "file" else flags.get(name, f"--{name}")
                raise UsageError(f"secure-sum {self.step} needs {flag}")


def run(options: SecureSumOptions, output: Output) -> int:
    """EXPERIMENTAL. Add up sites' exact tables so that nobody sees a site's (docs/secure-sum.md).

    Each table is split into two random shares, one for the registry and one for an independent
    trustee: two `raiway serve` with [server.secure_sum]. Only the sum over enough sites is opened.
    It protects as long as the two do not work together; it has not been reviewed from outside.

    Exit code 2: an option or a key is missing; 3: a step is refused, and why; 4: a server is out
    of reach, or does not let us in.

    Example: raiway secure-sum share site-A.json --round 2026-q1 --keys site-A.keys
    --directory keys.json --registry https://registry.example --trustee https://trustee.example
    """
    from adapter import config

    return STEPS[options.step](options, output, config.load(options.config))


def _keys(options: SecureSumOptions, output: Output, _: Settings) -> int:
    from adapter.pooling.secure.keys import new_keys, own_keys, public_keys, write_private

    file, made = options.path("file"), new_keys(server=options.server)
    write_private(file, made)
    output.json(public_keys(own_keys(json.dumps(made), str(file))))
    output.note(f"written: {file} (private: keep it, send it to nobody)")
    output.note("next: give what is printed to everybody, for their directory of keys")
    return 0


def _announce(options: SecureSumOptions, output: Output, settings: Settings) -> int:
    from datetime import UTC, datetime, timedelta

    from adapter import definitions
    from adapter.pooling.secure import plan, round  # noqa: A004  # the protocol's word
    from adapter.pooling.secure.registry import refuse_by_site

    options.need("name", "start", "end", "registry", "trustee", "directory", "keys")
    if set(options.stratify) - {"driver"}:
        refuse_by_site(", ".join(options.stratify))
    own, directory = _own(options)
    grid = definitions.load().policy(plan.POLICY).grid_days
    ours = plan.plan(options.measure, grid, _categories(options.categories), settings)
    closes = options.closes or (datetime.now(UTC) + timedelta(days=DAYS)).isoformat(
        timespec="seconds"
    )
    asked = round.Asked(options.name, options.start, options.end, closes, plan.policy_version())
    found = round.announcement(asked, ours.layout, directory)
    token = round.announced(found, own.signing)
    for peer in _peers(options, settings):
        peer.ask("PUT", options.name, "", token)
    output.note(f"round {found.round} is announced; shares are taken until {closes}")
    if options.as_json:
        output.json({"round": found.round, "sha256": found.sha256, "columns": found.columns})
    return 0


def _share(options: SecureSumOptions, output: Output, settings: Settings) -> int:
    from adapter.pooling.files import read_reports
    from adapter.pooling.secure.site import Site, keep, kept_beside, kept_messages

    options.need("file", "name", "registry", "trustee", "directory", "keys")
    file = options.path("file")
    own, directory = _own(options)
    site = Site(own, directory, *_peers(options, settings), settings)
    beside = kept_beside(file, options.name, options.revision)
    if beside.exists():
        sent = kept_messages(beside)
        output.note(f"the same shares as before are sent: {beside}")
    else:
        (report,) = read_reports([file])[:1]
        sent = site.split(report, site.announced(options.name), options.revision)
        keep(beside, sent)
        output.note(f"written: {beside} (private: it is your table)")
    entries = site.send(options.name, sent)
    output.note(f"{site.name}: both servers have their share")
    if options.as_json:
        output.json({"site": site.name, "receipts": entries})
    return 0


def _open(options: SecureSumOptions, output: Output, settings: Settings) -> int:
    from adapter.pooling.secure.courier import open_round, sites_of

    options.need("name", "registry", "trustee")
    registry, trustee = _peers(options, settings)
    for told in open_round(options.name, registry, trustee):
        output.note(told)
    sites, left_out = sites_of(registry.ask("GET", options.name))
    output.note(f"opened over {len(sites)} sites; next: raiway secure-sum report")
    if left_out:
        output.warn(f"left out, as a share is missing or differs: {', '.join(left_out)}")
    if options.as_json:
        output.json({"round": options.name, "sites": sites, "left_out": left_out})
    return 0


def _report(options: SecureSumOptions, output: Output, settings: Settings) -> int:
    options.need("name", "registry")
    if options.out:
        check_writable(options.out)
    registry, _ = _peers(options, settings)
    report = registry.ask("GET", options.name, "report")
    if options.out:
        write_atomically(options.out, as_json(report))
        output.note(f"written: {options.out}")
    else:
        output.json(report)
    return 0


def _audit(options: SecureSumOptions, output: Output, settings: Settings) -> int:
    from adapter.errors import GateFailed
    from adapter.pooling.secure.audit import audited
    from adapter.pooling.secure.keys import read_directory
    from adapter.pooling.secure.plan import opening_rules

    options.need("name", "registry", "trustee", "directory")
    directory = read_directory(options.path("directory"))
    shown = [peer.ask("GET", options.name) for peer in _peers(options, settings)]
    found = audited(shown[0], shown[1], directory, opening_rules())
    if options.as_json:
        output.json({"round": options.name, "problems": found, "transcripts": shown})
    if found:
        raise GateFailed("; ".join(found), where=f"round {options.name}")
    output.note(f"round {options.name}: signatures, lists and both logs hold")
    return 0


def _own(options: SecureSumOptions) -> tuple[OwnKeys, Directory]:
    from adapter.pooling.secure.keys import own_keys, read_directory
    from adapter.pull.auth.credentials import secret

    own = own_keys(secret("--keys", options.keys), "--keys")
    return own, read_directory(options.path("directory"))


def _peers(options: SecureSumOptions, settings: Settings) -> tuple[Peer, Peer]:
    from adapter.pooling.secure.sending import Peer

    return Peer(options.registry, settings.registry), Peer(options.trustee, settings.registry)


def _categories(stated: list[str]) -> dict[str, Any]:
    found = {}
    for each in stated:
        figure, equals, values = each.rpartition("=")
        if not equals or not figure:
            raise UsageError(
                f"--category {each}: say FIGURE=A,B", hint="e.g. 'sex_n:{category}=female,male'"
            )
        found[figure] = [value for value in values.split(",") if value]
    return found


STEPS = {
    Step.KEYS: _keys,
    Step.ANNOUNCE: _announce,
    Step.SHARE: _share,
    Step.OPEN: _open,
    Step.REPORT: _report,
    Step.AUDIT: _audit,
}
COMMAND = Command("secure-sum", SecureSumOptions, run)
