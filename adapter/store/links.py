"""Links resolved when a patient is read: the drug or isotope that a Medication resource states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from adapter.models import LinkRow, MedicationRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction
from analytics.course import DrugExposure, FactRef, RaiAdministration


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One ingredient of a Medication: a drug, or an isotope and what it is given for."""

    ingredient: str
    drug_class: str
    isotope: str
    purpose: str


Links = dict[tuple[str, str, str], list[Ingredient]]
"""(site, resource_type, resource_id) of a resource with a link -> what its Medications contain.

An empty list: the resource has a link, but the store does not have the Medication's facts.
"""


def medication_links(
    transaction: Transaction, page: Callable[[ColumnElement[Any]], ColumnElement[bool]]
) -> Links:
    """The links of role `medication` of a page of patients, joined with the site's Medications."""
    link, medication = table_of(LinkRow).columns, table_of(MedicationRow).columns
    target = and_(
        medication.site == link.site,
        medication.resource_type == link.target_type,
        medication.resource_id == link.target_id,
    )
    stated = (medication[name] for name in Ingredient.__slots__)
    found = (
        select(
            link.site,
            link.resource_type,
            link.resource_id,
            *(func.coalesce(column, "") for column in stated),
        )
        .select_from(link.site.table.outerjoin(medication.site.table, target))
        .where(link.role == "medication", page(link.patient_key))
        .order_by(link.ordinal, medication.resource_id, medication.ordinal)
    )
    links: Links = {}
    for batch in transaction.batches(found):
        for site, resource_type, resource_id, *contained in zip(*batch, strict=True):
            ingredients = links.setdefault((site, resource_type, resource_id), [])
            if any(contained):
                ingredients.append(Ingredient(*contained))
    return links


def with_ingredient(
    exposures: Iterable[DrugExposure], site: str, links: Links
) -> Iterator[DrugExposure]:
    """Exposures that name their drug; one that only links to a Medication, once per ingredient.

    An exposure whose Medication is unknown, or contains no drug of interest, is left out.
    """
    for exposure in exposures:
        if exposure.ingredient:
            yield exposure
            continue
        drugs = {(each.ingredient, each.drug_class) for each in _of(exposure.ref, site, links)}
        named = sorted((ingredient, drug_class) for ingredient, drug_class in drugs if ingredient)
        # Of a Medication of two drugs it is not said whose dose it is.
        one = exposure if len(named) == 1 else replace(exposure, dose_mg=None)
        for ingredient, drug_class in named:
            yield replace(one, ingredient=ingredient, drug_class=drug_class)


def with_isotope(
    records: Iterable[RaiAdministration], site: str, links: Links
) -> Iterator[RaiAdministration]:
    """Records of radioiodine, with isotope and purpose of the linked Medication where not stated.

    A record that leaves the isotope to a Medication which states none is no radioiodine.
    """
    for record in records:
        linked = (site, record.ref.resource_type, record.ref.resource_id) in links
        isotopes = [each for each in _of(record.ref, site, links) if each.isotope]
        if not isotopes:
            if record.isotope or not linked:
                yield record
            continue
        given = isotopes[0]
        yield replace(
            record,
            isotope=record.isotope or given.isotope,
            purpose=given.purpose or record.purpose
            if record.purpose == "unknown"
            else record.purpose,
        )


def _of(ref: FactRef, site: str, links: Links) -> list[Ingredient]:
    return links.get((site, ref.resource_type, ref.resource_id), [])
