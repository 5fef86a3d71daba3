// Required bindings: is a code one of its value set?
import { loadTerminology } from "./definitions.mjs";

const terminology = loadTerminology();
const expansions = new Map();

const bare = (canonical) => canonical.split("|")[0];
const pair = (system, code) => `${system}|${code}`;

function conceptCodes(concepts) {
  return concepts.flatMap((concept) => [concept.code, ...conceptCodes(concept.concept ?? [])]);
}

// The "system|code" pairs that a compose.include or compose.exclude names.
function named(part) {
  if (part.filter) throw new Error(`a filter on ${part.system}`);
  if (!part.system) return part.valueSet.flatMap((url) => [...expansion(url)]);
  if (part.concept) return part.concept.map((concept) => pair(part.system, concept.code));
  const system = terminology.CodeSystem.get(part.system);
  if (system?.content !== "complete") throw new Error(`no complete code system ${part.system}`);
  return conceptCodes(system.concept ?? []).map((code) => pair(part.system, code));
}

// The "system|code" pairs of a value set; throws if the shipped definitions do not suffice.
function expansion(canonical) {
  const url = bare(canonical);
  if (!expansions.has(url)) {
    const compose = terminology.ValueSet.get(url)?.compose;
    if (!compose) throw new Error(`no value set ${url}`);
    const codes = new Set(compose.include.flatMap(named));
    (compose.exclude ?? []).flatMap(named).forEach((code) => codes.delete(code));
    expansions.set(url, codes);
  }
  return expansions.get(url);
}

function isMember(value, type, codes) {
  if (type === "CodeableConcept") return (value.coding ?? []).some((coding) => isMember(coding, "Coding", codes));
  if (type === "Coding" || type === "Quantity") return codes.has(pair(value.system, value.code));
  return [...codes].some((code) => code.slice(code.indexOf("|") + 1) === value);
}

export function judgeBinding(binding, value, type, at, verdict) {
  if (binding?.strength !== "required") return;
  try {
    if (!isMember(value, type, expansion(binding.valueSet))) {
      verdict.complaints.push(`${at}: ${JSON.stringify(value)} is not in ${binding.valueSet}`);
    }
  } catch (error) {
    verdict.unevaluated.push({ key: bare(binding.valueSet), at, reason: error.message });
  }
}
