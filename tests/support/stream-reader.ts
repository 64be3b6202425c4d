/** A reader of server-sent events, by the rules of the HTML standard, that sees comments and bare positions too. */

import { withDeadline } from "./deadline.ts";

export interface StreamFrame<T> {
  /** What the client would resume from. */
  readonly id: string;
  readonly frame: T;
}

/** Bun's types and those of the platform have two readers. */
interface Body {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

export interface StreamReaderOptions {
  readonly headers?: Record<string, string>;
  /** How the node is reached where its address does not say. */
  readonly client?: BunFetchRequestInit;
}

export class StreamReader<T> implements AsyncDisposable {
  /** What a reconnection would send as `Last-Event-ID`. */
  lastId = "";
  /** Comments that have come. */
  comments = 0;
  /** In milliseconds, as the stream has set it. */
  retry: number | undefined;
  hasEnded = false;
  readonly #frames: StreamFrame<T>[] = [];
  readonly #body: Body;
  readonly #decoder = new TextDecoder();
  #text = "";
  #data: string[] = [];
  #id: string | undefined;

  private constructor(
    readonly response: Response,
    private readonly leaving: AbortController,
  ) {
    this.#body = response.body!.getReader() as Body;
  }

  static async open<T>(
    url: string,
    { headers = {}, client = {} }: StreamReaderOptions = {},
  ): Promise<StreamReader<T>> {
    const leaving = new AbortController();
    const response = await fetch(url, { ...client, headers, signal: leaving.signal });
    if (response.status !== 200)
      throw new Error(`Expected a stream, got ${response.status}: ${await response.text()}`);
    return new StreamReader(response, leaving);
  }

  /** The next frame; rejects where the stream ends first. */
  next(): Promise<StreamFrame<T>> {
    return withDeadline(this.#next(), () => "a frame");
  }

  /** Reads until the stream ends. @returns the frames that came. */
  rest(): Promise<StreamFrame<T>[]> {
    const read = async (): Promise<StreamFrame<T>[]> => {
      while (await this.#read());
      return this.#frames.splice(0);
    };
    return withDeadline(read(), () => "the stream to end");
  }

  /** Reads until something is so. */
  async until(isReached: () => boolean, timeoutMs?: number): Promise<void> {
    const read = async (): Promise<void> => {
      while (!isReached()) if (!(await this.#read())) throw new Error(`The stream ended before ${isReached}`);
    };
    await withDeadline(read(), () => `${isReached}`, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leaving.abort();
    await this.#body.cancel().catch(() => {});
  }

  async #next(): Promise<StreamFrame<T>> {
    while (this.#frames.length === 0) if (!(await this.#read())) throw new Error("The stream has ended.");
    return this.#frames.shift()!;
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#body.read();
    if (done) {
      this.hasEnded = true;
      return false;
    }
    const lines = (this.#text + this.#decoder.decode(value, { stream: true })).split(/\r\n|\r|\n/);
    this.#text = lines.pop()!;
    for (const line of lines) this.#take(line);
    return true;
  }

  #take(line: string): void {
    if (line === "") {
      this.lastId = this.#id ?? this.lastId;
      if (this.#data.length > 0)
        this.#frames.push({ id: this.lastId, frame: JSON.parse(this.#data.join("\n")) as T });
      this.#data = [];
      return;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === "") this.comments++;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    else if (field === "retry") this.retry = Number(value);
    else throw new Error(`A stream has no field ${line}`);
  }
}
