"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import CommonOptions

if TYPE_CHECKING:
    from adapter.config import Settings
    from analytics.study import Study

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="The analytic store (default: RAIWAY_STORE__URL, raiway.toml, sqlite:///raiway.db).",
    ),
]


@dataclass(frozen=True, kw_only=True)
class StudyOptions(CommonOptions):
    """Of which store's data is asked, and under which rules."""

    store: StoreUrl = None
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="NAME", help="The study (default: raiway.toml)."),
    ] = None
    settings: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override a rule of the study; repeatable."
        ),
    ] = field(default_factory=list)

    def chosen_study(self, settings: Settings) -> Study:
        """The study asked for, overridden. Raises DefinitionError."""
        from adapter import definitions

        name = self.study or settings.analysis.study
        return definitions.override(definitions.load().study(name), self.settings)
