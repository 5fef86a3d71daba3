"""Why reports are not pooled: one error that names the rule."""

from __future__ import annotations

from adapter.errors import RuleBroken

RULES = {
    "form": "each is a complete summary MeasureReport that passes our own check",
    "measure": "all are of one Measure and version",
    "endpoint": "all are by one endpoint definition (sha256)",
    "grid": "all are on one time grid",
    "ties": "all break ties in one way",
    "reporter": "each reporter is there once",
    "poolable": "each says that it can be pooled",
    "share": "what is shared in secret is added in a secure sum, not here",
    "levels": "strata are the same levels",
    "withheld": "of a site that withholds all, at least the size is bounded",
}
"""Rules by name; `PoolingRefused.rule` is one of them."""


class PoolingRefused(RuleBroken):
    """Reports that cannot be added up; `rule` names which of `RULES` is broken.

    Exit code 3, issue code business-rule; over HTTP 422.
    """

    RULES = RULES
    SAID = "not pooled: "
