"""What the parameters of evaluation are called: R4, DEQM UV, and STU3, which clients still send.

R4: http://hl7.org/fhir/R4/measure-operation-evaluate-measure.html. UV: DEQM UV 1.0.0,
OperationDefinition/evaluate. STU3 says `patient` where R4 says `subject` (hapi-fhir #3479).
"""

from __future__ import annotations

from adapter.api.evaluating.given import Given
from adapter.report.writer import ReportKind

KINDS: dict[str, ReportKind] = {
    "subject": "individual",
    "individual": "individual",
    "patient": "individual",
    "subject-list": "subject-list",
    "patient-list": "subject-list",
    "population": "summary",
    "summary": "summary",
}
NOT_OFFERED = ("data-collection", "data-exchange")
UNSUPPORTED = ("lastReceivedOn", "manifest")
TAKEN = (
    "measure",
    "measureId",
    "measureUrl",
    "periodStart",
    "periodEnd",
    "reportType",
    "subject",
    "patient",
    "subjectGroup",
    "practitioner",
    "provider",
    "providerResource",
    "location",
    "parameters",
    "stratifier",
)


def check_names(given: Given) -> None:
    """Refuse what is not known, and what cannot be heeded, with FhirFailure 400."""
    for name in given.values:
        if name in UNSUPPORTED:
            raise given.failure(name, f"{name} is not supported", code="not-supported")
        if name not in TAKEN:
            text = f"no such parameter; there are {', '.join(TAKEN)}"
            raise given.failure(name, text, code="not-supported")


def kind_of(given: Given, *, names_a_subject: bool) -> ReportKind:
    """The report's type. Without one: of the subject where one is named, else a summary.

    Raises FhirFailure 400 for no such type, 501 for one that is not offered.
    """
    asked = given.one("reportType")
    if not asked:
        return "individual" if names_a_subject else "summary"
    if asked in NOT_OFFERED:
        raise given.failure(
            "reportType",
            f"reports of type {asked} are not offered",
            status=501,
            code="not-supported",
        )
    if asked not in KINDS:
        raise given.failure("reportType", f"no such type; there are {', '.join(KINDS)}")
    return KINDS[asked]
