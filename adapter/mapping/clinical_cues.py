"""The words that say whether what a clinical text mentions was found or done: cues, by effect.

English, German and Portuguese. Each cue is a regular expression for whole words; of two that begin
at one place the earlier kind counts, and within a kind the longer.
"""

from __future__ import annotations

import re

_EXAMINATION = (
    r"(?:study|studies|exam\w*|ct|pet\S*|mri?|scans?|imaging|reports?|comparison|films?"
    r"|ultrasound|exames?|estudos?|tc|tomografia|cintilografia)"
)
_YEAR = r"(?:\w+ |\d\d?[./])?(?:19|20)\d\d"

CUES = {
    # Looks like another cue, and is none.
    "aside": (
        rf"(?:prior|previous|previously performed|last) (?:\w+ )?{_EXAMINATION}",
        rf"{_EXAMINATION} (?:anterior(?:es)?|pr[eé]vi[ao]s?)",
        r"(?:to|with|from|since|than|vs\.?|versus) (?:the )?(?:prior|previous)",
        r"without (?:iv |i\.v\. |intravenous )?contrast\w*", r"ohne (?:iv |i\.v\. )?kontrast\w*",
        r"sem contraste", r"not only", r"nicht nur", r"não s[óo]", r"not significantly",
    ),
    # What is told is no result, whatever it says.
    "hypothetical": (
        r"no[ -]calls?",
        r"not (?:been |be )?(?:tested|performed|assessed|evaluated|done|requested|confirmed)",
        r"(?:is|are|was|were)? ?(?:strongly )?(?:recommend\w*|suggest\w*|advis\w*)",
        r"consider(?:s|ed|ing|ation)?", r"should", r"could(?! not be)",
        # The month is none.
        r"(?<!in )(?<!on )(?<!of )(?<!since )(?<!\d )may(?! \d)", r"might", r"if", r"whether",
        r"please", r"pending", r"planned", r"awaiting", r"awaited",
        r"to follow", r"to be (?:tested|determined)", r"rule out",
        r"(?:can ?not|could not|not) be (?:excluded|determined|assessed|ruled out)",
        r"suspect\w*", r"suspici\w+", r"concern\w*", r"worrisome", r"possibl[ey]", r"probabl[ey]",
        r"candidate", r"eligib\w+",
        r"nicht (?:bestätigt|untersucht|getestet|durchgeführt|beurteilbar|auswertbar"
        r"|ausgeschlossen"
        r"|(?:sicher )?auszuschließen|auszuschliessen|ausschließbar)",
        r"empf[ieo]\w+", r"pr[uü](?:e)?fen", r"erw[aä](?:e)?gen", r"ausstehend", r"geplant\w*",
        r"angefordert", r"falls", r"\w*verdacht\w*", r"verdächtig\w*", r"v\. ?a\.?", r"bitte",
        r"fraglich\w*", r"möglich\w*", r"wahrscheinlich\w*", r"vermutlich\w*",
        r"não (?:testad|realizad|avaliad|confirmad)\w+", r"recomend\w+", r"sugere\w*",
        r"sugestiv\w+", r"solicitad\w+", r"pendente", r"considerar", r"suspeit\w+", r"se houver",
        r"aguarda\w*",
        r"não (?:se |é )?(?:pode\w*|possível) (?:\w+ )?(?:excluir|descartar|afastar)",
        r"poss[íi]ve(?:l|is)", r"prov[áa]ve(?:l|is)", r"provavelmente",
    ),
    # A test, a trial, a law of nature, or somebody else: of this patient it says nothing.
    "general": (
        r"order(?:ed|ing)?", r"request(?:ed)?", r"insufficient", r"inconclusive", r"failed",
        r"equivocal", r"patients? (?:with|whose)", r"tumou?rs? with", r"approved", r"indicated",
        r"trials?", r"associated with", r"detects", r"designed to", r"validated (?:for|to)",
        r"limits? of detection", r"detection limits?", r"nachweisgrenze\w*",
        r"limites? de detecção", r"(?:mother|father|sister|brother|family)\w*",
        r"zugelassen", r"patienten mit", r"inconclusiv\w+",
    ),
    "other": (
        r"(?:no|without) (?:other|further|additional)", r"keine (?:weiteren|anderen)",
        r"sem outr[ao]s",
    ),
    # Negative results: of what stands before, or else of what follows.
    "negative": (
        r"(?:can ?not|could not) be (?:detect\w*|identif\w*|found)",
        r"not (?:yet )?(?:been )?(?:detect\w*|identif\w*|found|present|seen|mutated|observed)",
        # The answer to what stands before: "New lesions: none".
        r"(?:no|none|nil|keine?|nein|n[ãa]o|nenhuma?)(?=\W*$)", r"(?<=: )[0n](?=\W*$)",
        r"undetect(?:ed|able)", r"negative(?: for)?", r"neg", r"absent", r"excluded", r"ruled out",
        r"verneint", r"nicht (?:nachgewiesen|nachweis(?:bar|en)|detektiert|gefunden"
        r"|mutiert|vorhanden)", r"negativ", r"ausgeschlossen",
        r"não (?:foi |foram )?(?:detect|identific|encontr|mut)\w+", r"ausente\w*",
        r"negativ[ao]s?(?: para)?", r"indetect[aá]ve(?:l|is)", r"(?:descartad|afastad|excluíd)\w+",
    ),
    # A whole gene is wild type, never one change.
    "wild": (
        r"wild[ -]?types?", r"wt", r"unmutated", r"wildtyp\w*", r"unmutiert",
        r"(?:tipo )?selvage(?:m|ns)",
    ),
    # Negations of what follows.
    "no": (
        r"no(?: evidence of)?", r"without", r"absence of", r"neither", r"nor", r"lacks?",
        r"lacking", r"free (?:of|from)",
        r"kein(?:e[nmrs]?|erlei)?(?: (?:nachweis|hinweis)\w*)?", r"ohne", r"weder", r"fehlende\w*",
        r"frei von", r"sem(?: evid[eê]ncias? de)?", r"ausência de", r"nenhuma?", r"nem",
        r"livres? de",
    ),
    # Whatever is told as done or seen is denied.
    "not": (
        r"not", r"\w+n['\u2019]t", r"never", r"den(?:y|ies|ied)", r"nicht", r"niemals", r"nein",
        r"n[ãa]o", r"nunca",
    ),
    # Of what is told as done or seen, never of a name in a list: it was not done.
    "refused": (
        r"declin\w*", r"refus\w*", r"cancel\w*", r"withh[eo]ld\w*", r"defer\w*", r"postpon\w*",
        r"abort\w*", r"abgelehnt", r"lehnt\w*", r"verschoben", r"abgesagt", r"abgebrochen",
        r"recus\w+", r"adiad[ao]s?", r"cancelad[ao]s?",
    ),
    # As before: planned, asked for, or one possibility among others.
    "tentative": (
        r"plan(?:s|ning)?", r"propos\w*", r"schedul\w*", r"will", r"would", r"prescri\w*",
        r"intend\w*", r"offer\w*", r"to (?:receive|undergo|be)", r"discuss\w*", r"candidates",
        r"instead", r"rather than", r"(?:un)?likely", r"vs", r"versus", r"differential",
        r"question\w*", r"risk", r"counsel\w*", r"appointments?", r"instruct\w*", r"inform\w*",
        r"consent\w*", r"referr\w*", r"options?", r"evaluat\w*", r"assess\w*", r"monitor\w*",
        r"time to", r"definition", r"prevent\w*", r"delay\w*", r"aware", r"inevitable", r"criteria",
        r"(?:clinical )?(?:indication|information)",
        r"reason for (?:exam\w*|study)",
        r"vorgesehen\w*", r"soll(?:te|ten|en)?", r"möchte\w*", r"würden?", r"wird", r"werden",
        r"indiziert\w*",
        r"indikation\w*", r"fragestellung", r"klinische angaben", r"kann", r"könnte\w*", r"ggf",
        r"evtl", r"eventuell\w*", r"dd", r"statt", r"anstelle",
        r"(?:zu[rm]|vor) (?:\w+ )?(?:radio\w+|rjt|\w*therapie|gabe)", r"aufklärung\w*",
        r"aufgeklärt", r"erläuter\w*", r"termin", r"bitten", r"ausschluss", r"kontrolle",
        r"bezüglich", r"gefahr", r"am ehesten", r"verhinder\w*", r"verzöger\w*",
        r"(?:planejad|programad|previst|agendad|indicad|prescrit)\w+", r"candidat\w+",
        r"dev(?:e|em|erá|eria)", r"pod(?:e|em|erá|eria)", r"será", r"a ser", r"propost\w+",
        r"proponho", r"em caso de", r"risco", r"ao invés", r"em vez", r"d[úu]vid\w+",
        r"orienta\w+", r"solicit\w+", r"avalia\w*", r"controle", r"prevenir", r"evitar",
        r"retardar",
        r"(?:indicação|informações|dados|história) clínic[ao]s?",
    ),
    # Of drugs: named because it is not taken.
    "withheld": (
        r"allerg\w+", r"intoleran\w+", r"placebo", r"avoid\w*", r"stop(?:s|ped)?",
        r"discontinu\w+", r"hold", r"held", r"switch\w*", r"screening",
        r"unverträglich\w*", r"abgesetzt", r"pausier\w*", r"gestoppt", r"beendet",
        r"alergi\w+", r"alérgic\w+", r"intoler\w+", r"suspens[ao]s?", r"suspend\w+",
        r"interromp\w+",
    ),
    "historical": (
        r"(?:clinical )?history(?: of)?", r"previous(?:ly)?", r"prior", r"formerly", r"s/p",
        r"status post",
        rf"in {_YEAR}", r"z\. ?n\.?", r"zustand nach", r"anamnestisch\w*", r"früher\w*",
        r"vorbekannt\w*", rf"im {_YEAR}", r"hist[óo]ria de", r"antecedentes?", r"pr[ée]vi[ao]s?",
        r"previamente", r"anterior\w*", rf"em {_YEAR}", r"(?:years?|months?|weeks?) ago",
        r"vor \d+ (?:jahr|monat|woche)\w*", r"há \d+ (?:anos?|meses|mês)",
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
        r"(?:(?:and|und|e)|(?<=, )(?:(?:the|this|der|die|o|a) )?(?:patient\w*|s?he|paciente))"
        r" (?:then |subsequently |dann |depois )?(?:received|was given|erhielt|recebeu)",
    ),
}  # fmt: skip


def _group(name: str, cues: tuple[str, ...]) -> str:
    """The cues, the longest first and each up to the end of a word, in a group of this name."""
    return f"(?P<{name}>(?:{'|'.join(sorted(cues, key=len, reverse=True))})(?!\\w))"


CUE = re.compile(rf"(?<!\w)(?:{'|'.join(_group(*each) for each in CUES.items())})|(?P<question>\?)")
"""A cue in a text in lower case, which is sought many times as fast as in any case; the group that
matched is its kind."""
