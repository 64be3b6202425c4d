#!/usr/bin/env -S node --experimental-websocket
/*
 * Publishes events over a WebSocket: one JSON event a line on standard input. What was not acknowledged when a
 * connection ended is sent again on the next one; onefold counts it once.
 *
 *   node --experimental-websocket examples/publish.mjs [ws://127.0.0.1:8080] < events.ndjson
 *
 * A token that the node asks for stands in ONEFOLD_TOKEN; a CA of your own for wss:// in NODE_EXTRA_CA_CERTS.
 *
 * Node has browsers' WebSocket built in, since version 22 without the flag: nothing to install, and the same code runs
 * in Bun. On a Node older than 20.10 use the package `ws`, which has the same interface.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";

const node = process.argv[2] ?? "ws://127.0.0.1:8080";

/** Events that may be on their way at once. A node takes 1,024 by default; its greeting says how many. */
const WINDOW = 256;

/** Connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed. */
const FINAL_CODES = [4400, 4401, 4402, 4403];

const token = process.env.ONEFOLD_TOKEN?.trim();
/** The address without what may be secret in it. */
const shown = node.replace(/^(\w+:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/, "$1$2");
/** Node and Bun can set headers; in a browser the subprotocols `onefold.v1` and `bearer.<token>` carry it. */
const options = token ? { headers: { authorization: `Bearer ${token}` } } : undefined;

/** Sent and not answered, or waiting for a connection. Answers come in the order of the frames. */
const waiting = [];
/** As many, and those that wait to be sent again. */
let unanswered = 0;
const answered = new EventTarget();
const counts = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
let socket;
let isOpen = false;
/** What the node said of the connection itself before it closed it. */
let detail;

function connect() {
  detail = undefined;
  socket = new WebSocket(`${node}/ws/publish`, options);
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  // Node 20 tells of a connection that was never made only as an error.
  socket.onclose = socket.onerror = ({ target, code, reason }) => {
    if (target !== socket) return;
    socket = undefined;
    isOpen = false;
    if (FINAL_CODES.includes(code)) failForGood(code, detail ?? reason);
    console.error(`No connection to ${shown}; trying again.`);
    setTimeout(connect, 1_000);
  };
}

function take(frame) {
  if (frame.type === "hello") {
    isOpen = true;
    for (const event of waiting) socket.send(event);
    return;
  }
  if (frame.frame === undefined) {
    detail = frame.detail;
    return;
  }
  const event = waiting.shift();
  if (frame.status === 429 || frame.status === 503) {
    // Not now: nothing was stored. It goes to the end of the line.
    setTimeout(send, 1_000, event);
    return;
  }
  if (frame.type === "ack") for (const name in counts) counts[name] += frame[name];
  else {
    console.error(`refused: ${JSON.stringify(frame)}`);
    process.exitCode = 1;
  }
  unanswered--;
  answered.dispatchEvent(new Event("answer"));
}

function send(event) {
  waiting.push(event);
  if (isOpen) socket.send(event);
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
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") continue;
  while (unanswered >= WINDOW) await once(answered, "answer");
  unanswered++;
  send(line);
}
while (unanswered > 0) await once(answered, "answer");
socket.onclose = socket.onerror = null;
socket.close();
const { received, unique_processed: unique, duplicate_dropped: duplicates, conflicts } = counts;
console.log(`acknowledged ${received}: unique ${unique}, duplicates ${duplicates}, conflicts ${conflicts}`);
