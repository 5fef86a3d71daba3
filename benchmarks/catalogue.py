"""What a hospital measures: LOINC codes with units, reference ranges and how often they come.

Codes and names: LOINC, (c) Regenstrief Institute, loinc.org/license. The shares are those of a
general hospital in their order of magnitude; no real data lies behind them.
"""

from __future__ import annotations

from typing import NamedTuple


class Analyte(NamedTuple):
    """A quantity: `low` and `high` bound the reference range, `weight` is its relative share."""

    code: str
    display: str
    unit: str
    low: float
    high: float
    digits: int
    weight: int


LABORATORY = (
    Analyte("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12.0, 16.0, 1, 34),
    Analyte("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count",
            "%", 36, 46, 1, 30),
    Analyte("789-8", "Erythrocytes [#/volume] in Blood by Automated count",
            "10*6/uL", 4, 5.2, 2, 30),
    Analyte("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4, 11, 1, 34),
    Analyte("777-3", "Platelets [#/volume] in Blood by Automated count",
            "10*3/uL", 150, 400, 0, 34),
    Analyte("787-2", "MCV [Entitic volume] by Automated count", "fL", 80, 100, 1, 26),
    Analyte("785-6", "MCH [Entitic mass] by Automated count", "pg", 27, 33, 1, 26),
    Analyte("786-4", "MCHC [Mass/volume] by Automated count", "g/dL", 32, 36, 1, 26),
    Analyte("788-0", "Erythrocyte distribution width [Ratio] by Automated count",
            "%", 11, 15, 1, 24),
    Analyte("770-8", "Neutrophils/100 leukocytes in Blood by Automated count", "%", 40, 75, 1, 18),
    Analyte("736-9", "Lymphocytes/100 leukocytes in Blood by Automated count", "%", 20, 45, 1, 18),
    Analyte("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 135, 145, 0, 36),
    Analyte("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.5, 5.1, 1, 38),
    Analyte("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "mmol/L", 98, 107, 0, 32),
    Analyte("2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma",
            "mmol/L", 22, 29, 0, 30),
    Analyte("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 7, 20, 0, 32),
    Analyte("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.2, 2, 38),
    Analyte("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 110, 0, 36),
    Analyte("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.5, 10.5, 1, 28),
    Analyte("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
            "U/L", 7, 56, 0, 20),
    Analyte("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
            "U/L", 10, 40, 0, 20),
    Analyte("6768-6", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
            "U/L", 44, 147, 0, 18),
    Analyte("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", 0.1, 1.2, 1, 20),
    Analyte("1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL", 3.5, 5.0, 1, 20),
    Analyte("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 40, 150, 0, 8),
    Analyte("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 110, 200, 0, 8),
    Analyte("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0, 5.6, 1, 8),
    Analyte("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/L", 0.1, 5, 1, 16),
    Analyte("6301-6", "INR in Platelet poor plasma by Coagulation assay", "{INR}", 0.9, 1.2, 1, 12),
    Analyte("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", 1.7, 2.4, 1, 12),
    Analyte("2777-1", "Phosphate [Mass/volume] in Serum or Plasma", "mg/dL", 2.5, 4.5, 1, 12),
    Analyte("3024-7", "Thyroxine (T4) free [Mass/volume] in Serum or Plasma",
            "ng/dL", 0.8, 1.8, 2, 3),
    Analyte("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.4, 4.0, 2, 4),
    Analyte("1992-7", "Calcitonin [Mass/volume] in Serum or Plasma", "pg/mL", 0, 8, 1, 1),
)  # fmt: skip

VITAL_SIGNS = (
    Analyte("8867-4", "Heart rate", "/min", 60, 100, 0, 60),
    Analyte("9279-1", "Respiratory rate", "/min", 12, 20, 0, 50),
    Analyte("8310-5", "Body temperature", "Cel", 36.1, 37.8, 1, 50),
    Analyte("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry",
            "%", 94, 100, 0, 55),
    Analyte("29463-7", "Body weight", "kg", 45, 110, 1, 12),
    Analyte("8302-2", "Body height", "cm", 150, 195, 0, 6),
    Analyte("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 18.5, 30, 1, 8),
)  # fmt: skip

BLOOD_PRESSURE_WEIGHT = 60

TEXTS = (
    ("5778-6", "Color of Urine", ("Yellow", "Straw", "Amber", "Dark yellow"), 8),
    ("5767-9", "Appearance of Urine", ("Clear", "Hazy", "Cloudy", "Turbid"), 8),
    ("600-7", "Bacteria identified in Blood by Culture",
     ("No growth after 5 days", "Staphylococcus epidermidis", "Escherichia coli"), 6),
    ("8251-1", "Service comment 02", ("Specimen slightly haemolysed.", "Called to ward."), 6),
)  # fmt: skip
"""(LOINC code, display, texts, weight) of results in words."""

ANTIBODY = Analyte(
    "8098-6", "Thyroglobulin Ab [Units/volume] in Serum or Plasma", "[IU]/mL", 0, 1.8, 1, 1
)

THYROGLOBULIN_NAMES = {
    "3013-0": "Thyroglobulin [Mass/volume] in Serum or Plasma",
    "96460-1": "Thyroglobulin [Mass/volume] in Serum or Plasma by Immunoassay --post "
    "thyroglobulin antibody neutralization",
}

GENES = {
    "BRAF": ("HGNC:1097", ("NP_004324.2:p.(Val600Glu)", "p.Val600Glu", "p.(Lys601Glu)")),
    "NRAS": ("HGNC:7989", ("NP_002515.1:p.(Gln61Arg)", "p.Gln61Lys")),
    "HRAS": ("HGNC:5173", ("p.(Gln61Arg)", "p.Gly13Arg")),
    "KRAS": ("HGNC:6407", ("p.Gly12Val", "p.(Gly12Asp)")),
    "RET": ("HGNC:9967", ("p.(Met918Thr)",)),
    "TP53": ("HGNC:11998", ("p.Arg175His", "p.(Arg248Trp)", "p.(Tyr220Cys)")),
    "PIK3CA": ("HGNC:8975", ("p.(His1047Arg)", "p.Glu545Lys")),
}
"""Gene symbol → HGNC id and changes of its protein, as laboratories write them."""
