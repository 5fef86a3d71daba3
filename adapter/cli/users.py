"""`raiway users`: the people who may log in to the pages of `raiway serve`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.extra import need_serve
from adapter.cli.output import Output
from adapter.cli.tables import Table
from adapter.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from adapter.api.security.users import User
    from adapter.config import Settings
    from adapter.server_settings import Policy


@dataclass(frozen=True, kw_only=True)
class UsersOptions(CommonOptions):
    """The options of `raiway users`."""

    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Whom to add or change; else all are told.")
    ] = None
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the person; their sessions end.")
    ] = False
    patient_level: Annotated[
        bool, typer.Option("--patient-level", help="They may see single patients.")
    ] = False
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="What their summary reports may state: none, secure-sum, registry or public.",
        ),
    ] = "public"


def run(options: UsersOptions, output: Output) -> int:
    """Add, change or remove a person who logs in with a password, or list them all.

    The password is asked for at the terminal, or is the first line of stdin; it is kept as an
    argon2 hash in the file that server.users_file names, which only you can read.

    Example: raiway users anna --patient-level --policy none
    """
    need_serve()
    from adapter import config
    from adapter.api.security import users

    file = _file(config.load(options.config))
    if options.name is None:
        return _list(users.read_users(file) if file.exists() else [], options, output)
    if options.remove:
        users.remove_user(file, options.name)
        output.note(f"removed: {options.name}")
        return 0
    user = users.User(options.name, "", options.patient_level, _policy(options.policy))
    users.add_user(file, user, _password(options.name))
    output.note(f"kept: {options.name}, in {file}")
    return 0


def _file(settings: Settings) -> Path:
    if settings.server.users_file is None:
        raise ConfigurationError(
            "server.users_file is not set", hint='users_file = "users.json" in [server]'
        )
    return settings.server.users_file


def _policy(stated: str) -> Policy:
    known: tuple[Policy, ...] = ("none", "secure-sum", "registry", "public")
    for policy in known:
        if stated == policy:
            return policy
    raise UsageError(f"--policy {stated}: unknown", hint=f"one of {', '.join(known)}")


def _password(name: str) -> str:
    if sys.stdin.isatty():
        given: str = typer.prompt(
            f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True
        )
        return given
    return sys.stdin.readline().rstrip("\r\n")


def _list(found: list[User], options: UsersOptions, output: Output) -> int:
    known = [
        {"name": user.name, "patient_level": user.patient_level, "policy": user.policy}
        for user in found
    ]
    if options.as_json:
        output.json({"users": known})
    else:
        sees = {True: "patients", False: "summaries"}
        rows = [(user.name, sees[user.patient_level], user.policy) for user in found]
        output.tables([Table("", ("name", "sees", "policy"), rows, ())])
    return 0


COMMAND = Command("users", UsersOptions, run)
