/** A body of any length as it comes: chunk after chunk, only when somebody asks, decompressed on the way if need be. */

import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { AwaitedBody } from "../limits/body-deadlines.ts";
import { ProblemError, problem } from "../problem.ts";
import { type BodyLimits, refuseCompressed, refuseEncoding } from "./body.ts";
import { ZSTD_WINDOW_BYTES_MAX, ZSTD_WINDOW_LOG_MAX, ZstdFrames } from "./zstd-frames.ts";

/** What a decompressor gives out at one time. */
const INFLATED_BYTES_MAX = 64 * 1024;

export interface ByteStream {
  /**
   * The next bytes, or undefined at the end, and after `close`.
   * @throws ProblemError `request_timeout`, `malformed_json`, `body_too_large`; whatever else when the client has gone.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Nothing more is wanted. To be called in any case. */
  close(): void;
}

/** In lower case; empty where the body comes as it is. */
export function encodingOf({ headers }: Request): string {
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  return encoding === "identity" ? "" : encoding;
}

/** @throws ProblemError `unsupported_media_type` */
export function openBody(request: Request, encoding: string, limits: BodyLimits): ByteStream {
  if (encoding === "") return new BodyStream(request, limits);
  if (encoding !== "gzip" && encoding !== "zstd") return refuseEncoding();
  return new InflatedStream(new BodyStream(request, limits), encoding);
}

/** The time that the client takes counts against its deadline, the time in between does not. */
class BodyStream implements ByteStream, AwaitedBody {
  deadline = 0;
  isSlow = false;
  readonly #reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel"> | undefined;
  #isLate = false;
  #isClosed = false;

  constructor(
    private readonly request: Request,
    private readonly limits: BodyLimits,
  ) {
    this.#reader = request.body?.getReader();
    // Bun takes neither a body that arrives nor a pause of ours for a sign of life.
    limits.setIdleTimeout(request, 0);
    limits.deadlines.watch(this);
    limits.deadlines.pause(this);
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isClosed || this.#reader === undefined) return undefined;
    const { deadlines } = this.limits;
    deadlines.resume(this);
    try {
      const { value } = await this.#reader.read();
      if (this.#isLate)
        throw new ProblemError(problem("request_timeout", "The body did not arrive in time."));
      deadlines.streamed(this, value?.length ?? 0);
      return this.#isClosed ? undefined : value;
    } finally {
      deadlines.pause(this);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.limits.deadlines.done(this);
    this.limits.setIdleTimeout(this.request, this.limits.idleSeconds);
    this.#cancel();
  }

  /** There is nothing to do: silence has not ended its connection before. */
  onSlow(): void {}

  onLate(): void {
    this.#isLate = true;
    this.#cancel();
  }

  /** What comes after it is read and thrown away. Of a client that has gone it says so, which is known. */
  #cancel(): void {
    this.#reader?.cancel().catch(() => {});
  }
}

class InflatedStream implements ByteStream {
  readonly #inflate: Transform;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** What decompresses zstd takes a frame that was cut for whole, and throws away what stands behind. */
  readonly #frames: ZstdFrames | undefined;
  /** What ended the body; it is told once all that came before it has been read. */
  #fault: { readonly error: unknown } | undefined;
  #isClosed = false;

  constructor(
    private readonly body: ByteStream,
    private readonly encoding: "gzip" | "zstd",
  ) {
    const chunkSize = INFLATED_BYTES_MAX;
    const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
    const isZstd = encoding === "zstd";
    this.#inflate = isZstd ? createZstdDecompress({ chunkSize, params }) : createGunzip({ chunkSize });
    this.#frames = isZstd ? new ZstdFrames(ZSTD_WINDOW_BYTES_MAX) : undefined;
    // What goes wrong in the decompressor is thrown to whoever reads from it.
    pipeline(Readable.from(this.#compressed(), { highWaterMark: 1 }), this.#inflate).catch(() => {});
    this.#chunks = this.#inflate[Symbol.asyncIterator]();
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isClosed) return undefined;
    try {
      const { done, value } = await this.#chunks.next();
      if (!done) return value;
    } catch (error) {
      if (this.#isClosed) return undefined;
      if (this.#fault === undefined && isOfDecompressor(error)) return refuseCompressed(this.encoding);
      throw this.#fault?.error ?? error;
    }
    if (this.#fault !== undefined) throw this.#fault.error;
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.body.close();
    this.#inflate.destroy();
  }

  /** A decompressor that fails has its error thrown in here as well, at the `yield`: it is not the body's. */
  async *#compressed(): AsyncGenerator<Uint8Array> {
    for (let chunk = await this.#nextCompressed(); chunk !== undefined; chunk = await this.#nextCompressed())
      yield chunk;
  }

  async #nextCompressed(): Promise<Uint8Array | undefined> {
    try {
      const chunk = await this.body.read();
      const isSound = chunk === undefined ? this.#frames?.isWhole : this.#frames?.take(chunk);
      if (isSound === false) refuseCompressed(this.encoding);
      return chunk;
    } catch (error) {
      this.#fault = { error };
      return undefined;
    }
  }
}

function isOfDecompressor(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^(?:Z_|ZSTD_|ERR_ZLIB)/.test(code);
}
