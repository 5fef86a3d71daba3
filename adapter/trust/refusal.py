"""Why a report is not trusted: one error that names the rule."""

from __future__ import annotations

from adapter.errors import RuleBroken

RULES = {
    "unsigned": "what is pooled is signed by its site",
    "form": "a signature is a detached JWS of our form, and stands in a Provenance",
    "signature": "the signature fits every byte of the report",
    "key": "the key is registered",
    "site": "a site signs with its own keys, and for itself alone",
    "revoked": "the key is not revoked",
    "validity": "the key was valid when the report was signed and when it came",
    "audience": "the report was signed for this registry",
    "report": "what was signed is this report's site, measure and period",
    "replay": "no release comes twice in two forms, and none comes late",
    "chain": "each release names the one before it, and none is left out",
    "superseded": "only a report's newest revision is pooled",
}
"""Rules by name; `NotTrusted.rule` is one of them."""


class NotTrusted(RuleBroken):
    """A report that may be read but not pooled; `rule` names which of `RULES` is broken.

    Exit code 3, issue code business-rule; over HTTP 409 for `replay` and `chain`, else 422.
    """

    RULES = RULES
