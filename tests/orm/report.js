// What the Node applications share: the command line, the cases, and what they print (see report.py).
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const util = require("node:util");

const SEED = fs.readFileSync(path.join(__dirname, "seed.sql"), "utf8");

const seed = (name) => `/* seed: ${name} */ ${SEED} /* case: ${name} */`;

const conninfo = (text) => Object.fromEntries(text.split(" ").map((part) => part.split("=", 2)));

/// Types count: dates, buffers and strings look different.
const shown = (value) => util.inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: Infinity, sorted: false });

/// The tool's error and the driver's inside it. Prisma keeps a copy of the server's words instead.
function failure(error) {
  const kept = error.meta?.driverAdapterError?.cause;
  const copy = kept?.originalCode && { code: kept.originalCode, message: kept.originalMessage, hint: kept.hint };
  const inner = error.original ?? error.driverError ?? error.cause ?? copy ?? error;
  const found = { error: error.name, sqlstate: inner.code ?? null };
  if (!inner.code || /^(0A|XX)/.test(inner.code)) {
    found.message = inner.message;
    const code = /(?:pgveil: |See )([a-z]+\/[a-z-]+)/.exec(inner.hint ?? "");
    if (code) found.refused = code[1];
  }
  return found;
}

/// `connect(conninfo)` gives `{create, seed(sql), close}`; the cases are functions by name.
async function main(connect, cases) {
  const [command, target, ...names] = process.argv.slice(2);
  const tool = await connect(conninfo(target));
  if (command === "create") await tool.create();
  else {
    for (const name of names.length ? names : Object.keys(cases)) {
      await tool.seed(seed(name));
      let line;
      try {
        line = { result: shown(await cases[name]()) };
      } catch (error) {
        line = failure(error);
      }
      console.log(JSON.stringify({ case: name, ...line }));
    }
  }
  await tool.close();
}

module.exports = { main };
