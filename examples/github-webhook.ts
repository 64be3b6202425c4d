/**
 * Receives GitHub's webhooks and publishes each delivery as an event: topic `github.<event>`, the delivery's id, the
 * body as payload. GitHub hears 2xx only after onefold's acknowledgement, so nothing it was told is lost; and sending a
 * delivery again ("Redeliver", or GitHub's API) is harmless, because it keeps its id and is counted once.
 *
 *   GITHUB_WEBHOOK_SECRET=… npx bun examples/github-webhook.ts [http://127.0.0.1:8080] [port, 3000]
 *
 * A token that the node asks for stands in ONEFOLD_TOKEN; it needs the scope publish, on `github.*`.
 * In the webhook's settings choose the content type application/json and the same secret.
 */

import { timingSafeEqual } from "node:crypto";

const [node = "http://127.0.0.1:8080", port = "3000"] = process.argv.slice(2);
const secret = process.env.GITHUB_WEBHOOK_SECRET;
const token = process.env.ONEFOLD_TOKEN?.trim();

/** GitHub gives up after 10 seconds: what has not been acknowledged by then is better told as failed. */
const ACKNOWLEDGEMENT_TIMEOUT_MS = 9_000;

/** GitHub sends no larger bodies. */
const BODY_BYTES_MAX = 25 * 1024 * 1024;

/** What GitHub is answered; its page of recent deliveries shows the text. */
class Answer extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

async function receive(request: Request): Promise<string> {
  if (request.method !== "POST") throw new Answer(405, "Webhooks are sent with POST.");
  const body = await request.bytes();
  verifySignature(body, request.headers.get("x-hub-signature-256"));
  const name = request.headers.get("x-github-event");
  const delivery = request.headers.get("x-github-delivery");
  if (name === null || delivery === null) throw new Answer(400, "This is no delivery of GitHub.");
  return publish(eventText(name, delivery, body));
}

/** Over the bytes as they came: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
function verifySignature(body: Uint8Array, signature: string | null): void {
  if (secret === undefined) return;
  const expected = Buffer.from(`sha256=${new Bun.CryptoHasher("sha256", secret).update(body).digest("hex")}`);
  const given = Buffer.from(signature ?? "");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Answer(401, "The signature is missing or wrong.");
  }
}

/** The payload goes on as the text it came in, so that every number stays what it was. */
function eventText(name: string, delivery: string, body: Uint8Array): string {
  let payload: string;
  try {
    payload = new TextDecoder("utf-8", { fatal: true }).decode(body);
    JSON.parse(payload);
  } catch {
    throw new Answer(415, "The body is not JSON: choose the content type application/json.");
  }
  const head = JSON.stringify({ topic: `github.${name}`, event_id: delivery, source: "github" });
  return `${head.slice(0, -1)},"payload":${payload}}`;
}

/** @returns onefold's acknowledgement. */
async function publish(event: string): Promise<string> {
  const credentials = token ? { authorization: `Bearer ${token}` } : {};
  const headers = { "content-type": "application/json", ...credentials };
  const signal = AbortSignal.timeout(ACKNOWLEDGEMENT_TIMEOUT_MS);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`${node}/publish`, { method: "POST", headers, body: event, signal });
    text = await answer.text();
  } catch {
    throw new Answer(503, "The node gave no answer: redeliver later.");
  }
  // To GitHub 401 and 403 would say that its own signature is wrong.
  if (answer.status === 401 || answer.status === 403) {
    console.error(`The node refused a delivery with ${answer.status}: ${text}`);
    throw new Answer(
      502,
      "The node does not take what this receiver brings in ONEFOLD_TOKEN: set it, and redeliver.",
    );
  }
  if (answer.status !== 200) throw new Answer(answer.status, text);
  return text;
}

const server = Bun.serve({
  port: Number(port),
  maxRequestBodySize: BODY_BYTES_MAX,
  fetch: async (request) => new Response(await receive(request)),
  error: (error) => {
    if (error instanceof Answer) return new Response(error.message, { status: error.status });
    console.error(error);
    return new Response("Something went wrong inside.", { status: 500 });
  },
});

if (secret === undefined) console.error("GITHUB_WEBHOOK_SECRET is not set: anybody may send deliveries.");
console.log(`Receiving GitHub's webhooks on ${server.url.origin}, publishing to ${new URL(node).origin}.`);
