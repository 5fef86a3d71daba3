"""A histogram of I-131 activities, with an axis in mCi and one in GBq (1 mCi = 0.037 GBq)."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from adapter.charts import theme

STEP_MCI = 25
GBQ_PER_MCI = 0.037
LABELS = 12


def activities(mci: Sequence[float]) -> alt.TopLevelMixin:
    """How many doses were of how much activity (mCi), in classes of 25 mCi."""
    edges = [STEP_MCI * int(value // STEP_MCI) for value in mci]
    end = max(edges, default=0) + STEP_MCI
    data = theme.rows(
        [
            {
                "low": low,
                "high": low + STEP_MCI,
                "n": edges.count(low),
                "said": _said(low, edges.count(low)),
            }
            for low in sorted(set(edges))
        ]
    )
    scale = alt.Scale(domain=[0, end], nice=False)
    marks = list(range(0, end + 1, 50 * max(1, end // 500)))
    whole = max((edges.count(low) for low in edges), default=1)
    y = alt.Y("n:Q", axis=_whole_numbers("doses", whole))
    bars = (
        alt.Chart(data)
        .mark_bar(color=theme.COLOURS[0], stroke="#ffffff")
        .encode(
            x=alt.X(
                "low:Q",
                scale=scale,
                axis=alt.Axis(title="activity (mCi)", values=marks),
            ),
            x2="high:Q",
            y=y,
            y2=alt.datum(0),
            description="said:N",
        )
    )
    gbq = (
        alt.Chart(theme.rows([{"low": 0}]))
        .mark_point(opacity=0, aria=False)
        .encode(
            x=alt.X(
                "low:Q",
                scale=scale,
                axis=alt.Axis(
                    title="activity (GBq)",
                    orient="top",
                    values=marks,
                    labelExpr=f"format(datum.value * {GBQ_PER_MCI}, '.2f')",
                    grid=False,
                ),
            )
        )
    )
    drawn: alt.TopLevelMixin = (
        alt.layer(bars, gbq).resolve_axis(x="independent").properties(width=theme.WIDTH, height=180)
    )
    return drawn


def _whole_numbers(title: str, last: int) -> alt.Axis:
    """An axis with a label at each whole number, as long as they are few."""
    if last > LABELS:
        return alt.Axis(title=title, format=",d")
    return alt.Axis(title=title, values=list(range(last + 1)), format="d")


def _said(low: int, n: int) -> str:
    high = low + STEP_MCI
    gbq = f"{low * GBQ_PER_MCI:.3f} to under {high * GBQ_PER_MCI:.3f} GBq"
    return f"{low} to under {high} mCi ({gbq}): {n}"
