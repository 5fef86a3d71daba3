"""Why a step of a secure sum is refused: one error that names the rule."""

from __future__ import annotations

from adapter.errors import RuleBroken

RULES = {
    "form": "each message has the members of its kind, and no others",
    "key": "each is signed by a registered key, in the name of its holder, over announced keys",
    "signature": "each signature holds over the exact bytes",
    "round": "each is of this round and its announcement",
    "recipient": "each server opens only what is meant for it",
    "seal": "each share opens with its server's key and is of the report that carries it",
    "layout": "each table and share has the columns that are announced, all held and exact",
    "duplicate": "one report in one revision has one content",
    "revision": "a revision never goes back",
    "closed": "nothing is taken after the list of shares is signed",
    "list": "both servers add over one list, which both have signed, once",
    "sites": "enough sites with patients take part",
    "dominated": "no site has too large a share of the patients",
    "differencing": "the sites are those of every earlier opening, or differ by enough",
    "opened": "one opening for a measure and period",
    "cadence": "openings of other periods lie far enough apart",
    "total": "the patients are as many as the sites have stated, within their rounding",
    "range": "the opened counts add up, and none exceeds the number of patients",
    "stratified": "what compares within sites needs each site's table, which nobody sees",
    "order": "the steps are taken in their order",
}
"""Rules by name; `SecureSumRefused.rule` is one of them."""


class SecureSumRefused(RuleBroken):
    """A step that is not taken; `rule` names which of `RULES` is broken.

    Exit code 3, issue code business-rule. No message holds a count of a site's table.
    """

    RULES = RULES
    SAID = "not added: "
