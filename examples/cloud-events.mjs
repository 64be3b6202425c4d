/**
 * Publishes orders as CloudEvents with the official SDK, and reads them back. Sends again what was not acknowledged: the
 * node counts each (type, source, id) once.
 *
 *   npm install cloudevents
 *   node examples/cloud-events.mjs [http://127.0.0.1:8080]
 *
 * A token that the node asks for stands in ONEFOLD_TOKEN; it needs the scopes publish and subscribe.
 */

import { CloudEvent, HTTP } from "cloudevents";

const [node = "http://127.0.0.1:8080"] = process.argv.slice(2);
const token = process.env.ONEFOLD_TOKEN?.trim();
const credentials = token ? { authorization: `Bearer ${token}` } : {};

const TYPE = "shop.order.paid";
const SOURCE = "/checkout";
const ATTEMPTS_MAX = 20;
const TIMEOUT_MS = 10_000;
const PAUSE_MS = 500;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Undefined where no answer came: whether the event was stored is not known then, and sending it again is safe. */
async function attempt(url, init) {
  try {
    const headers = { ...init.headers, ...credentials };
    const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { response, text: await response.text() };
  } catch {
    return undefined;
  }
}

async function publish(event) {
  // Structured mode: the SDK does not percent-encode what it puts into headers.
  const { headers, body } = HTTP.structured(event);
  for (let i = 0; i < ATTEMPTS_MAX; i++) {
    const answer = await attempt(`${node}/publish`, { method: "POST", headers, body });
    if (answer?.response.status === 200) return JSON.parse(answer.text);
    // Too many, overloaded, starting: the node says when to come back. Anything else is final.
    const isLater = answer === undefined || answer.response.status === 429 || answer.response.status === 503;
    if (!isLater) throw new Error(`refused with ${answer.response.status}: ${answer.text}`);
    const seconds = Number(answer?.response.headers.get("retry-after") ?? 0);
    await pause(Math.max(PAUSE_MS, seconds * 1_000));
  }
  throw new Error("the node gave no answer");
}

/** Every event of the type, page by page. */
async function* readBack() {
  let url = `${node}/events?topic=${encodeURIComponent(TYPE)}`;
  while (url !== undefined) {
    const answer = await attempt(url, { headers: { accept: "application/cloudevents-batch+json" } });
    if (answer?.response.status !== 200) throw new Error("the events could not be read");
    const { headers } = answer.response;
    yield* HTTP.toEvent({ headers: Object.fromEntries(headers), body: answer.text });
    const next = /^<([^>]*)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    url = next === undefined ? undefined : new URL(next, url).href;
  }
}

const orders = [
  new CloudEvent({ type: TYPE, source: SOURCE, id: "1001", data: { amount: 49.9 }, priority: 5 }),
  new CloudEvent({ type: TYPE, source: SOURCE, id: "1002", data: { amount: 5 } }),
];

try {
  // The second time stands for a publisher that lost the answer to the first.
  for (const event of [...orders, ...orders]) {
    const { status } = await publish(event);
    console.log(`${event.type} ${event.id} of ${event.source}: ${status}`);
  }
  for await (const { id, data } of readBack()) console.log(`read ${id}: ${JSON.stringify(data)}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
