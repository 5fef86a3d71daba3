// Judges a resource by the base definitions of FHIR R4: shape, cardinalities, required bindings, invariants.
import { judgeBinding } from "./bindings.mjs";
import { loadTypes } from "./definitions.mjs";
import { judgeConstraint } from "./invariants.mjs";
import { judgeTarget } from "./references.mjs";

const types = loadTypes();
const REGEX = "http://hl7.org/fhir/StructureDefinition/regex";
const FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
const NUMBERS = new Set(["integer", "decimal", "positiveInt", "unsignedInt"]);
// Its expression backtracks without end on long text that does not match.
const NO_REGEX = new Set(["base64Binary", "xhtml"]);

export function judgeBase(resource) {
  const verdict = { complaints: [], unevaluated: [] };
  judgeResource(resource, resource, resource?.resourceType ?? "resource", verdict);
  return verdict;
}

function judgeResource(resource, rootResource, at, verdict) {
  const type = resource?.resourceType;
  if (!types.has(type)) {
    verdict.complaints.push(`${at}: unknown resource type ${JSON.stringify(type)}`);
    return;
  }
  const context = { environment: { resource, rootResource }, verdict };
  judgeConstraints(types.get(type).elements.get(type), resource, type, at, context);
  judgeChildren(resource, type, type, at, context);
}

function judgeConstraints(element, value, base, at, { environment, verdict }) {
  for (const constraint of element.constraint ?? []) {
    if (constraint.severity === "error") judgeConstraint(constraint, value, base, environment, at, verdict);
  }
}

// type and path name the element definition whose children the parent should have.
function judgeChildren(parent, type, path, at, context) {
  const known = new Set(type === path ? ["resourceType"] : []);
  for (const element of types.get(type).children.get(path) ?? []) {
    const present = keys(element).filter((key) => {
      known.add(key.name).add(`_${key.name}`);
      return key.name in parent || `_${key.name}` in parent;
    });
    judgeElement(element, present, parent, { type, path, at }, context);
  }
  for (const name of Object.keys(parent).filter((name) => !known.has(name))) {
    context.verdict.complaints.push(`${at}.${name}: not an element of ${path}`);
  }
}

// The JSON names that an element can have, each with its type; a choice has one per type.
function keys(element) {
  const name = element.path.split(".").at(-1);
  if (element.contentReference) return [{ name, content: element.contentReference.slice(1) }];
  const codes = (element.type ?? []).map((type) => type.extension?.find(({ url }) => url === FHIR_TYPE)?.valueUrl ?? type.code);
  if (!name.endsWith("[x]")) return [{ name, type: codes[0] }];
  return codes.map((type) => ({ name: name.slice(0, -3) + type[0].toUpperCase() + type.slice(1), type }));
}

function judgeElement(element, present, parent, place, context) {
  const { complaints } = context.verdict;
  const at = `${place.at}.${element.path.split(".").at(-1)}`;
  if (present.length > 1) complaints.push(`${at}: more than one choice: ${present.map((key) => key.name).join(", ")}`);
  if (present.length < element.min) complaints.push(`${at}: at least ${element.min} needed`);
  for (const key of present) {
    const problem = shapeProblem(element, parent[key.name], parent[`_${key.name}`]);
    if (problem) {
      complaints.push(`${place.at}.${key.name}: ${problem}`);
    } else {
      judgeValues(element, key, parent, place, context);
    }
  }
}

function shapeProblem(element, value, sibling) {
  for (const part of [value, sibling].filter((part) => part !== undefined)) {
    if (part === null) return "null";
    if (Array.isArray(part) !== (element.base.max !== "1")) return Array.isArray(part) ? "a list" : "not a list";
    if (part.length === 0 && Array.isArray(part)) return "an empty list";
  }
  return undefined;
}

function judgeValues(element, key, parent, place, context) {
  const values = [parent[key.name] ?? []].flat();
  const at = (index) => `${place.at}.${key.name}` + (element.base.max === "1" ? "" : `[${index}]`);
  if (isPrimitive(key.type)) {
    values.forEach((value, index) => judgePrimitive(element, key.type, value, at(index), context));
    // From the parent, since the engine takes a bare number for a System type, and to see the _ sibling.
    const name = element.path.split(".").at(-1).replace("[x]", "");
    // The engine sees no value in XHTML, which ele-1 asks for.
    const rules = (element.constraint ?? []).filter((rule) => key.type !== "xhtml" || rule.key !== "ele-1");
    const all = rules.map((rule) => ({ ...rule, expression: `\`${name}\`.all(${rule.expression})` }));
    judgeConstraints({ constraint: all }, parent, place.path, at(0), context);
    judgeSiblings(key, parent, place, context);
  } else {
    values.forEach((value, index) => judgeComplex(element, key, value, place, at(index), context));
  }
}

const isPrimitive = (type) => type !== undefined && /^[a-z]/.test(type);

// Extensions of primitive elements stand beside them, under the name with an underscore.
function judgeSiblings(key, parent, place, context) {
  const name = `_${key.name}`;
  for (const sibling of [parent[name] ?? []].flat().filter((sibling) => sibling !== null)) {
    judgeChildren(sibling, "Element", "Element", `${place.at}.${name}`, context);
  }
}

function judgePrimitive(element, type, value, at, { verdict }) {
  if (value === null) return; // in a list, where the sibling list has the extension
  const wanted = type === "boolean" ? "boolean" : NUMBERS.has(type) ? "number" : "string";
  const regex = types.get(type)?.elements.get(`${type}.value`)?.type[0].extension?.find(({ url }) => url === REGEX);
  if (typeof value !== wanted) {
    verdict.complaints.push(`${at}: ${JSON.stringify(value)} is no ${wanted}`);
  } else if (regex && !NO_REGEX.has(type) && !new RegExp(`^(?:${regex.valueString})$`).test(String(value))) {
    verdict.complaints.push(`${at}: ${JSON.stringify(value)} is no ${type}`);
  } else {
    judgeBinding(element.binding, value, type, at, verdict);
  }
}

function judgeComplex(element, key, value, place, at, context) {
  if (typeof value !== "object" || value === null) {
    context.verdict.complaints.push(`${at}: ${JSON.stringify(value)} is no object`);
  } else if (key.type === "Resource") {
    // A contained resource keeps its container as %rootResource; an entry of a Bundle stands alone.
    const contained = element.path.endsWith(".contained");
    judgeResource(value, contained ? context.environment.rootResource : value, at, context.verdict);
  } else {
    const inline = key.content ?? (["BackboneElement", "Element"].includes(key.type) ? element.path : undefined);
    const [type, path] = inline ? [place.type, inline] : [key.type, key.type];
    const own = types.get(type).elements.get(path).constraint ?? [];
    const rules = new Map([...own, ...(element.constraint ?? [])].map((rule) => [rule.key, rule]));
    judgeConstraints({ constraint: [...rules.values()] }, value, path, at, context);
    judgeBinding(element.binding, value, type, at, context.verdict);
    if (type === "Reference") judgeTarget(targets(element), value, context.environment.rootResource, at, context.verdict);
    judgeChildren(value, type, path, at, context);
  }
}

const targets = (element) =>
  element.type.flatMap((type) => type.targetProfile ?? []).map((url) => url.split("/").at(-1));
