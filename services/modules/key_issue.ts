// What is wrong with a file of keys and values, in one line for the person who wrote it.

import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/** The first key that does not exist (what is missing then is mostly its right name), else the first wrong value. */
export function issueText(issues: readonly Issue[], file: string): string {
  const strange = issues.find((issue) => issue.code === "unrecognized_keys");
  if (strange?.code === "unrecognized_keys") {
    const missing = issues.filter(isMissing).map(({ path }) => path.at(-1));
    const hint = missing.length > 0 ? `; ${missing.join(", ")} is missing` : "";
    return `${[...strange.path, strange.keys[0]].join(".")}: there is no such key${hint}`;
  }
  const [issue] = issues;
  const key = issue?.path.join(".") || file;
  if (issue !== undefined && isMissing(issue)) return `${key}: is missing`;
  return `${key}: ${(issue?.message ?? "is not valid").replace(/^Invalid [a-z ]+[:.] Expected/i, "expected")}`;
}

function isMissing(issue: Issue): boolean {
  return issue.code === "invalid_type" && issue.message.endsWith("received undefined");
}
