"""FHIR's XML from JSON and back (FHIR R4 xml.html, json.html), by the definitions of the types.

Values keep the text that they have: `+00:00` stays, and so do the digits of a decimal on their way
to XML. The writer of fhir.resources is not used: it writes the id of an element as an element,
where FHIR has an attribute, and instants with six decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from adapter.elements import Json
from adapter.errors import InvalidResource
from adapter.fhir_r4 import Element, elements_of

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
_FHIR, _XHTML = f"{{{FHIR}}}", f"{{{XHTML}}}"
_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# XML 1.0 section 2.2; a JSON string may hold them, as in what a client asked for.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOOLEANS = {"true": True, "false": False}


def as_xml(resource: Mapping[str, Any], *, pretty: bool = False) -> bytes:
    """The resource in FHIR's XML, UTF-8.

    Raises InvalidResource for a type or an element that R4 does not have.
    """
    kind = str(resource.get("resourceType"))
    root = etree.Element(f"{_FHIR}{kind}", nsmap={None: FHIR})
    _write(root, resource, kind)
    if pretty:
        etree.indent(root)
    # Narratives are put in last: white space in them means something.
    for place in list(root.iter(f"{_XHTML}div")):
        narrative = _narrative(place.text or "")
        narrative.tail = place.tail
        if (parent := place.getparent()) is not None:
            parent.replace(place, narrative)
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def from_xml(content: bytes, depth: int = 64) -> Json:
    """The resource of FHIR's XML as JSON has it; elements may be nested as deep as `depth`.

    Raises InvalidResource, without repeating values, for what is no XML, has a document type, or
    has elements or values that R4 does not have.
    """
    return _resource(_parsed(content), depth)


def _parsed(content: bytes | str) -> etree._Element:
    """XML without comments. No entity is expanded and nothing is fetched."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise InvalidResource(f"no XML (line {line}, column {column})") from error
    except ValueError as error:
        raise InvalidResource("no XML") from error
    if root.getroottree().docinfo.doctype:
        raise InvalidResource("XML with a document type is not read")
    return root


def _elements(type_name: str) -> Mapping[str, Element]:
    try:
        return elements_of(type_name)
    except (KeyError, ValueError) as error:
        raise InvalidResource(f"{type_name} is no type of FHIR R4") from error


def _write(parent: etree._Element, value: Mapping[str, Any], type_name: str) -> None:
    """The members of a resource or data type, in the order of their definition."""
    known = _elements(type_name)
    stated = {name.removeprefix("_") for name in value} - {"resourceType"}
    if unknown := stated - known.keys():
        raise InvalidResource(f"{type_name} has no element {min(unknown)}")
    is_resource = "resourceType" in value
    for name, element in known.items():
        if name not in stated:
            continue
        if (name == "id" and not is_resource) or (name == "url" and type_name == "Extension"):
            parent.set(name, str(value[name]))
            continue
        for item, extended in _pairs(value.get(name), value.get(f"_{name}")):
            _write_one(parent, name, element, item, extended)


def _pairs(values: Any, extensions: Any) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Each value of an element with what stands under `_name` beside it."""
    many = values if isinstance(values, list) else [values]
    beside = extensions if isinstance(extensions, list) else [extensions]
    for place in range(max(len(many), len(beside))):
        item = many[place] if place < len(many) else None
        extended = beside[place] if place < len(beside) else None
        yield item, extended or {}


def _write_one(
    parent: etree._Element, name: str, element: Element, item: Any, extended: Mapping[str, Any]
) -> None:
    if name == "div":
        etree.SubElement(parent, f"{_XHTML}div").text = _text(item)
        return
    child = etree.SubElement(parent, f"{_FHIR}{name}")
    if element.type_name == "Resource":
        inner = etree.SubElement(child, f"{_FHIR}{item['resourceType']}")
        _write(inner, item, str(item["resourceType"]))
    elif element.type_name:
        _write(child, item, element.type_name)
    else:
        if item is not None:
            child.set("value", _text(item))
        _write(child, extended, "Element")


def _text(value: Any) -> str:
    if isinstance(value, float):
        # Not every reader takes the exponent that R4 allows in a decimal.
        return format(Decimal(repr(value)), "f")
    text = value if isinstance(value, str) else json.dumps(value)
    return _NO_XML.sub("\ufffd", text)


def _narrative(text: str) -> etree._Element:
    try:
        return _parsed(text)
    except InvalidResource as error:
        raise InvalidResource(f"the narrative is no XHTML: {error.what}") from error


def _resource(node: etree._Element, depth: int) -> Json:
    name = _name(node)
    if name[:1].islower() or "." in name:
        raise InvalidResource(f"{name} is no resource type")
    return {"resourceType": name, **_read(node, name, depth)}


def _name(node: etree._Element) -> str:
    if not isinstance(node.tag, str) or not node.tag.startswith(_FHIR):
        raise InvalidResource(f"an element is not in the namespace {FHIR}")
    return str(node.tag.removeprefix(_FHIR))


def _read(node: etree._Element, type_name: str, depth: int) -> Json:
    """The members of a resource or data type; `value` of a primitive is read by its parent."""
    if depth < 0:
        raise InvalidResource("the resource is nested too deep")
    known = _elements(type_name)
    found = _attributes(node, type_name, known)
    for child in node:
        name = "div" if child.tag == f"{_XHTML}div" else _name(child)
        element = known.get(name)
        if element is None:
            raise InvalidResource(f"{type_name} has no element {name}")
        if element.type_name or name == "div":
            _add(found, name, element, _complex(child, element, depth - 1))
        else:
            _add_primitive(found, name, element, child, depth - 1)
    # Where no member of a list has a value, JSON has its `_name` alone.
    empty = {
        name
        for name, value in found.items()
        if isinstance(value, list) and not any(item is not None for item in value)
    }
    return {name: value for name, value in found.items() if name not in empty}


def _attributes(
    node: etree._Element, type_name: str, known: Mapping[str, Element]
) -> dict[str, Any]:
    """`id` and `url` where they are attributes. FHIR has text in attributes and narratives only."""
    texts = (node.text, *(child.tail for child in node))
    if any(text is not None and text.strip() for text in texts):
        raise InvalidResource(f"{type_name} has text outside of a value")
    # Those of other namespaces, such as xsi:schemaLocation, say nothing of the resource.
    stated = {name: value for name, value in node.attrib.items() if not name.startswith("{")}
    allowed = {"id"} if "meta" not in known else set()
    if type_name == "Extension":
        allowed.add("url")
    if unknown := stated.keys() - allowed - ({"value"} if type_name == "Element" else set()):
        raise InvalidResource(f"{type_name} has no attribute {min(unknown)}")
    return {name: value for name, value in stated.items() if name in allowed}


def _complex(child: etree._Element, element: Element, depth: int) -> Any:
    if element.type_name == "Resource":
        if len(child) != 1:
            raise InvalidResource("an element that holds one resource holds another number")
        return _resource(child[0], depth)
    if element.type_name:
        return _read(child, element.type_name, depth)
    return etree.tostring(child, encoding="unicode", with_tail=False)


def _add(found: Json, name: str, element: Element, value: Any) -> None:
    if element.many:
        found.setdefault(name, []).append(value)
    elif name in found:
        raise InvalidResource(f"{name} stands more than once")
    else:
        found[name] = value


def _add_primitive(
    found: Json, name: str, element: Element, child: etree._Element, depth: int
) -> None:
    """The value under `name`, its id and extensions under `_name`, in step where there are many."""
    text = child.get("value")
    value = None if text is None else _value(text, name, element)
    extended = _read(child, "Element", depth) or None
    if not element.many:
        if value is not None:
            _add(found, name, element, value)
        if extended is not None:
            _add(found, f"_{name}", element, extended)
        return
    values, beside = found.setdefault(name, []), found.get(f"_{name}")
    values.append(value)
    if extended is not None and beside is None:
        beside = found[f"_{name}"] = [None] * (len(values) - 1)
    if beside is not None:
        beside.append(extended)


def _value(text: str, name: str, element: Element) -> Any:
    match element.primitive:
        case "boolean" if text in _BOOLEANS:
            return _BOOLEANS[text]
        case "integer" if _INTEGER.fullmatch(text):
            return int(text)
        case "decimal" if _DECIMAL.fullmatch(text):
            return json.loads(text)
        case "string":
            return text
    raise InvalidResource(f"the value of {name} is no {element.primitive}")
