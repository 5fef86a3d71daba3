"""`raiway serve`: the FHIR facade over a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.extra import need_serve
from adapter.cli.options import StoreUrl
from adapter.cli.output import Output

if TYPE_CHECKING:
    from adapter.config import Settings


@dataclass(frozen=True, kw_only=True)
class ServeOptions(CommonOptions):
    """The options of `raiway serve`."""

    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")
    ] = None
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes a free one."),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, max=64, help="Server processes."),
    ] = None
    store: StoreUrl = None
    check: Annotated[bool, typer.Option("--check", help="Only say whether it would start.")] = False


def run(options: ServeOptions, output: Output) -> int:
    """Serve the store's measures as FHIR R4 to systems, and the outcomes as pages to people.

    Without a configuration it listens on this machine only, and asks nobody who they are. On any
    other address it starts with authentication and TLS (or a declared proxy) alone: the section
    `server` of raiway.toml. It stops on SIGTERM or Ctrl-C, once what is being answered is finished.
    Logs are JSON lines on stderr.

    Exit code 2: a setting is wrong or unsafe; 4: the store is out of reach, or the port in use.

    Example: raiway serve --port 8000 --store sqlite:///raiway.db
    """
    need_serve()
    from adapter import config
    from adapter.api.running import serving

    settings = _chosen(config.load(options.config), options)
    store_url = options.store or settings.store.url
    serving.check(settings, store_url)
    with serving.listening(settings) as at:
        said = {"url": at.url, "fhir": f"{at.url}/fhir", "workers": settings.server.workers}
        _tell(said, options, output)
        if not options.check:
            serving.serve(at, store_url)
    return 0


def _chosen(settings: Settings, options: ServeOptions) -> Settings:
    """The settings with what the command line says instead."""
    stated: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("host", "port", "workers")
        if getattr(options, name) is not None
    }
    return settings.model_copy(update={"server": settings.server.model_copy(update=stated)})


def _tell(said: dict[str, Any], options: ServeOptions, output: Output) -> None:
    if options.as_json:
        output.json({**said, "checked": options.check})
        output.flush()
    if options.check:
        output.note(f"ok: it would listen at {said['url']}")
        return
    url, fhir = said["url"], said["fhir"]
    output.note(f"Raiway listens at {url}\n")
    output.note(f"  what it offers   curl {fhir}/metadata")
    output.note(f"  its measures     curl {fhir}/Measure")
    output.note(f"  all routes       {url}/docs")
    output.note(f"  is it ready?     curl {url}/health/ready\n")


COMMAND = Command("serve", ServeOptions, run)
