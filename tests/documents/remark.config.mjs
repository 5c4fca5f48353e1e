// What must hold for every Markdown document: its diagrams parse, its links lead somewhere.
import remarkGfm from "remark-gfm";
import remarkValidateLinks from "remark-validate-links";
import parseDiagrams from "./mermaid.mjs";

export default { plugins: [remarkGfm, parseDiagrams, [remarkValidateLinks, { repository: false }]] };
