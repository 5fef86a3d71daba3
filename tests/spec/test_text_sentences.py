"""Sentences as hospitals write them, in English, German and Portuguese, and what they say.

The answer is a clinician's. `.` is nothing stated: where a sentence leaves a doubt no fact is made.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.lib.iodine import CPT, PATIENT, given, procedure
from tests.lib.mapping import concept, mapped
from tests.lib.medications import statement
from tests.spec.test_clinical_text import said

# `MBq day`, or `MBq -` for history without a day; `document` is the day of the document.
IODINE = """
    He received 150 mCi of I-131, tolerated well.                             | 5550 document
    Patient received 150 mCi I-131 without complications in May 2021.         | 5550 2021-01-01
    She was scheduled for ablation and received 100 mCi of I-131 on 2019-03-04. | 3700 2019-03-04
    S/p total thyroidectomy 2014, RAI 100 mCi in 2015.                        | 3700 2015-01-01
    Total thyroidectomy in 2014, received 150 mCi of I-131.                   | 5550 -
    Received 100 mCi I-131 in 2015 and 150 mCi in 2018. | 3700 2015-01-01, 5550 2018-01-01
    Underwent radioiodine therapy with 3,700 MBq I-131 on 2020-02-01.         | 3700 2020-02-01
    Given her risk profile, 100 mCi of I-131 would be appropriate.            | .
    She was given instructions for treatment with I-131; 100 mCi planned for May. | .
    Received between 100 and 150 mCi of I-131.                                | .
    Received 2 x 100 mCi of I-131.                                            | .
    Two treatments with I-131, 150 mCi each, were administered.               | .
    Received >200 mCi of I-131 over the years.                                | .
    I-131 was administered; retained activity of 131-I at discharge was 30 mCi. | .
    Patient was offered 150 mCi I-131 but has not received it.                | .
    Received 150 mCi I-131?                                                   | .
    Der Patient erhielt am 03.05.2021 3,7 GBq J-131 oral.                     | 3700 2021-05-03
    Am 3. Mai 2021 wurden 3.700 MBq 131-Iod verabreicht.                      | 3700 2021-01-01
    Z.n. Radiojodtherapie mit 5,550 GBq J-131 (03/2019).                      | 5550 2019-01-01
    Gabe von ca. 3,7 GBq Radiojod p.o. am 17.11.2020.                         | 3700 2020-11-17
    Z. n. RJT mit 3,7 GBq.                                                    | 3700 -
    Aufnahme zur Radiojodtherapie mit 3,7 GBq J-131, durchgeführt wird sie morgen. | .
    Eine Radiojodtherapie mit 3,7 GBq J-131 wurde empfohlen, bisher nicht erfolgt. | .
    Kumulativ erhielt die Patientin 18,5 GBq J-131.                           | .
    Die Patientin lehnte die Gabe von 3,7 GBq J-131 ab.                       | .
    Erhielt J-131, Restaktivität bei Entlassung 250 MBq.                      | .
    Paciente recebeu 150 mCi de iodo-131 em 2018.                             | 5550 2018-01-01
    Submetida a radioiodoterapia com 100 mCi, sem intercorrências.            | 3700 document
    Foi administrada dose de 5,5 GBq de I-131.                                | 5500 document
    Programada dose de 150 mCi de I-131; não realizada.                       | .
    Recebeu dose acumulada de 450 mCi de I-131.                               | .
    Indicada dose terapêutica de 150 mCi de iodo-131, a ser administrada.     | .
    After informed consent, the patient received 150 mCi of I-131.            | 5550 document
    Received in 2015 100 mCi and in 2018 150 mCi of I-131. | 3700 2015-01-01, 5550 2018-01-01
    On 2021-05-03 received 150 mCi I-131 and was discharged on 2021-05-05.    | 5550 2021-05-03
    150 mCi I-131 administered 6 weeks after thyroidectomy on 2021-03-01.     | 5550 -
    Received 100 mCi of I-131 at an outside hospital 10 years ago.            | 3700 -
    Received 157.3 mCi (5,820 MBq) of I-131.                                  | 5820.1 document
    Received I-131, exposure rate equivalent to 20 mCi.                       | .
    Patient received counseling regarding I-131 therapy with 150 mCi.         | .
    Received 5 550 MBq I-131.                                                 | .
    Nach Gabe von 3,7 GBq J-131 am 3.5.2021 unauffälliger Verlauf.            | 3700 2021-05-03
    Nach Thyreoidektomie am 03.02.2021 erhielt der Patient 3,7 GBq J-131.     | 3700 -
    Eine erneute Gabe von 3,7 GBq J-131 erscheint sinnvoll.                   | .
    Aufklärung über die Gabe von 3,7 GBq J-131.                               | .
    Tratada com radioiodo (100 mCi) há 5 anos.                                | 3700 -
    Administrados 3.700 MBq (100 mCi) de I-131 em 12/05/2021.                 | 3700 2021-01-01
    Orientada sobre administração de 150 mCi de iodo radioativo.              | .
    Received 5.5 GBq of I-131 (approx. 150 mCi).                              | 5500 document
    Received 3.7 GBq I-131 in 2015 ( = 100 mCi).                              | 3700 2015-01-01
    Received 1,500 mCi of I-131.                                              | .
    Received 5,550 GBq of I-131.                                              | 5550 document
"""

# In the note of a procedure that gave iodine.
NOTES = """
    Prior 100 mCi in 2015. Today 150 mCi I-131 PO.                            | 5550 2021-05-03
    150 mCi given. Residual activity at discharge 20 mCi.                     | 5550 2021-05-03
    Planned 150 mCi. Administered 148.3 mCi.                                  | 5487.1 2021-05-03
    Capsule 3700 MBq, calibrated 2021-04-30.                                  | 3700 2021-05-03
    150 mCi ordered                                                           | - 2021-05-03
    Geplante Aktivität 3700 MBq; verabreichte Aktivität 3650 MBq              | 3650 2021-05-03
    Not pregnant. 3.700 MBq I-131 PO.                                         | 3700 2021-05-03
"""

# + progression, . none stated
PROGRESSION = """
    Compared with the prior CT, interval progression of pulmonary metastases. | +
    Interval progression of lung metastases compared to prior.                | +
    Considerable interval progression of nodal disease.                       | +
    Interval progression of known lung metastases, no new lesions.            | +
    CT chest without contrast: new pulmonary lesions.                         | +
    No new lesions, but interval progression of the lung metastases.          | +
    No new lesions identified, interval progression of bone metastases.       | +
    Disease has progressed since May 2021.                                    | +
    Disease has not progressed.                                               | .
    No evidence of\\nprogressive disease.                                     | .
    No suspicious node in the neck and no convincing sign of any\\nProgression of disease. | .
    Indication: disease progression under lenvatinib.                         | .
    Progressive disease in 2018, stable under treatment.                      | .
    History of disease progression on sorafenib.                              | .
    Lenvatinib until disease progression.                                     | .
    New lesions versus treatment effect.                                      | .
    Findings likely represent disease progression.                            | .
    Disease progression cannot be excluded.                                   | .
    Disease progression?                                                      | .
    Progression-free, disease progression free interval 12 months.            | .
    Im Vergleich zur Voruntersuchung Progress der pulmonalen Metastasen.      | +
    Neu aufgetretene Lungenmetastasen beidseits.                              | +
    Größenprogrediente Lungenmetastasen, somit Tumorprogress.                 | +
    V. a. Tumorprogress.                                                      | .
    Fragestellung: Tumorprogress?                                             | .
    Kein sicherer Anhalt für neue\\nLungenmetastasen.                         | .
    Ein Tumorprogress ist nicht sicher auszuschließen.                        | .
    Aktuell weder Tumorprogress noch neue Metastasen.                         | .
    Die Lunge ist frei, insgesamt ergibt sich somit aktuell kein relevanter\\nTumorprogress. | .
    Therapiewechsel erst bei Tumorprogress.                                   | .
    Tumorprogressionsfreies Intervall von 12 Monaten.                         | .
    Progressão da doença em relação ao exame anterior.                        | +
    Surgimento de novas lesões pulmonares.                                    | +
    Não há sinais de progressão da doença.                                    | .
    Sem evidências de novas metástases.                                       | .
    Suspeita de progressão tumoral.                                           | .
    Não se pode excluir progressão da doença.                                 | .
    Livre de progressão da doença há 2 anos.                                  | .
    There is progression of metastatic disease.                               | +
    Assess for new lesions.                                                   | .
    Time to disease progression 12 months.                                    | .
    Interval progression of degenerative changes.                             | .
    Interval progression of lung disease, stable lung metastases.             | .
    The new lesions have resolved.                                            | .
    New lesions are benign cysts.                                             | .
    Biochemical disease progression only.                                     | .
    Ausschluss Tumorprogress.                                                 | .
    Neue Läsion, am ehesten Zyste.                                            | .
    Z. n. Tumorprogress 2019, jetzt stabil.                                   | .
    Houve progressão da doença nos pulmões.                                   | +
    Avaliar progressão da doença.                                             | .
    Clinical history: progressive disease\\nImpression: no new lesions         | .
    IMPRESSION:\\n1. Interval progression of lung metastases.\\n2. No new bone lesions.| +
    No CT evidence to suggest interval\\ndisease progression.                  | .
    New lesions: none                                                         | .
    New lesions: 0                                                            | .
    New lesions: yes                                                          | +
    Unchanged new lesion in segment VII.                                      | .
    To delay disease progression lenvatinib was started.                      | .
    Neue Läsionen: keine                                                      | .
    Neue Läsionen in der Leber.                                               | +
    Keinerlei neue Metastasen.                                                | .
    Tumorprogress unter Sorafenib 2019.                                       | .
    Pseudoprogress der Metastasen.                                            | .
    Novas lesões: nenhuma                                                     | .
    Descartada progressão da doença.                                          | .
"""

GENES = """
    No evidence of a\\nBRAF V600E mutation.                                   | -BRAF V600E
    V. a. BRAF V600E Mutation                                                 | ?BRAF V600E
    BRAF V600E?                                                               | ?BRAF V600E
    BRAF V600E mutation suspicious for papillary carcinoma                    | ?BRAF V600E
    Detectada mutação BRAF V600E; ausência de mutação em NRAS                 | +BRAF V600E, -NRAS
    Molekularpathologie: BRAF p.V600E mutiert, TERT-Promotor ohne Mutation    | +BRAF V600E, -TERT
    BRAF: no V600E mutation                                                   | -BRAF V600E
    BRAF exon 15 negative for V600E                                           | -BRAF V600E
    BRAF analysis did not reveal a V600E mutation                             | .BRAF V600E
    BRAF V600E was not confirmed                                              | ?BRAF V600E
    BRAF is not V600E mutated                                                 | .BRAF V600E
    BRAF V600E detected, not previously reported                              | +BRAF V600E
    Im BRAF-Gen zeigt sich keine V600E-Mutation                               | -BRAF V600E
    BRAF: V600E wurde nicht bestätigt                                         | ?BRAF V600E
    Gen BRAF sem mutação V600E                                                | -BRAF V600E
    Mutação V600E no gene BRAF ausente                                        | -BRAF V600E
    BRAF mutation: no                                                         | -BRAF
    BRAF-Analyse: V600E nein                                                  | -BRAF V600E
    The assay detects BRAF V600E and NRAS Q61R. | ?BRAF V600E, ?NRAS Q61R
    BRAF V600E: limit of detection 5 %                                        | ?BRAF V600E
    NRAS Q61R, Nachweisgrenze 5 %                                             | ?NRAS Q61R
"""

# + taken, . reported and not taken
DRUGS = """
    Dabrafenib 75 mg BID, started May 2021                                    | +
    Trametinib solution, oral suspension                                      | +
    Dabrafenib 150 mg (approved dose)                                         | +
    Dabrafenib geplant                                                        | .
    Patient should start dabrafenib                                           | .
    Dabrafenib abgesetzt                                                      | .
    Nicht verordnet: Dabrafenib                                               | .
    Dabrafenibe suspenso                                                      | .
    Alergia a dabrafenibe                                                     | .
    Paciente não usa dabrafenibe                                              | .
    Dabrafenib 75 mg. Take on an empty stomach.                               | +
    Lenvatinib pausiert seit 03/2021                                          | .
    Dabrafenib not given                                                      | .
"""


def lines(table: str) -> list[tuple[str, str]]:
    """(sentence, answer) of each line; `\\n` in a sentence is a line's end."""
    found = []
    for line in table.strip().splitlines():
        text, _, answer = line.rpartition("|")
        found.append((text.strip().replace("\\n", "\n"), answer.strip()))
    return found


def report(text: str, **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": PATIENT,
        "code": {"text": "Report"},
        "effectiveDateTime": "2021-06-01",
        "conclusion": text,
        **content,
    }


def doses(resource: dict[str, Any]) -> str:
    found = []
    for row in given(resource):
        _, _, _, mbq, _, day, flags = row.split(" | ")
        found.append(f"{mbq} {'document' if 'date_of_document' in flags else day}")
    return ", ".join(found) or "."


@pytest.mark.parametrize(("text", "answer"), lines(IODINE))
def test_iodine_given(text: str, answer: str) -> None:
    assert doses(report(text)) == answer


@pytest.mark.parametrize(("text", "answer"), lines(NOTES))
def test_a_note_beside_iodine_given(text: str, answer: str) -> None:
    assert doses(procedure(concept("79005", CPT), note=[{"text": text}])) == answer


@pytest.mark.parametrize(("text", "answer"), lines(PROGRESSION))
def test_progression(text: str, answer: str) -> None:
    tables = [row.table for row in mapped(report(text)).rows]
    assert ("+" if "disease_status" in tables else ".") == answer


@pytest.mark.parametrize(("text", "answer"), lines(GENES))
def test_genes(text: str, answer: str) -> None:
    assert said(text) == answer


@pytest.mark.parametrize(("text", "answer"), lines(DRUGS))
def test_drugs(text: str, answer: str) -> None:
    found = mapped(statement(medicationCodeableConcept={"text": text}))
    assert ("+" if found.rows else ".") == answer
    assert bool(found.rows) != bool(found.unmapped)
