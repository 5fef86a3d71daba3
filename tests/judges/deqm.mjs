// Judges a MeasureReport by a profile; its rules are data: deqm_uv_summary.json and others of that form.
import { readFileSync } from "node:fs";
import { judgeConstraint } from "./invariants.mjs";
import { judgeTarget } from "./references.mjs";

export function profileJudge(file) {
  const profile = JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
  return (resource) => judgeProfile(profile, resource);
}

function judgeProfile(profile, resource) {
  const verdict = { complaints: [], unevaluated: [] };
  if (resource.resourceType !== profile.type) return verdict;
  const root = { value: resource, at: profile.type };
  profile.elements.forEach((rule) => judgeElement(rule, root, verdict));
  profile.extensions.forEach((rule) => judgeExtension(rule, root, verdict));
  for (const rule of profile.constraints) {
    for (const { value, at } of nodes(root, rule.path)) {
      judgeConstraint(rule, value, rule.path, { resource, rootResource: resource }, at, verdict);
    }
  }
  // On a well-formed report all can be evaluated.
  verdict.unevaluated.forEach(({ key, at, reason }) => verdict.complaints.push(`${at}: ${key} cannot be evaluated: ${reason}`));
  return verdict;
}

// The elements at a path of the definitions, each with its place in the resource.
function nodes(root, path) {
  return path.split(".").slice(1).reduce((parents, name) => parents.flatMap((parent) => children(parent, name)), [root]);
}

// An element without a value, but with extensions beside it (a masked count), is present too.
function children({ value, at }, name) {
  const found = value?.[name] ?? value?.[`_${name}`] ?? [];
  return [found].flat().map((child, index) => ({ value: child, at: `${at}.${name}` + (Array.isArray(found) ? `[${index}]` : "") }));
}

function judgeElement({ path, min, max, fixed, targets }, root, verdict) {
  const cut = path.lastIndexOf(".");
  for (const parent of nodes(root, path.slice(0, cut))) {
    const found = children(parent, path.slice(cut + 1));
    judgeCount(found.length, { min, max }, `${parent.at}${path.slice(cut)}`, verdict);
    for (const { value, at } of found) {
      if (fixed && value !== fixed) verdict.complaints.push(`${at}: ${JSON.stringify(value)} is not ${fixed}`);
      judgeTarget(targets ?? [], value, root.value, at, verdict);
    }
  }
}

function judgeExtension({ path, url, min, max }, root, verdict) {
  for (const { value, at } of nodes(root, path)) {
    const found = [value?.extension ?? []].flat().filter((extension) => extension?.url === url);
    judgeCount(found.length, { min, max }, `${at}.extension(${url})`, verdict);
  }
}

function judgeCount(count, { min = 0, max = Infinity }, at, verdict) {
  if (count < min) verdict.complaints.push(`${at}: at least ${min} needed`);
  if (count > max) verdict.complaints.push(`${at}: at most ${max} allowed`);
}
