"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import CommonOptions
from adapter.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from adapter.config import Settings
    from analytics.study import Study

VALUES = """Values are TOML: --set horizon_days=150 --set 'index_drug_classes=["MEKi"]'"""

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="The analytic store (default: RAIWAY_STORE__URL, raiway.toml, sqlite:///raiway.db).",
    ),
]

SiteMaps = Annotated[
    list[Path],
    typer.Option("--map", metavar="FILE", help="A ConceptMap of the site; repeatable."),
]
SiteProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="What the site's server is (epic, oracle, mii), or the site's own .toml.",
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
            "--set",
            metavar="KEY=VALUE",
            help=f"Override a rule of the study; repeatable. {VALUES}.",
        ),
    ] = field(default_factory=list)

    def chosen_study(self, settings: Settings) -> Study:
        """The study asked for, overridden. Raises UsageError, DefinitionError."""
        from adapter import definitions

        for setting in self.settings:
            if "=" not in setting:
                raise UsageError(f"--set {setting}: no value; say KEY=VALUE", hint=VALUES)
        study = definitions.load().study(self.study or settings.analysis.study)
        try:
            return definitions.override(study, self.settings)
        except DefinitionError as error:
            hint = error.hint or VALUES
            raise DefinitionError(error.what, where=error.where, hint=hint) from error
