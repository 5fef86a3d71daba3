"""A ViewDefinition, checked and compiled before it meets a resource.

Element names and rules: StructureDefinition ViewDefinition of SQL on FHIR v2. Everything wrong
raises ViewDefinitionError: unknown keys, missing columns, duplicate names, unionAll branches that
differ, bad paths, undefined constants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from adapter.artifacts import CANONICAL
from adapter.errors import ViewDefinitionError
from adapter.mapping import fhirpath
from adapter.mapping.expression import has_elements
from adapter.mapping.fhirpath import Path
from adapter.mapping.path_check import RESERVED, Membership

VIEW_KEYS = frozenset(
    {*CANONICAL, "text", "language", "resource", "profile", "fhirVersion", "constant", "select",
     "where"}
)  # fmt: skip
SELECT_KEYS = frozenset({"column", "select", "unionAll", "forEach", "forEachOrNull", "repeat"})
COLUMN_KEYS = frozenset({"name", "path", "type", "collection", "description", "tag"})
WHERE_KEYS = frozenset({"path", "description"})
ROW_INDEX = "%rowIndex"
_ELEMENT = frozenset({"id", "extension"})
_SQL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VIEW_TYPE = re.compile(r"(https?://\S+/StructureDefinition/)?ViewDefinition")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its FHIR type as declared, and whether a cell is a list of values."""

    name: str
    path: Path
    type: str | None
    collection: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """A Selection Structure. At most one of for_each and repeat is set."""

    own: tuple[Column, ...]
    selects: tuple[Selection, ...]
    union_all: tuple[Selection, ...]
    for_each: Path | None
    or_null: bool
    repeat: tuple[Path, ...]
    columns: tuple[Column, ...]
    """Own and nested columns, in the order of the output."""

    @property
    def paths(self) -> Iterator[Path]:
        """All paths in it."""
        yield from self.repeat
        if self.for_each:
            yield self.for_each
        for column in self.own:
            yield column.path
        for inside in (*self.selects, *self.union_all):
            yield from inside.paths


@dataclass(frozen=True, slots=True)
class PathCompiler:
    """Compiles the paths of a view: its constants, its terminology, and what they start from.

    focus: the type of parsed JSON that they are evaluated on; None for elements of fhirpathpy's.
    """

    constants: Mapping[str, object]
    membership: Membership | None
    focus: str | None

    def __call__(self, text: str) -> Path:
        return fhirpath.compile_path(
            text, constants=self.constants, membership=self.membership, focus=self.focus
        )

    def each(self, text: str) -> tuple[Path, PathCompiler]:
        """The path of a forEach, and what compiles the paths on the elements it finds."""
        path = self(text)
        if path.closure and has_elements(path.closure.type):
            return path, replace(self, focus=path.closure.type)
        return self.interpreted(text), replace(self, focus=None)

    def interpreted(self, text: str) -> Path:
        """The path by fhirpathpy, whose elements know their types."""
        return replace(self(text), closure=None)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise TypeError
    return Decimal(str(value))


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _day(value: object) -> object:
    return fhirpath.date_constant(_text(value))


def _time(value: object) -> object:
    return fhirpath.time_constant(_text(value))


CONSTANT_TYPES: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(
        ("Base64Binary", "Canonical", "Code", "Id", "Oid", "String", "Uri", "Url", "Uuid"), _text
    ),
    **dict.fromkeys(("Integer", "Integer64", "PositiveInt", "UnsignedInt"), _whole),
    **dict.fromkeys(("Date", "DateTime", "Instant"), _day),
    "Boolean": _truth,
    "Decimal": _number,
    "Time": _time,
}
CONSTANT_KEYS = frozenset({"name", *(f"value{name}" for name in CONSTANT_TYPES)})


def resource_type(definition: Json) -> str:
    """The resource of the view, after the keys of its root are checked."""
    _refuse_unknown(definition, VIEW_KEYS, "ViewDefinition")
    if not _VIEW_TYPE.fullmatch(str(definition.get("resourceType", "ViewDefinition"))):
        raise ViewDefinitionError("resourceType is not ViewDefinition")
    if "name" in definition:
        _sql_name(definition, "ViewDefinition")
    name = _string(definition, "resource", "ViewDefinition")
    if not fhirpath.MODEL.is_resource(name):
        raise ViewDefinitionError(f"resource {name!r} is no resource type of FHIR R4")
    return name


def compiler(
    definition: Json, membership: Membership | None, *, compiled: bool = True
) -> PathCompiler:
    """What compiles the view's paths; `compiled` is False to leave them all to fhirpathpy."""
    constants: dict[str, object] = {}
    for item in _objects(definition, "constant", "ViewDefinition"):
        name, value = _constant(item)
        if name in constants or name in RESERVED:
            raise ViewDefinitionError(f"constant {name!r} is already defined")
        constants[name] = value
    return PathCompiler(constants, membership, definition["resource"] if compiled else None)


def where(definition: Json, compile_path: PathCompiler) -> tuple[Path, ...]:
    """The conditions; one that is known to be no boolean is refused."""
    conditions = []
    for item in _objects(definition, "where", "ViewDefinition"):
        _refuse_unknown(item, WHERE_KEYS, "where")
        path = compile_path(_string(item, "path", "where"))
        found = fhirpath.MODEL.element_type(path.text, definition["resource"])
        if found not in (None, "boolean"):
            raise ViewDefinitionError(f"where {path.text!r} is a {found}, not a boolean")
        conditions.append(path)
    return tuple(conditions)


def root_selection(definition: Json, compile_path: PathCompiler) -> Selection:
    """The view's select as one Selection Structure."""
    selects = _selections(definition, "select", compile_path)
    if not selects:
        raise ViewDefinitionError("select is missing or empty")
    columns = tuple(column for select in selects for column in select.columns)
    if not columns:
        raise ViewDefinitionError("the view has no columns")
    # ValidateColumns: column names are unique across the view.
    names = [column.name for column in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ViewDefinitionError(f"column already defined: {', '.join(twice)}")
    return Selection((), selects, (), None, or_null=False, repeat=(), columns=columns)


def _selection(stated: Json, compile_path: PathCompiler) -> Selection:
    _refuse_unknown(stated, SELECT_KEYS, "select")
    iterations = [key for key in ("forEach", "forEachOrNull", "repeat") if key in stated]
    if len(iterations) > 1:
        raise ViewDefinitionError(f"select has both {' and '.join(iterations)}")
    each = next((key for key in iterations if key != "repeat"), None)
    repeat = tuple(compile_path.interpreted(text) for text in _repeat(stated))
    for_each, inside = None, replace(compile_path, focus=None) if repeat else compile_path
    if each:
        for_each, inside = compile_path.each(_string(stated, each, "select"))
    own = tuple(_column(item, inside) for item in _objects(stated, "column", "select"))
    selects = _selections(stated, "select", inside)
    union_all = _selections(stated, "unionAll", inside)
    nested = tuple(column for select in selects for column in select.columns)
    columns = (*own, *nested, *_union_columns(union_all))
    or_null = each == "forEachOrNull"
    selection = Selection(own, selects, union_all, for_each, or_null, repeat, columns)
    if not selection.columns:
        raise ViewDefinitionError("select has no columns")
    return selection


def _selections(stated: Json, key: str, compile_path: PathCompiler) -> tuple[Selection, ...]:
    return tuple(_selection(item, compile_path) for item in _objects(stated, key, "select"))


def _union_columns(branches: Sequence[Selection]) -> tuple[Column, ...]:
    """The columns of a unionAll: each branch has the same ones."""
    shapes = [
        [(column.name, column.type, column.collection) for column in branch.columns]
        for branch in branches
    ]
    if any(shape != shapes[0] for shape in shapes):
        names = " / ".join(", ".join(name for name, *_ in shape) for shape in shapes)
        raise ViewDefinitionError(f"unionAll branches have different columns: {names}")
    return branches[0].columns if branches else ()


def _column(stated: Json, compile_path: PathCompiler) -> Column:
    _refuse_unknown(stated, COLUMN_KEYS, "column")
    name = _sql_name(stated, "column")
    where = f"column {name}"
    collection = stated.get("collection", False)
    if not isinstance(collection, bool):
        raise ViewDefinitionError(f"{where}: collection is no boolean")
    declared = _string(stated, "type", where) if "type" in stated else None
    return Column(name, compile_path(_string(stated, "path", where)), declared, collection)


def _constant(stated: Json) -> tuple[str, object]:
    _refuse_unknown(stated, CONSTANT_KEYS, "constant")
    name = _sql_name(stated, "constant")
    values = [key for key in stated if key.startswith("value")]
    if len(values) != 1:
        raise ViewDefinitionError(f"constant {name} needs one value[x]")
    read = CONSTANT_TYPES[values[0].removeprefix("value")]
    try:
        return name, read(stated[values[0]])
    except (TypeError, ValueError) as error:
        raise ViewDefinitionError(f"constant {name}: no {values[0]}") from error


def _repeat(stated: Json) -> list[str]:
    paths = stated.get("repeat", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ViewDefinitionError("select.repeat is no list of paths")
    return paths


def _refuse_unknown(stated: Json, known: frozenset[str], where: str) -> None:
    unknown = sorted(key for key in stated if key.removeprefix("_") not in known | _ELEMENT)
    if unknown:
        raise ViewDefinitionError(f"{where} has an unknown key: {', '.join(unknown)}")


def _string(stated: Json, key: str, where: str) -> str:
    value = stated.get(key)
    if not isinstance(value, str) or not value:
        raise ViewDefinitionError(f"{where}.{key} is missing or no text")
    return value


def _sql_name(stated: Json, where: str) -> str:
    name = _string(stated, "name", where)
    if not _SQL_NAME.fullmatch(name):
        raise ViewDefinitionError(f"{where}.name {name!r} is not made of letters, digits and _")
    return name


def _objects(stated: Json, key: str, where: str) -> list[Json]:
    """The objects of a repeating element; none where it is absent."""
    items = stated.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise ViewDefinitionError(f"{where}.{key} is no list of objects")
    return items
