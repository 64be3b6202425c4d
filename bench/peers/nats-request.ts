/** One question to JetStream's API. */

import { greeting, NatsReader, publishFrame } from "./load/nats-frames.ts";

const INBOX = "answer";
const TIMEOUT_MS = 5_000;

type Answer = Readonly<Record<string, unknown>>;

/** @throws Error when it is refused, or not answered in time. */
export async function requestJetStream(port: number, subject: string, body: unknown): Promise<Answer> {
  const reader = new NatsReader();
  const answer = Promise.withResolvers<Answer>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_socket, chunk) {
        try {
          reader.read(chunk, (_subject, payload) => answer.resolve(JSON.parse(payload.toString()) as Answer));
        } catch (error) {
          answer.reject(error);
        }
      },
    },
  });
  const timeout = setTimeout(() => answer.reject(new Error(`NATS did not answer ${subject}`)), TIMEOUT_MS);
  const payload = JSON.stringify(body);
  socket.write(
    greeting(INBOX) + publishFrame({ subject: `$JS.API.${subject}`, reply: INBOX, headers: {}, payload }),
  );
  try {
    const result = await answer.promise;
    if (result.error !== undefined) throw new Error(`NATS: ${JSON.stringify(result.error)}`);
    return result;
  } finally {
    clearTimeout(timeout);
    socket.end();
  }
}
