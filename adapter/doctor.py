"""Checks of what Raiway needs before it can work: each is a line, ok or not, with what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from adapter import config, definitions, sites
from adapter.config import Settings, SiteSettings
from adapter.errors import ConfigurationError, RaiwayError, Unreachable
from adapter.models import FACT_TABLES
from adapter.pull.plan import Wish
from adapter.pull.reach import Found, reached
from adapter.pull.run import planned
from adapter.report.evaluation import measures
from adapter.store import open_store
from adapter.store.connect import Database
from adapter.store.schema import is_empty, schema_version
from adapter.tables import counted

LIBRARIES = (
    "pyarrow",
    "adbc-driver-manager",
    "sqlalchemy",
    "fhirpathpy",
    "fhir.resources",
    "httpx2",
    "joserfc",
    "numpy",
    "scipy",
)
LOW_DISK = 200_000_000


NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what was found, what to do about it, and the exit code if it failed.

    One that is ok and has a hint is a warning.
    """

    name: str
    found: str
    ok: bool = True
    hint: str = ""
    exit_code: int = 0

    @property
    def state(self) -> str:
        """ok, warn, FAIL, or - where nothing could be checked."""
        if self.found == NOT_CHECKED:
            return "-"
        return ("warn" if self.hint else "ok") if self.ok else "FAIL"


def checks(
    config_file: Path | None, store_url: str | None, *, offline: bool = False
) -> list[Check]:
    """Every check; one that fails does not stop the others. Configuration comes before mappings,
    mappings before the store, the store before the sites' servers (not asked when offline)."""
    settings, first = _settings(config_file)
    url = store_url or (settings.store.url if first.ok else "")
    return [
        first,
        *(_checked("mappings", lambda: _mappings(settings)) if first.ok else _not("mappings")),
        *(_checked("store", lambda: _store(url)) if url else _not("store")),
        *(_checked("disk", lambda: _disk(url)) if url else _not("disk")),
        *(_pulls(settings, offline=offline) if first.ok else ()),
        Check("python", f"{platform.python_version()} on {platform.system()}"),
        Check("raiway", f"{_version('raiway')}; {', '.join(map(_named, LIBRARIES))}"),
    ]


def _settings(file: Path | None) -> tuple[Settings, Check]:
    """The settings, or the built-in ones with a failed check."""
    named = str(file or config.DEFAULT_FILE)
    try:
        settings = config.load(file)
    except RaiwayError as error:
        return Settings.model_construct(), _failed("config", error)
    there = (file or config.DEFAULT_FILE).exists()
    sites = f", {counted(len(settings.sites), 'site')}" if settings.sites else ""
    return settings, Check("config", f"{named}{sites}" if there else f"no {named}: defaults")


def _checked(name: str, found: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(found())
    except RaiwayError as error:
        return [_failed(name, error)]


def _not(name: str) -> list[Check]:
    """What depends on a configuration that is broken."""
    return [Check(name, NOT_CHECKED, ok=False)]


def _failed(name: str, error: RaiwayError) -> Check:
    return Check(name, str(error), ok=False, hint=error.hint, exit_code=error.exit_code)


def _mappings(settings: Settings) -> Iterator[Check]:
    profiles = [sites.profile(site.name, site.profile) for site in settings.sites]
    maps = set()
    for site, profile in zip(settings.sites, profiles, strict=True):
        sites.definitions_of(profile, site.concept_maps)
        maps |= {*profile.concept_maps, *site.concept_maps}
    found = definitions.load()
    study = found.study(settings.analysis.study)
    views = sum(len(of_type) for of_type in found.views.values())
    yield Check(
        "mappings",
        f"{views} views, {len(found.terminology.value_sets)} value sets, "
        f"{len(found.units)} unit tables, {len(maps)} maps of sites",
    )
    yield Check("profiles", ", ".join(sorted(sites.shipped())))
    yield Check("study", f"{study.id} {study.version}, hash {study.fingerprint[:12]}")
    yield Check("measures", ", ".join(sorted(measures(settings.report.base))))


def _store(url: str) -> Iterator[Check]:
    database = Database(url)
    if not database.there():
        yield Check("store", f"{database}: none yet, raiway ingest will create it")
        return
    if is_empty(database):
        yield Check("store", f"{database}: no tables yet; raiway ingest will make them")
        return
    with open_store(url, create=False) as store:
        counts = store.counts()
        sites = [site.site for site in store.sites()]
        facts = sum(counts[str(table.__tablename__)] for table in FACT_TABLES)
        yield Check(
            "store",
            f"{store}, schema {schema_version()}, {counted(len(sites), 'site')}, "
            f"{counts['patient']} patients, {facts} facts",
        )
        if counts["quarantine"]:
            yield Check(
                "quarantine", f"{counts['quarantine']} lines wait for raiway ingest --replay"
            )
        if runs := store.unfinished_runs():
            named = ", ".join(sorted({run.site for run in runs}))
            yield Check(
                "ingests",
                f"{len(runs)} never ended, or still run: site {named}",
                hint="ingest the same paths again; what is loaded already stays",
            )


def _pulls(settings: Settings, *, offline: bool) -> Iterator[Check]:
    """Each site's settings and server, all at once; none where no site has a server."""
    named = [site for site in settings.sites if site.base_url and site.mode != "files"]
    if not named:
        return
    answers = [[]] * len(named) if offline else asyncio.run(_reached(named))
    ready = 0
    for site, answer in zip(named, answers, strict=True):
        found = [*map(partial(_server, site), answer), _plan(settings, site)]
        ready += all(check.ok for check in found)
        yield from found
    if not offline:
        told = f"{ready} of {len(named)} ready to pull from"
        yield Check("sites", told, ok=ready == len(named), exit_code=Unreachable.exit_code)


def _server(site: SiteSettings, found: Found) -> Check:
    code = found.error.exit_code if found.error is not None else 0
    name = f"site {site.name} {found.part}".rstrip()
    return Check(name, found.what, ok=found.error is None, hint=found.hint, exit_code=code)


def _plan(settings: Settings, site: SiteSettings) -> Check:
    """What a pull of the site would ask for, keep, and write to; nothing is asked or written."""
    name = f"site {site.name} pull"
    try:
        _check_writable(settings.landing.folder / site.name)
        found = planned(settings.landing, site, Wish())
    except RaiwayError as error:
        return _failed(name, error)
    plan = found.plan
    told = f"{plan.mode}, {len(plan.types)} types, privacy {site.privacy.mode}, into {found.path}"
    return Check(name, told)


def _check_writable(path: Path) -> None:
    """Raises ConfigurationError where nothing can be written below the path, there or to be made.

    A folder that may not be entered looks as if nothing were in it.
    """
    there = next(each for each in (path, *path.absolute().parents) if os.access(each, os.F_OK))
    if not (there.is_dir() and os.access(there, os.R_OK | os.W_OK | os.X_OK)):
        raise ConfigurationError(
            "the landing folder cannot be written",
            where=str(there),
            hint="[landing] folder: name one that may be written",
        )


async def _reached(sites: Sequence[SiteSettings]) -> list[list[Found]]:
    return await asyncio.gather(*(reached(site) for site in sites))


def _disk(url: str) -> Iterator[Check]:
    path = Database(url).path
    folder = path.parent if path is not None and path.parent.is_dir() else Path()
    free = shutil.disk_usage(folder).free
    enough = free > LOW_DISK
    yield Check(
        "disk",
        f"{free / 1e9:.1f} GB free",
        ok=enough,
        hint="" if enough else "the store cannot grow; free some space",
        exit_code=0 if enough else 4,
    )


def _named(library: str) -> str:
    return f"{library} {_version(library)}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
