// One resource per line in, one verdict per line out, in the same order.
import { readFileSync } from "node:fs";

export function answerLines(judge) {
  const lines = readFileSync(0, "utf8").split("\n").filter((line) => line.trim() !== "");
  const verdicts = lines.map((line) => JSON.stringify(judge(JSON.parse(line))));
  process.stdout.write(verdicts.map((verdict) => verdict + "\n").join(""));
}
