// What the Node applications share: how a case is run and printed.
'use strict';

/** Written into a value of each sealed text column; the server's log is searched for it. */
const MARKER = 'Qx7Zkw';

const ERROR_FIELDS = ['severity', 'detail', 'hint', 'position', 'internalPosition', 'internalQuery', 'where',
  'schema', 'table', 'column', 'dataType', 'constraint', 'schema_name', 'table_name', 'column_name', 'constraint_name'];

const short = (text) => (text.length > 300 ? `${text.slice(0, 40)}…(${text.length} characters, ${checksum(text)})` : text);

/** Tells long values apart without printing them. */
function checksum(text) {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) sum = (sum * 31 + text.charCodeAt(i)) >>> 0;
  return sum.toString(16);
}

/** A value with its type, as JSON. */
function shown(value) {
  if (value === undefined) return 'undefined';
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return short(value);
  if (typeof value === 'number') return Number.isInteger(value) && !Object.is(value, -0) ? value : `number ${Object.is(value, -0) ? '-0' : value}`;
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) return `bytes ${short(Buffer.from(value).toString('hex'))}`;
  if (value instanceof Date) return `date ${Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString()}`;
  if (value instanceof Error) return failure(value);
  if (value instanceof Map) return shown([...value.entries()]);
  if (Array.isArray(value)) return value.map(shown);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shown(part)]));
}

/** What pgveil leaves out of errors: values and rows in DETAIL and CONTEXT. */
const QUOTED = { detail: [/(=|contains )\(.*\)/s, '$1(…)'], where: [/^(COPY \w+, line \d+): ".*"$/s, '$1'] };

/** What a program can see of an error. */
function failure(error) {
  const found = { error: error.name, code: error.code, message: error.message };
  for (const field of ERROR_FIELDS) {
    const value = error[field];
    if (value !== undefined && value !== null) found[field] = field in QUOTED ? value.replace(...QUOTED[field]) : value;
  }
  return found;
}

/** The outcome of a promise, be it an error. */
const outcome = async (promise) => {
  try {
    return shown(await promise);
  } catch (error) {
    return failure(error);
  }
};

/** Runs the cases, functions by name, one after the other; `reset` comes after each (`ROLLBACK`, say). */
async function report(cases, given, reset = async () => {}) {
  const only = process.env.ONLY_CASES?.split(',');
  for (const [name, run] of Object.entries(cases)) {
    if (only && !only.includes(name)) continue;
    const found = await outcome((async () => run(given))());
    console.log(JSON.stringify({ case: name, found }));
    await reset();
  }
}

/** The address as drivers want it, and the variant's words. */
const commandLine = () => ({ url: process.argv[2], words: process.argv.slice(3) });

/** Deterministic text that no compression would shrink to nothing. */
function longText(length) {
  let [state, text] = [12345, ''];
  while (text.length < length) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    text += `${state.toString(36)}é€ `;
  }
  return text.slice(0, length);
}

module.exports = { MARKER, commandLine, failure, longText, outcome, report, shown };
