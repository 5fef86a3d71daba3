// Counts of a Measure's populations by fqm-execution: {measure, library, valueSets, patients} on
// standard input -> {group id: {population code: count}} on standard output.
import { readFileSync } from "node:fs";

// The engine asks for it; Node has it from version 25 on.
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, "base64"));
const { Calculator } = await import("fqm-execution");

const { measure, library, valueSets, patients } = JSON.parse(readFileSync(0, "utf8"));
const bundle = {
  resourceType: "Bundle",
  type: "collection",
  entry: [measure, library, ...valueSets].map((resource) => ({ resource })),
};
const { results } = await Calculator.calculate(bundle, patients, {
  measurementPeriodStart: "2000-01-01",
  measurementPeriodEnd: "2099-12-31",
  calculateHTML: false,
  calculateSDEs: false,
  trustMetaProfile: false,
});
const counts = {};
for (const patient of results) {
  for (const group of patient.detailedResults ?? []) {
    const of = (counts[group.groupId] ??= {});
    for (const population of group.populationResults ?? []) {
      const code = population.populationType;
      of[code] = (of[code] ?? 0) + (population.result ? 1 : 0);
    }
  }
}
process.stdout.write(JSON.stringify(counts));
