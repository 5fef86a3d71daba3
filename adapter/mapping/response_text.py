"""Responses in words: RECIST letters and phrases, and progression in a report's conclusion."""

from __future__ import annotations

import re

from adapter.mapping.clauses import clauses, sentences
from adapter.mapping.clinical_text import Assertion, events, kinds_of_cue

_NAMED = (
    (
        "PD",
        r"\bPD\b(?!-?L1)|\bprogressive (?:disease|erkrankung)\b|\bprogression\b(?![ -]free)"
        r"|\bprogress(?:ed)?\b"
        r"|\bprogrediente? (?:erkrankung|befund)|\bdoença progressiva\b|\bprogressão\b",
    ),
    (
        "CR",
        r"\bCR\b|\bcomplete (?:response|remission)\b|\b(?:voll|komplett)remission\b"
        r"|\bkomplette remission\b|\bresposta completa\b",
    ),
    (
        "PR",
        r"\bPR\b|\bpartial (?:response|remission)\b|\bteilremission\b|\bpartielle remission\b"
        r"|\bresposta parcial\b",
    ),
    (
        "SD",
        r"\bSD\b|\bstable disease\b|\bno change\b|\bkeine änderung\b|\bstabile erkrankung\b"
        r"|\bdoença estável\b",
    ),
    ("MR", r"\bMR\b|\b(?:minor|minimal) response\b"),
    ("NE", r"\bNE\b|\bnot evaluable\b|\binevaluable\b|\bnicht beurteilbar\b|\bnão avaliável\b"),
)
_RESPONSES = tuple(
    # Letters in capitals only ("pr" is a word's beginning), words in any case.
    (name, re.compile(pattern.replace(rf"\b{name}\b", rf"(?-i:\b{name}\b)"), re.IGNORECASE))
    for name, pattern in _NAMED
)
_CANCER = (
    r"(?:(?:the|known|multiple|bilateral|diffuse|widespread|innumerable|metastatic|pulmonary|lung"
    r"|nodal|cervical|mediastinal|hilar|hepatic|liver|bone|osseous|thyroid|neck|local"
    r"|structural) )*"
    r"(?:metasta\w+|tumou?rs?|lesions?|nod(?:ules?|es?)|lymph\w*|carcinom\w*|cancer|malignan\w+"
    r"|(?<!lung )(?<!pulmonary )disease)\b"
)
_PROGRESSION = re.compile(
    r"\b(?:interval|tumou?r|structural|radiographic|(?<!lung )(?<!pulmonary )(?<!degenerative )"
    r"(?<!joint )(?<!vascular )disease) progression\b(?![ -]free)(?! of)"
    rf"|\bprogression of {_CANCER}"
    r"|\bprogressive disease\b"
    r"|\b(?:disease|tumou?r|metastas[ei]s) ha(?:s|ve) progressed\b"
    r"|\bnew (?:\w+ )?(?:metasta\w+|lesions?)\b"
    r"|\b(?:tumor|krankheits)progress(?!\w*frei)\w*"
    r"|\bprogress(?:ion)? (?:der|des|von) (?:\w+ )?\w*(?:metasta|tumor|erkrankung|filiae)\w*"
    r"|\bprogrediente?[nrs]? (?:\w+ )?\w*(?:metasta|tumor|erkrankung|filiae)\w*"
    r"|\bneu(?:e[nrs]?)? (?:aufgetretene[nrs]? )?(?:\w+ )?"
    r"\w*(?:metastasen?|filiae|(?:lä|lae?)sion(?:en)?)\b"
    r"|\bprogressão (?:d[aeo]s? )?(?:doença|tumor\w*|met[áa]stases?|estrutural|neopl[áa]sica)"
    r"|\bdoença (?:em progressão|progressiva)\b"
    r"|\bnovas? (?:les(?:ão|ões|ao|oes)|met[áa]stases?)\b",
    re.IGNORECASE,
)
PROGRESSION_HINTS = (
    "progress",
    "progred",
    'ne[wu][^"]*(metasta|l..?sion|filiae)',
    'nova[^"]*(met|les)',
)
"""In any case, one of these stands in each text that states progression (see relevance)."""
_HINT = re.compile("|".join(PROGRESSION_HINTS), re.IGNORECASE)
# Not of the cancer, not of its structure, or none any more.
_ELSE = re.compile(
    r"\b(?:(?:unchanged|stable) new|biochem|benign|gutartig|c[yií]st|zyst|h[äe]mangiom|healed"
    r"|resolv|resolution of|regress|rückbild|decreas|halted|less|weniger|menos)",
    re.IGNORECASE,
)
# It is the point in time at which something else is done or ends.
_UNTIL = re.compile(
    r"\b(?:until|upon|after|before|at|on|bis zu[mr]?|nach|vor|bei|até|após|antes d[ae])"
    r"(?: (?:the|first|any|dem|der|a|o))*\s*$",
    re.IGNORECASE,
)


# Progression of another year, unless it only says since when.
_OF_A_YEAR = re.compile(
    r"(?!.*\b(?:gegenüber|vergleich|seit|zu[mr]?|vom|since|from|than|to|vs|with|desde|relação)\b)"
    r"[^,]*\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)


def response(text: str) -> str:
    """The one response that a value's text names, or ''; one that is denied or possible is none."""
    named = {
        name
        for clause in clauses(text)
        for name, pattern in _RESPONSES
        if Assertion.AFFIRMED in events(clause, pattern.finditer(clause))
    }
    return named.pop() if len(named) == 1 else ""


def states_progression(text: str) -> bool:
    """Whether a sentence of a report states progression, neither denied nor possible nor past."""
    hinted = bool(_HINT.search(text))
    return hinted and any(_states_progression(sentence) for sentence in sentences(text))


def _states_progression(sentence: str) -> bool:
    found = [
        each
        for each in _PROGRESSION.finditer(sentence)
        if not _UNTIL.search(sentence[: each.start()])
        and not _OF_A_YEAR.match(sentence[each.end() :])
    ]
    return (
        bool(found)
        and not _ELSE.search(sentence)
        and "historical" not in kinds_of_cue(sentence)
        and Assertion.AFFIRMED in events(sentence, found)
    )
