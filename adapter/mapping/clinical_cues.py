"""The words that say whether what a clinical text mentions was found: cues, by what they do.

English, German and Portuguese. Each cue is a regular expression for whole words; of two that begin
at one place the earlier kind counts, and within a kind the longer.
"""

from __future__ import annotations

import re

CUES = {
    # What follows is not a result, whatever it says.
    "hypothetical": (
        r"no[ -]calls?", r"not (?:been )?(?:tested|performed|assessed|evaluated|done|requested)",
        r"(?:is|are|was|were)? ?(?:strongly )?(?:recommend\w*|suggest\w*|advis\w*)",
        r"consider\w*", r"should", r"could(?! not be)", r"may", r"might", r"if", r"whether",
        r"please", r"order(?:ed|ing)?", r"pending", r"planned", r"awaiting", r"awaited",
        r"to follow", r"to be (?:tested|determined)", r"request(?:ed)?", r"rule out",
        r"cannot be (?:excluded|determined|assessed)", r"suspect\w*", r"possibl[ey]",
        r"probabl[ey]", r"insufficient", r"inconclusive", r"failed", r"equivocal",
        r"patients? (?:with|whose)", r"tumou?rs? with", r"approved", r"indicated", r"eligib\w+",
        r"trials?", r"associated with", r"(?:mother|father|sister|brother|family)\w*",
        r"nicht (?:untersucht|getestet|durchgeführt|beurteilbar|auswertbar|ausgeschlossen)",
        r"empf[ieo]\w+", r"pr[uü](?:e)?fen", r"erw[aä](?:e)?gen", r"ausstehend", r"geplant",
        r"angefordert", r"falls", r"verdacht\w*", r"bitte", r"zugelassen", r"patienten mit",
        r"não (?:testad|realizad|avaliad)\w+", r"recomend\w+", r"sugere\w*", r"solicitad\w+",
        r"pendente", r"considerar", r"suspeit\w+", r"inconclusiv\w+", r"se houver", r"aguarda\w*",
    ),
    "other": (
        r"(?:no|without) (?:other|further|additional)", r"keine (?:weiteren|anderen)",
        r"sem outr[ao]s",
    ),
    # Negative results: of what stands before, or else of what follows.
    "negative": (
        r"(?:can ?not|could not) be (?:detect\w*|identif\w*|found)",
        r"not (?:yet )?(?:been )?(?:detect\w*|identif\w*|found|present|seen|mutated|observed)",
        r"undetect(?:ed|able)", r"negative(?: for)?", r"neg", r"absent", r"excluded",
        r"nicht (?:nachgewiesen|nachweis(?:bar|en)|detektiert|gefunden"
        r"|mutiert|vorhanden)", r"negativ", r"ausgeschlossen",
        r"não (?:foi |foram )?(?:detect|identific|encontr|mut)\w+", r"ausente\w*",
        r"negativ[ao]s?(?: para)?", r"indetect[aá]ve(?:l|is)",
    ),
    # A whole gene is wild type, never one change.
    "wild": (
        r"wild[ -]?types?", r"wt", r"unmutated", r"wildtyp\w*", r"unmutiert",
        r"(?:tipo )?selvage(?:m|ns)",
    ),
    # Negations of what follows.
    "no": (
        r"no(?: evidence of)?", r"without", r"absence of", r"neither", r"nor", r"lacks?",
        r"lacking",
        r"kein(?:e[nmrs]?)?(?: (?:nachweis|hinweis)\w*)?", r"ohne", r"weder", r"fehlende\w*",
        r"sem(?: evid[eê]ncias? de)?", r"ausência de", r"nenhuma?",
    ),
    "positive": (
        r"detected", r"identified", r"positive(?: for)?", r"pos", r"present", r"found", r"mutated",
        r"confirmed", r"observed", r"seen",
        r"nachgewiesen\w*", r"liegt vor", r"vorliegend", r"positiv", r"mutiert", r"gefunden",
        r"vorhanden", r"bestätigt", r"detectad[ao]s?", r"identificad[ao]s?", r"presentes?",
        r"positiv[ao]s?(?: para)?", r"mutad[ao]s?", r"encontrad[ao]s?", r"confirmad[ao]s?",
    ),
    "turn": (
        r"but", r"however", r"whereas", r"while", r"although", r"except", r"aber", r"jedoch",
        r"sondern", r"während", r"hingegen", r"mas", r"porém", r"enquanto", r"exceto",
    ),
}  # fmt: skip


def _group(name: str, cues: tuple[str, ...]) -> str:
    """The cues as whole words, the longest first, in a group of this name."""
    words = (rf"(?<!\w)(?:{cue})(?!\w)" for cue in sorted(cues, key=len, reverse=True))
    return f"(?P<{name}>{'|'.join(words)})"


CUE = re.compile("|".join(_group(*each) for each in CUES.items()), re.IGNORECASE)
"""A cue; the group that matched is its kind."""
