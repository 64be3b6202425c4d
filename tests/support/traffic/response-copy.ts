/** Reads what comes as an answer beside whoever asked, without holding it up or asking for more than that one reads. */

export interface Copies {
  /** The whole text of an answer that ends. */
  readonly whole: (text: string) => void;
  /** The data of one server-sent event. */
  readonly frame: (text: string) => void;
  /** Settles when a copy has been read. */
  readonly reading: (read: Promise<void>) => void;
}

/** An answer that is longer is seen only where the test reads it: whoever does not read is tested, too. */
const COPIED_BYTES_MAX = 65_536;

/** A node that was killed in the middle of an answer sends no more of it. */
const READING_MS_MAX = 2_000;

export function readCopy(response: Response, copies: Copies): void {
  const type = response.headers.get("content-type") ?? "";
  const length = response.headers.get("content-length");
  if (response.body === null) copies.whole("");
  else if (type.startsWith("text/event-stream")) watchEvents(response, copies.frame);
  else if (length !== null && Number(length) <= COPIED_BYTES_MAX)
    copies.reading(readClone(response, copies.whole));
  else watchReading(response, copies.whole);
}

async function readClone(response: Response, whole: Copies["whole"]): Promise<void> {
  const { promise: isLate, resolve: late } = Promise.withResolvers<undefined>();
  const timer = setTimeout(late, READING_MS_MAX, undefined);
  const read = response.clone().text();
  // Cut off, or given up by the test.
  const text = await Promise.race([read.catch(() => undefined), isLate]);
  clearTimeout(timer);
  if (text !== undefined) whole(text);
}

/** What the test reads is seen when it has been read. */
function watchReading(response: Response, whole: Copies["whole"]): void {
  const read = async (): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await Response.prototype.bytes.call(response);
    whole(new TextDecoder().decode(bytes));
    return bytes;
  };
  const decoded = async (): Promise<string> => new TextDecoder().decode(await read());
  Object.assign(response, {
    bytes: read,
    text: decoded,
    json: async () => JSON.parse(await decoded()) as unknown,
    arrayBuffer: async () => (await read()).buffer,
  });
}

/** Each part passes when the test asks for it, so that a reader who stands still is one to the node as well. */
function watchEvents(response: Response, frame: Copies["frame"]): void {
  const reader = response.body!.getReader();
  const events = new EventData(frame);
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else {
          events.take(value);
          controller.enqueue(value);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  Object.defineProperty(response, "body", { value: body });
}

/** The `data` of the events in a stream. */
class EventData {
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(private readonly frame: Copies["frame"]) {}

  take(bytes: Uint8Array): void {
    const events = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n\n");
    this.#rest = events.pop()!;
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length > 0) this.frame(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}
