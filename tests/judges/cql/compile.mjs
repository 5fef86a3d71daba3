// CQL on standard input -> ELM as JSON on standard output; exit code 1 with what is wrong with it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  CqlTranslator,
  LibraryManager,
  ModelManager,
  createModelInfoProvider,
  createUcumService,
  stringAsSource,
} from "@cqframework/cql/cql-to-elm";

const require = createRequire(import.meta.url);
const fhir = require.resolve("cql-exec-fhir/lib/modelInfos/fhir-modelinfo-4.0.1.xml");
const infos = {
  System: readFileSync(new URL("system-modelinfo.xml", import.meta.url), "utf8"),
  // The compiler's reader fails on implicit conversions, which a library without FHIRHelpers lacks.
  FHIR: readFileSync(fhir, "utf8").replace(/<conversionInfo[^>]*\/>/g, ""),
};

const models = new ModelManager();
models.modelInfoLoader.registerModelInfoProvider(
  createModelInfoProvider((name) => (infos[name] ? stringAsSource(infos[name]) : null)),
);
// No units are converted in the library.
const ucum = createUcumService((value) => value, () => null, (value) => value, (value) => value);
const translator = CqlTranslator.fromText(
  readFileSync(0, "utf8"),
  new LibraryManager(models, undefined, undefined, ucum),
);
const found = [...translator.exceptions.asJsReadonlyArrayView()];
for (const each of found) {
  console.error(`line ${each.locator?.startLine}: ${each.message}`);
}
process.stdout.write(translator.toJson());
process.exitCode = found.length ? 1 : 0;
