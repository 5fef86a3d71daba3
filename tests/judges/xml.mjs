// xml.mjs: on stdin JSON lines, each {"xml": text} or {"json": resource}; on stdout per line what the
// npm package fhir makes of it: {"json": resource} or {"xml": text}. It shares no code with ours.
import fhir from "fhir";
import { answerLines } from "./lines.mjs";

const converter = new fhir.Fhir();

answerLines((given) => {
  if ("xml" in given) return { json: converter.xmlToObj(given.xml) };
  return { xml: converter.objToXml(given.json) };
});
