"""De-identification at the border: pull and foreign files pass here before anything is stored."""

from adapter.privacy.deidentify import Deidentified, Deidentifier, Policy, Withheld
from adapter.privacy.keys import Keys, checked, fingerprint, new_key
from adapter.privacy_mode import Mode

__all__ = [
    "Deidentified",
    "Deidentifier",
    "Keys",
    "Mode",
    "Policy",
    "Withheld",
    "checked",
    "fingerprint",
    "new_key",
]
