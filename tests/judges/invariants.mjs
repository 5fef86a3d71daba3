// Invariants of StructureDefinitions, run by fhirpath.js on any element of a resource.
import fhirpath from "fhirpath";
import r4 from "fhirpath/fhir-context/r4";

const compiled = new Map();

// Two rules of R4 need what R5 made of them. dom-3 cast whole collections by as(), which takes a
// single item; ref-1 was empty, so not true, for a reference by identifier or display alone.
function corrected({ key, expression }) {
  if (key === "ref-1") return `reference.exists() implies (${expression})`;
  return expression.replaceAll("descendants().as(", "descendants().ofType(");
}

function program(base, constraint) {
  const id = `${base} ${constraint.expression}`;
  if (!compiled.has(id)) {
    // Without a trace function the engine prints every trace() of a rule.
    const options = { traceFn: () => undefined };
    compiled.set(id, fhirpath.compile({ base, expression: corrected(constraint) }, r4, options));
  }
  return compiled.get(id);
}

// Adds the constraint to verdict.complaints if it is not true at the element (empty is not true: so
// the HL7 validator has it), to verdict.unevaluated if the engine gives no boolean.
// base: the element's path in the definitions.
export function judgeConstraint(constraint, element, base, environment, at, verdict) {
  const { key, human } = constraint;
  try {
    const answer = program(base, constraint)(element, environment);
    if (answer.length > 1 || (answer.length === 1 && typeof answer[0] !== "boolean")) {
      verdict.unevaluated.push({ key, at, reason: `the answer is ${JSON.stringify(answer)}` });
    } else if (answer[0] !== true) {
      verdict.complaints.push(`${at}: ${key}: ${human}`);
    }
  } catch (error) {
    verdict.unevaluated.push({ key, at, reason: String(error.message ?? error) });
  }
}
