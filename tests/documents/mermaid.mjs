// A remark plugin that parses every Mermaid diagram with Mermaid's own parser, which wants a browser's window.
import { JSDOM } from "jsdom";
import { visit } from "unist-util-visit";

globalThis.window = new JSDOM("").window;
globalThis.document = globalThis.window.document;
const { default: mermaid } = await import("mermaid");

export default function parseDiagrams() {
  return async (tree, file) => {
    const diagrams = [];
    visit(tree, "code", (node) => {
      if (node.lang === "mermaid") diagrams.push(node);
    });
    for (const diagram of diagrams) {
      await mermaid.parse(diagram.value).catch((error) => file.message(error.message, diagram, "mermaid:parse"));
    }
  };
}
