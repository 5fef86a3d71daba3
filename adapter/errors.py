"""The exception tree. Each error knows its exit code and its OperationOutcome issue code.

RaiwayError                      1  exception
  UsageError                     2  invalid       a wrong argument, path or setting
    ConfigurationError           2  invalid       raiway.toml or an environment variable
    DefinitionError              2  invalid       a file under mappings/ or a site's ConceptMap
      ViewDefinitionError        2  invalid       a ViewDefinition that cannot be run
  GateFailed                     3  business-rule the quality gate or a report's own check
    RuleBroken                   3  business-rule one of named rules, as those of pooling
  Unreachable                    4  transient     a server or store out of reach, or refusing
    StoreError                   4  transient     the analytic store
  LandingError                   4  transient     a landing folder that cannot be written: disk full
  ResourceError                  5  processing    one resource that cannot be mapped (quarantined)
    InvalidResource              5  structure     not FHIR: no JSON object, no type, no id
    EvaluationFailed             5  processing    a view that does not fit this one resource
    InvalidValue                 5  value         an impossible date, an unknown unit

Exit codes and issue codes: `docs/decisions/0003-exit-codes.md`; issue codes are those of
http://hl7.org/fhir/R4/valueset-issue-type.html. Messages name files, lines, resource types and
paths, never a patient's data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class RaiwayError(Exception):
    """Any failure that Raiway explains itself: what, where, and what to do."""

    exit_code = 1
    issue_code = "exception"

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what


class UsageError(RaiwayError):
    """A wrong argument, path or setting."""

    exit_code = 2
    issue_code = "invalid"


class ConfigurationError(UsageError):
    """A wrong key or value in raiway.toml or the environment."""


class DefinitionError(UsageError):
    """A file under mappings/, or a site's own, that does not hold together."""


class ViewDefinitionError(DefinitionError):
    """A ViewDefinition that cannot be run."""


class GateFailed(RaiwayError):
    """A quality rule, or a report's own check, failed."""

    exit_code = 3
    issue_code = "business-rule"


class RuleBroken(GateFailed):
    """A gate of named rules that failed; `rule` names which of `RULES` is broken."""

    RULES: ClassVar[Mapping[str, str]]
    SAID: ClassVar[str] = ""
    """What the message begins with."""

    def __init__(self, rule: str, what: str, *, where: str = "") -> None:
        super().__init__(f"{self.SAID}{what}", where=where, hint=f"{rule}: {self.RULES[rule]}")
        self.rule = rule


class Unreachable(RaiwayError):
    """A server or store that cannot be reached, or that refuses us."""

    exit_code = 4
    issue_code = "transient"


class StoreError(Unreachable):
    """The analytic store cannot be opened, read or written."""


class LandingError(RaiwayError):
    """The landing folder cannot be written. No fault of one type: the whole run stops, and can be
    gone on with."""

    exit_code = 4
    issue_code = "transient"


class ResourceError(RaiwayError):
    """One resource that cannot be mapped; it is quarantined and the rest goes on."""

    exit_code = 5
    issue_code = "processing"


class InvalidResource(ResourceError):
    """Not a FHIR resource: no JSON object, no known type, no id."""

    issue_code = "structure"


class InvalidValue(ResourceError):
    """An element whose value cannot be true or read: a date, a unit, a number."""

    issue_code = "value"


class EvaluationFailed(ViewDefinitionError, ResourceError):
    """A path or view that cannot be evaluated on one resource; the others go on."""

    exit_code = ResourceError.exit_code
    issue_code = ResourceError.issue_code
