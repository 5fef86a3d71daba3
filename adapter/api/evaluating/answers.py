"""Results as the resources that the operations answer with."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.api.evaluating.results import Results
from adapter.elements import Json


def parameters(results: Results, base: str) -> Json:
    """`$evaluate` of DEQM UV: `return` 0..*, a Bundle for each subject, or one for a summary."""
    bundles = [
        bundle(reports, made_of, base)
        for reports, made_of in zip(results.reports, results.provenance, strict=True)
    ]
    returned = [{"name": "return", "resource": each} for each in bundles]
    return {"resourceType": "Parameters", **({"parameter": returned} if returned else {})}


def bundle(reports: list[Json], made_of: list[Json], base: str) -> Json:
    """Reports, each with the Provenance that refers to it."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": reports[0]["date"],
        "entry": list(_entries([*reports, *made_of], base)),
    }


def _entries(resources: list[Json], base: str) -> Iterator[Json]:
    for resource in resources:
        url = f"{base}/{resource['resourceType']}/{resource['id']}"
        yield {"fullUrl": url, "resource": resource}


def references(resource: Json) -> list[str]:
    """Whom and what the reports in an answer are of, for the audit."""
    found: dict[str, None] = {}
    for report in _reports(resource):
        subject = report.get("subject", {}).get("reference")
        measure = report["measure"].rpartition("/")[2].partition("|")[0]
        found |= dict.fromkeys(
            [subject, f"Measure/{measure}"] if subject else [f"Measure/{measure}"]
        )
    return list(found)


def _reports(resource: Json) -> Iterator[Json]:
    if resource["resourceType"] == "MeasureReport":
        yield resource
    for held in (*resource.get("parameter", ()), *resource.get("entry", ())):
        if "resource" in held:
            yield from _reports(held["resource"])
