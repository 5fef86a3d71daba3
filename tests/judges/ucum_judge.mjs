// ucum_judge.mjs: resources as JSON lines on stdin; on stdout per line {"complaints": [text], "unevaluated": []}.
import ucum from "@lhncbc/ucum-lhc";
import { answerLines } from "./lines.mjs";

const SYSTEM = "http://unitsofmeasure.org";
const units = ucum.UcumLhcUtils.getInstance();

function complaint(code, at) {
  const { status, msg } = units.validateUnitString(code);
  return status === "valid" ? [] : [`${at}.code: ${JSON.stringify(code)} is no UCUM code: ${msg.join(" ")}`];
}

// Complaints on every unit in an element and below it.
function complaints(element, at) {
  if (typeof element !== "object" || element === null) return [];
  const own = element.system === SYSTEM && "code" in element ? complaint(element.code, at) : [];
  const place = (key) => (Array.isArray(element) ? `${at}[${key}]` : `${at}.${key}`);
  return [...own, ...Object.keys(element).flatMap((key) => complaints(element[key], place(key)))];
}

answerLines((resource) => ({ complaints: complaints(resource, resource.resourceType), unevaluated: [] }));
