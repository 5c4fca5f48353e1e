// Validates AsyncAPI documents with the official parser: node validate.mjs FILE...
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "info", "hint"];
const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node validate.mjs FILE...");
  process.exit(2);
}
let failed = false;
for (const file of files) {
  const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"));
  const faults = diagnostics.filter((diagnostic) => diagnostic.severity <= 1);
  for (const fault of faults) {
    console.error(`${file}: ${SEVERITIES[fault.severity]}: ${fault.path.join("/")}: ${fault.message}`);
  }
  failed ||= document === undefined || faults.length > 0;
  console.log(`${file}: ${document?.channels().all().length ?? 0} channels, ${faults.length} errors or warnings`);
}
process.exit(failed ? 1 : 0);
