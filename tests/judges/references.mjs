// Targets of references: does one point to a type that the definition allows?

// The resource type that a reference names, or undefined where only its server knows.
function namedType({ type, reference }, rootResource) {
  if (type) return type;
  if (reference?.startsWith("#")) {
    return (rootResource.contained ?? []).find(({ id }) => `#${id}` === reference)?.resourceType;
  }
  return /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/.exec(reference ?? "")?.[1];
}

// allowed: resource types; an empty list or "Resource" allows every type.
export function judgeTarget(allowed, reference, rootResource, at, verdict) {
  const type = namedType(reference, rootResource);
  if (type && allowed.length > 0 && ![type, "Resource"].some((name) => allowed.includes(name))) {
    verdict.complaints.push(`${at}: refers to ${type}, allowed: ${allowed.join(", ")}`);
  }
}
