#!/usr/bin/env -S node --experimental-websocket
/*
 * Follows the live statistics: one snapshot, then what was added since, summed here. After a lost connection it goes on
 * where it was.
 *
 *   node --experimental-websocket examples/stats.mjs [ws://127.0.0.1:8080] [topics, such as orders,payments.*]
 *
 * A token that the node asks for stands in ONEFOLD_TOKEN; a CA of your own for wss:// in NODE_EXTRA_CA_CERTS.
 * Since Node 22 without the flag; see publish.mjs.
 */

const [node = "ws://127.0.0.1:8080", topics] = process.argv.slice(2);

/** Connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed. */
const FINAL_CODES = [4400, 4401, 4402, 4403];

const token = process.env.ONEFOLD_TOKEN?.trim();
/** The address without what may be secret in it. */
const shown = node.replace(/^(\w+:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/, "$1$2");
/** Node and Bun can set headers; in a browser the subprotocols `onefold.v1` and `bearer.<token>` carry it. */
const options = token ? { headers: { authorization: `Bearer ${token}` } } : undefined;

const query = new URLSearchParams(topics === undefined ? {} : { topics });
let totals = {};
/** What the node said of the connection itself before it closed it. */
let detail;

function connect() {
  detail = undefined;
  const socket = new WebSocket(`${node}/ws/stats?${query}`, options);
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  let isOver = false;
  // Node 20 tells of a connection that was never made only as an error.
  socket.onclose = socket.onerror = ({ code, reason }) => {
    if (isOver) return;
    isOver = true;
    if (FINAL_CODES.includes(code)) failForGood(code, detail ?? reason);
    console.error(`No connection to ${shown}; trying again.`);
    setTimeout(connect, 1_000);
  };
}

function take(frame) {
  if (frame.type === "snapshot") {
    totals = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
  } else if (frame.type !== "delta") {
    detail = frame.detail;
    return;
  }
  for (const name in totals) totals[name] += frame[name];
  query.set("epoch", frame.epoch);
  query.set("revision", frame.revision);
  const { received, unique_processed: unique, duplicate_dropped: duplicates, conflicts } = totals;
  console.log(`received ${received}, unique ${unique}, duplicates ${duplicates}, conflicts ${conflicts}`);
}

function failForGood(code, detail) {
  const hint = code === 4401 ? " ONEFOLD_TOKEN must hold a token that it takes." : "";
  fail(`The node refused the connection (${code}): ${detail}${hint}`);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

if (!/^wss?:/.test(node) || !URL.canParse(node))
  fail("Expected an address like ws://127.0.0.1:8080 or wss://….");
if (token && !/^[!-~]+$/.test(token)) fail("Expected ONEFOLD_TOKEN to hold one token and nothing else.");
if (globalThis.WebSocket === undefined) fail("Run it with `node --experimental-websocket`, or with Node 22.");
connect();
