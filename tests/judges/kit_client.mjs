// fhir-kit-client against a server: it discovers, authenticates (SMART Backend Services),
// evaluates, reads back, searches and pages. In: {"base", "client", "jwk", "measure"} as JSON;
// out: what it found. The assertion is made with Node's own crypto.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import Client from "fhir-kit-client";

const asked = JSON.parse(readFileSync(0, "utf8"));
const client = new Client({ baseUrl: asked.base });

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function assertion(audience) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: asked.client, sub: asked.client, aud: audience, exp: now + 240, jti: randomUUID() };
  const text = `${part({ alg: "ES384", kid: asked.jwk.kid, typ: "JWT" })}.${part(claims)}`;
  const key = createPrivateKey({ key: asked.jwk, format: "jwk" });
  const signature = sign("sha384", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

async function token(url) {
  const answer = await fetch(url, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      scope: "system/Measure.rs system/MeasureReport.crs",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion(url),
    }),
  });
  if (answer.status !== 200) throw new Error(`token endpoint: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

async function refused() {
  try {
    await client.search({ resourceType: "Measure" });
  } catch (error) {
    return { status: error.response.status, type: error.response.data.resourceType };
  }
  return null;
}

async function pages(searchParams) {
  const ids = [];
  let bundle = await client.search({ resourceType: "MeasureReport", searchParams });
  const first = bundle;
  let count = 0;
  while (bundle) {
    count += 1;
    for (const { resource } of bundle.entry ?? []) ids.push(resource.id);
    bundle = bundle.link.some(({ relation }) => relation === "next") ? await client.nextPage({ bundle }) : null;
  }
  return { ids, count, total: first.total };
}

const found = {};
const capability = await client.capabilityStatement();
found.fhirVersion = capability.fhirVersion;
found.refused = await refused();
// Its own smartAuthMetadata() aborts requests in a way that its fetch does not know (1.9.2).
const smart = await client.request(".well-known/smart-configuration");
client.bearerToken = await token(smart.token_endpoint);

const measures = await client.search({ resourceType: "Measure", searchParams: { _count: 50 } });
found.measures = measures.entry.map(({ resource }) => resource.id);
const evaluate = {
  name: "evaluate-measure", resourceType: "Measure", id: asked.measure,
};
const input = { periodStart: "2000-01-01", periodEnd: "2100-01-01" };
found.evaluated = await client.operation({ ...evaluate, method: "GET", input });
const parameters = {
  resourceType: "Parameters",
  parameter: [
    { name: "periodStart", valueDate: input.periodStart },
    { name: "periodEnd", valueDate: input.periodEnd },
  ],
};
found.stored = [];
for (let time = 0; time < 3; time += 1) {
  const report = await client.operation({ ...evaluate, input: parameters });
  found.stored.push(report.id);
}
found.read = await client.read({ resourceType: "MeasureReport", id: found.stored[0] });
found.versioned = await client.vread({
  resourceType: "MeasureReport", id: found.stored[0], version: found.read.meta.versionId,
});
found.history = (await client.history({ resourceType: "MeasureReport", id: found.stored[0] })).entry.length;
found.pages = await pages({ _count: 2, status: "complete" });
process.stdout.write(JSON.stringify(found));
