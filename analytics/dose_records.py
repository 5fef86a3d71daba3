"""What `map` and the statistics both say of a record of an administered activity."""

from __future__ import annotations

from decimal import Decimal

# What records say of themselves: an activity that nobody gives; a day that is only the document's.
IMPLAUSIBLE = "activity_implausible"
DATE_OF_DOCUMENT = "date_of_document"
# Two statements of one activity that differ by more disagree.
DISAGREEMENT = Decimal("0.05")
