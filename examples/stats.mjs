#!/usr/bin/env -S node --experimental-websocket
/*
 * Follows the live statistics: one snapshot, then what was added since, summed here. After a lost connection it goes on
 * where it was.
 *
 *   node --experimental-websocket examples/stats.mjs [ws://127.0.0.1:8080] [topics, such as orders,payments.*]
 *
 * Since Node 22 without the flag; see publish.mjs.
 */

const [node = "ws://127.0.0.1:8080", topics] = process.argv.slice(2);

/** Connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed. */
const FINAL_CODES = [4400, 4401, 4403];

const query = new URLSearchParams(topics === undefined ? {} : { topics });
let totals = {};

function connect() {
  const socket = new WebSocket(`${node}/ws/stats?${query}`);
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  socket.onclose = ({ code, reason }) => {
    if (FINAL_CODES.includes(code)) fail(`closed with ${code} ${reason}`);
    console.error(`No connection to ${node}; trying again.`);
    setTimeout(connect, 1_000);
  };
}

function take(frame) {
  if (frame.type === "snapshot") {
    totals = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
  } else if (frame.type !== "delta") {
    console.error(`refused: ${JSON.stringify(frame)}`);
    return;
  }
  for (const name in totals) totals[name] += frame[name];
  query.set("epoch", frame.epoch);
  query.set("revision", frame.revision);
  const { received, unique_processed: unique, duplicate_dropped: duplicates, conflicts } = totals;
  console.log(`received ${received}, unique ${unique}, duplicates ${duplicates}, conflicts ${conflicts}`);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

if (globalThis.WebSocket === undefined) fail("Run it with `node --experimental-websocket`, or with Node 22.");
connect();
