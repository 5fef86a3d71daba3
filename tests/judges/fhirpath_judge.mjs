// fhirpath_judge.mjs base|deqm|deqm-us|saner|madx: resources as JSON lines on stdin; on stdout per line
// {"complaints": [text], "unevaluated": [{"key", "at", "reason"}]}.
import { answerLines } from "./lines.mjs";

const profiled = (file) => async () => (await import("./deqm.mjs")).profileJudge(file);
const judges = {
  base: async () => (await import("./base_r4.mjs")).judgeBase,
  deqm: profiled("deqm_uv_summary.json"),
  "deqm-us": profiled("deqm_us_summary.json"),
  saner: profiled("saner_public_health.json"),
  madx: profiled("madx_measure_report.json"),
};
const load = judges[process.argv[2]];
if (!load) {
  process.stderr.write(`usage: fhirpath_judge.mjs ${Object.keys(judges).join("|")}\n`);
  process.exit(2);
}
answerLines(await load());
