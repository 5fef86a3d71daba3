"""`raiway keys`: the key pair by which a site's server knows us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output

FOLDER = "keys"
ROTATING = 2


class Alg(StrEnum):
    """The algorithms of SMART Backend Services."""

    ES384 = "ES384"
    RS384 = "RS384"


@dataclass(frozen=True, kw_only=True)
class KeysOptions(CommonOptions):
    """The options of `raiway keys`."""

    site: Annotated[str, typer.Argument(metavar="SITE", help="The site, as in raiway.toml.")]
    new: Annotated[bool, typer.Option("--new", help="Make a key first; old ones stay.")] = False
    alg: Annotated[
        Alg, typer.Option("--alg", help="What the new key is for; ES384 unless the site says so.")
    ] = Alg.ES384
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="The keys' folder (default: beside raiway.toml)."),
    ] = None


def run(options: KeysOptions, output: Output) -> int:
    """Print the public keys of a site as a JWKS, to be registered there; --new makes a key pair.

    Private keys stay in files that only you can read, and are never printed. To change a key:
    --new, register both, set private_key to the new one, delete the old file, register again.

    Example: raiway keys A --new
    """
    from adapter import config
    from adapter.pull.auth import keyring
    from adapter.pull.auth.keys import new_key

    settings = config.load(options.config)
    site = settings.site(options.site)
    beside = (options.config or config.DEFAULT_FILE).parent
    folder = options.to or beside / FOLDER
    if options.new:
        made = keyring.keep(new_key(options.alg.value), options.site, folder)
        output.note(f"written: {made} (private: keep it, back it up, send it to nobody)")
    document = keyring.jwks(keyring.keys_of(options.site, folder, site))
    published = keyring.publish(document, options.site, folder) if folder.is_dir() else None
    output.json(document)
    if published is not None:
        output.note(f"written: {published} (public)")
    if (count := len(document["keys"])) > ROTATING:
        output.note(f"{count} keys: delete the files of those that the site no longer needs")
    if site is None:
        output.note(f"site {options.site} is not in raiway.toml yet: add it under [[sites]]")
    output.note(f"next: register {published or 'this JWKS'} with site {options.site}")
    if options.new:
        at = keyring.stated(made, beside)
        output.note(f'then in raiway.toml, site {options.site}: private_key = "{at}"')
        if site is not None and site.kid:
            output.note(f'and without kid = "{site.kid}", which is the old key\'s')
    output.note("then: raiway doctor")
    return 0


COMMAND = Command("keys", KeysOptions, run)
