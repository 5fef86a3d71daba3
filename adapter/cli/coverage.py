"""`raiway coverage`: codes, units and values that nothing maps, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.inputs import PATHS_HELP, given
from adapter.cli.options import SiteMaps, SiteProfileName, StoreUrl
from adapter.cli.output import Output, as_json
from adapter.cli.progress import progress
from adapter.cli.tables import counted
from adapter.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.coverage.findings import Evidence
    from adapter.coverage.report import Coverage, Score
    from adapter.coverage.suggest import Suggester
    from adapter.coverage.watch import Watch
    from adapter.mapping.resource import Mapper

FILES = "files"
"""The site of files for which none is named."""


@dataclass(frozen=True, kw_only=True)
class CoverageOptions(CommonOptions):
    """The options of `raiway coverage`."""

    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[PATH]...",
            help=f"To look into, instead of the store: {PATHS_HELP}",
        ),
    ] = field(default_factory=list)
    site: Annotated[
        str | None, typer.Option("--site", metavar="ID", help="Only this site (default: all).")
    ] = None
    store: StoreUrl = None
    maps: SiteMaps = field(default_factory=list)
    profile: SiteProfileName = ""
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            metavar="PERCENT",
            min=0,
            max=100,
            help="Exit with 3 where less of the relevant records is mapped.",
        ),
    ] = None
    suggest: Annotated[
        Path | None,
        typer.Option(
            "--suggest", metavar="FILE", help="Write the suggestions as a ConceptMap to review."
        ),
    ] = None
    every: Annotated[
        bool, typer.Option("--all", help="With PATHs: also list the codes that nothing uses.")
    ] = False


def run(options: CoverageOptions, output: Output) -> int:
    """List codes, units and values that nothing maps, by patients affected, with the outcome that
    each blocks and what it may mean.

    Without a PATH the store is read: it knows what its ingests recorded. With PATHs every line of
    the files is parsed and nothing is stored, so that codes of resources which ingest took for
    irrelevant are found by their names too. Coverage is the share of mapped records among the
    relevant ones. Exit code 3: it is below --fail-under.

    Example: raiway coverage export/ --site A --suggest local.json --fail-under 95
    · raiway coverage s3://bucket/export/ --site A
    """
    from adapter import config
    from adapter.coverage import watch as watching
    from adapter.coverage.document import document
    from adapter.coverage.printed import tables
    from adapter.coverage.report import coverage
    from adapter.coverage.suggest import Suggester
    from adapter.runs import site_mapper

    if options.every and not options.paths:
        raise UsageError("--all needs PATHs: the store does not keep what nothing uses")
    settings, watch = config.load(options.config), watching.load()
    site = options.site or FILES
    mapper = site_mapper(settings, site, options.maps, profile=options.profile).mapper
    watching.check(watch, mapper.definitions)
    suggester = Suggester(watch, mapper.definitions)
    if options.paths:
        evidence = _in_files(options, mapper, watch, suggester, output)
    else:
        evidence = _in_store(options, settings, watch)
    found = coverage(evidence, watch, suggester)
    gate = _gate(found.overall, options.fail_under)
    if options.as_json:
        told = {"fail_under": options.fail_under, "passed": gate is None}
        asked = options.fail_under is not None
        output.json({**document(found, watch), **({"gate": told} if asked else {})})
    else:
        output.tables(list(tables(found, watch)))
    _comment(found, options, output)
    if options.suggest:
        _suggest(found, options.suggest, output)
    if gate:
        output.error(f"error: {gate}")
        return GateFailed.exit_code
    return 0


def _in_files(
    options: CoverageOptions, mapper: Mapper, watch: Watch, suggester: Suggester, output: Output
) -> Evidence:
    from adapter.coverage.files import FileEvidence

    reader = FileEvidence(mapper, watch, suggester, every=options.every)
    with given(options.paths, output) as inputs, progress(output) as shown:
        return reader.read(inputs.paths, shown, inputs.name)


def _in_store(options: CoverageOptions, settings: Settings, watch: Watch) -> Evidence:
    from adapter.cohort import check_sites
    from adapter.coverage.stored import evidence_of
    from adapter.store import open_store

    sites = [options.site] if options.site else []
    with open_store(options.store or settings.store.url, create=False) as store:
        check_sites(store, sites)
        return evidence_of(store, watch, sites)


def _gate(overall: Score, least: float | None) -> str | None:
    """What to say where the coverage is too low; None where it is not, or nothing is asked."""
    from adapter.coverage.printed import percent
    from adapter.coverage.report import below

    if least is None or not below(overall, least):
        return None
    if overall.percent is None:
        return f"no relevant record, so coverage cannot be told; asked for {least:g} %"
    return f"coverage is {percent(overall)}, asked for at least {least:g} %"


def _comment(found: Coverage, options: CoverageOptions, output: Output) -> None:
    where = "the files" if options.paths else "the store"
    if found.overall.percent is None:
        output.warn(f"no record in {where} states, or is called like, what an outcome needs")
        return
    if found.entries:
        touched = counted(found.patients_touched, "patient")
        output.note(f"{touched} of {found.patients:,} touched by what nothing maps")
    else:
        output.note(f"nothing relevant is left unmapped in {where}")
    if found.dangling and not options.paths:
        output.note(
            "links to nothing: the target never came, or it states nothing that an outcome needs "
            "(a Medication of another drug); give PATHs to tell them apart"
        )
    if found.entries and not options.suggest:
        output.note("next: raiway coverage … --suggest FILE, review FILE, raiway ingest --map FILE")


def _suggest(found: Coverage, path: Path, output: Output) -> None:
    from adapter.coverage.concept_map import mappable, skeleton

    suggested = [entry for entry in found.entries if mappable(entry)]
    if not suggested:
        output.warn(f"there is nothing to suggest: {path} is not written")
        return
    try:
        path.write_text(as_json(skeleton(suggested)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
    rest = len(found.entries) - len(suggested)
    more = f"; {rest:,} more are to be mapped by hand" if rest else ""
    output.warn(
        f"{path}: {counted(len(suggested), 'suggestion')} that nobody has confirmed{more}. Read "
        "each one, correct or remove it, then raiway ingest … --map FILE"
    )


COMMAND = Command("coverage", CoverageOptions, run)
