"""What every figure is of, as fields: the rules, the endpoint, the data and the quality gate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapter.html_report.definition import EVENT, TIME_ZERO
from adapter.html_report.page import Section
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class Stamp:
    """The same on each figure of a page. sha256: of the study's rules; data_version: of the
    site's own data, None on a page that leaves."""

    study: str
    version: str
    sha256: str
    endpoint: str
    time_zero: str
    confidence_interval: str
    horizon_days: int
    quality_gate: str
    data_version: str | None = None

    @classmethod
    def of(cls, study: Study, quality: str, data_version: str | None = None) -> Stamp:
        """quality: the quality gate's result in words."""
        return cls(
            study.id,
            study.version,
            study.fingerprint,
            EVENT[study.death],
            TIME_ZERO[study.index_date],
            f"95 %, {study.confidence_interval}",
            study.horizon_days,
            quality,
            data_version,
        )

    @property
    def sentence(self) -> str:
        """For the end of a caption."""
        return f"Rules {self.sha256[:12]}; quality gate {self.quality_gate}."

    def on(self, section: Section) -> Section:
        """The section with the sentence below each of its plots."""
        plots = (
            replace(plot, caption=f"{plot.caption} {self.sentence}".strip())
            for plot in section.plots
        )
        return replace(section, plots=tuple(plots))
