"""A site's landing folder: one pull at a time, one server, one privacy key, one open run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from adapter.errors import ConfigurationError, LandingError, UsageError
from adapter.pull.landing import folder, state
from adapter.pull.landing.border import Border
from adapter.pull.landing.run_folder import Landing
from adapter.pull.landing.state import RunState, SiteState
from adapter.pull.plan import Plan
from adapter.pull.transport.log import masked

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_ANOTHER = "pull into another folder (--to DIR), and ingest that into a new store"


def held(root: Path, name: str) -> SiteState | None:
    """What is known of a site's earlier pulls into this folder; None before the first.

    Raises UsageError.
    """
    return state.site_state(_checked(root, name) / state.FOLDER)


@contextmanager
def opened(root: Path, plan: Plan, border: Border, now: datetime) -> Iterator[Landing]:
    """The run that fits the plan: the one that was interrupted, else a new one.

    now: with zone; names a new run. Raises UsageError where the folder is of another server or was
    written under another privacy key (ConfigurationError), LandingError where another pull of the
    site is under way or the folder cannot be written.
    """
    path = _checked(root, plan.site)
    with folder.explained(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (path, path / state.FOLDER):
        folder.make_private(each)
    with _alone(path / state.FOLDER, plan.site):
        site = _same_site(path / state.FOLDER, plan, border)
        run = _resumed(path, plan) or _begun(path, plan, border, now)
        with Landing(path / run.instant, run, site, border) as landing:
            yield landing


def _checked(root: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a folder",
            where="[[sites]] name",
            hint="up to 64 letters, digits, dashes, underscores and dots",
        )
    return root / name


@contextmanager
def _alone(path: Path, site: str) -> Iterator[None]:
    lock = FileLock(path / "lock", timeout=0, mode=0o600)
    with folder.explained(path):
        try:
            lock.acquire()
        except Timeout as error:
            raise LandingError(
                f"another pull of site {site} is under way",
                where=str(path.parent),
                hint="wait for it to end",
            ) from error
    try:
        yield
    finally:
        lock.release()


def _same_site(path: Path, plan: Plan, border: Border) -> SiteState:
    found = state.site_state(path)
    if found is None or not _holds(path, found):
        _give_up_others(path, plan, border)
        found = SiteState(path, plan.base_url, border.fingerprint)
        found.save()
    _check_same(path.parent, found, plan, border)
    return found


def _holds(path: Path, found: SiteState) -> bool:
    """Whether anything ever came into the folder: else a mistyped base_url would stay with it."""
    journals = path.glob(f"*/{state.FILES}")
    return bool(found.watermarks) or any(each.stat().st_size for each in journals)


def _give_up_others(path: Path, plan: Plan, border: Border) -> None:
    """Give up runs that brought nothing, and were of another server or under another key."""
    for run in _open_runs(path.parent):
        if (run.base_url, run.privacy) != (plan.base_url, border.fingerprint):
            run.abandoned = True
            run.save()


def _check_same(folder: Path, found: SiteState, plan: Plan, border: Border) -> None:
    where = str(folder)
    if found.base_url != plan.base_url:
        was, now = masked(found.base_url), masked(plan.base_url)
        raise ConfigurationError(
            f"holds what {was} sent, not {now}: one folder, one server", where=where, hint=_ANOTHER
        )
    if found.privacy != border.fingerprint:
        raise ConfigurationError(
            "was written under another privacy mode or key: the same patient would have two names",
            where=where,
            hint=f"use the mode and key of before, or {_ANOTHER}",
        )


def _resumed(path: Path, plan: Plan) -> RunState | None:
    """The run that has not ended and asks for the same; others that have not are given up."""
    found = None
    for run in _open_runs(path):
        if _fits(run, plan):
            found = run
        else:
            run.abandoned = True
            run.save()
    return found


def _open_runs(path: Path) -> Iterator[RunState]:
    """The runs of a site that have neither ended nor been given up, by time."""
    private = path / state.FOLDER
    for each in sorted(private.iterdir()) if private.is_dir() else ():
        run = state.run_state(each) if each.is_dir() else None
        if run and not (run.finished or run.abandoned):
            yield run


def _fits(run: RunState, plan: Plan) -> bool:
    """Whether the run is to be gone on with; one that was being closed always is."""
    return run.closing is not None or run.asked == plan.asked


def _begun(path: Path, plan: Plan, border: Border, now: datetime) -> RunState:
    instant = _free(path, now)
    private = path / state.FOLDER / instant
    folder.make_private(private)
    run = RunState(
        private,
        plan.site,
        instant,
        plan.base_url,
        border.fingerprint,
        f"raiway {version('raiway')}",
        plan.asked,
    )
    # Before the run's folder is there, so that no folder is without a state.
    run.save()
    return run


def _free(path: Path, now: datetime) -> str:
    """A name that no run has; two may begin within a second."""
    while True:
        name = now.strftime(state.INSTANT)
        taken = (path / name, path / state.FOLDER / name / state.RUN)
        if not any(each.exists() or each.is_symlink() for each in taken):
            return name
        now += timedelta(seconds=1)


def place(root: Path, plan: Plan, border: Border, now: datetime) -> tuple[Path, bool]:
    """The folder that `opened` would write to, and whether it is there already; nothing changes.

    Raises UsageError, also where `opened` would refuse the folder.
    """
    path = _checked(root, plan.site)
    private = path / state.FOLDER
    found = state.site_state(private)
    if found is not None and _holds(private, found):
        _check_same(path, found, plan, border)
    for run in _open_runs(path):
        if _fits(run, plan) and run.privacy == border.fingerprint:
            return path / run.instant, True
    return path / _free(path, now), False
