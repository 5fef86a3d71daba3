// fhirpath_judge.mjs base|deqm: resources as JSON lines on stdin; on stdout per line
// {"complaints": [text], "unevaluated": [{"key", "at", "reason"}]}.
import { answerLines } from "./lines.mjs";

const judges = {
  base: async () => (await import("./base_r4.mjs")).judgeBase,
  deqm: async () => (await import("./deqm.mjs")).judgeDeqm,
};
const load = judges[process.argv[2]];
if (!load) {
  process.stderr.write("usage: fhirpath_judge.mjs base|deqm\n");
  process.exit(2);
}
answerLines(await load());
