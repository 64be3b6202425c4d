/** Reads a request body as text: bounded before and after decompression, decoded strictly. */

import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import type { AwaitedBody, BodyDeadlines } from "../limits/body-deadlines.ts";
import { Turns } from "../limits/turns.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import { isWholeZstd, ZSTD_WINDOW_BYTES_MAX } from "./zstd-frames.ts";

/** Fatal: ill-formed bytes are an error, never a replacement character. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

/** A map, because the name comes from outside: an object has something under `constructor`, too. */
const DECOMPRESS: ReadonlyMap<string, Decompress> = new Map([
  ["gzip", promisify(gunzip) as Decompress],
  ["zstd", promisify(zstdDecompress) as Decompress],
]);

/** Bodies up to this size are read in one go and not counted: the answer is out before they add up. */
const UNCOUNTED_BYTES_MAX = 65_536;

/**
 * Decompressions of whole bodies at one time: some kilobytes may become megabytes, and while they wait they are kilobytes.
 * With two the peak under 20 bombs was 230 to 310 MB, with one it is 200 to 230.
 */
const DECOMPRESSIONS_MAX = 1;

/**
 * Pieces of streams of lines that are in the ledger's hands, over all streams: with fewer it would wait for us between two
 * commits, and with more whoever publishes anything else would wait behind them.
 */
export const PIECES_IN_FLIGHT_MAX = 4;

/** What bodies may take of the memory while they are read, over all requests: they must not fill it together. */
export class BodyBudget {
  readonly decompressions = new Turns(DECOMPRESSIONS_MAX);
  readonly pieces = new Turns(PIECES_IN_FLIGHT_MAX);
  /** Bodies that are decompressed while they come. */
  inflating = 0;
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** Why so many bytes more are not to be taken now. */
  refusalOf(bytes: number): Problem | undefined {
    if (this.#bytes + bytes <= this.bytesMax) return undefined;
    return problem("overloaded", "Too many large bodies are being read. Sending again is safe.");
  }

  take(bytes: number): void {
    const refused = this.refusalOf(bytes);
    if (refused !== undefined) throw new ProblemError(refused);
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export interface BodyLimits {
  readonly bytesMax: number;
  readonly budget: BodyBudget;
  readonly deadlines: BodyDeadlines;
  /** The connection's own limit for silence: while a body comes slowly, its deadline stands in for it. */
  readonly idleSeconds: number;
  readonly setIdleTimeout: (request: Request, seconds: number) => void;
}

/**
 * @param textOf what becomes of the bytes.
 * @throws ProblemError `body_too_large`, `unsupported_media_type`, `malformed_utf8`, `overloaded`, `request_timeout`
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
  textOf: (bytes: Uint8Array) => string = decodeUtf8,
): Promise<string> {
  const { bytesMax, budget } = limits;
  const encoding = request.headers.get("content-encoding");
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (announced > bytesMax) refuseSize(bytesMax);
  const counted = new CountedBytes(budget);
  try {
    const bytes =
      announced <= UNCOUNTED_BYTES_MAX
        ? new Uint8Array(await readWhole(request, limits))
        : await readStream(request, limits, counted);
    if (encoding === null) return textOf(bytes);
    // One that waits for its turn is kept meanwhile, however small it is.
    counted.take(bytes.length - counted.size);
    return await budget.decompressions.run(async () =>
      textOf(await decompress(bytes, encoding.trim().toLowerCase(), bytesMax)),
    );
  } finally {
    counted.giveBack();
  }
}

/** What one body has taken of the budget. */
class CountedBytes {
  size = 0;

  constructor(private readonly budget: BodyBudget) {}

  take(bytes: number): void {
    this.budget.take(bytes);
    this.size += bytes;
  }

  giveBack(): void {
    this.budget.giveBack(this.size);
  }
}

/** A body has a deadline; while it comes slowly, silence alone does not end its connection. */
class TimedBody implements AwaitedBody {
  deadline = 0;
  isSlow = false;

  constructor(
    private readonly request: Request,
    private readonly limits: BodyLimits,
    readonly onLate: () => void,
  ) {
    limits.deadlines.watch(this);
  }

  onSlow(): void {
    this.limits.setIdleTimeout(this.request, 0);
  }

  done(): void {
    this.limits.deadlines.done(this);
    if (this.isSlow) this.limits.setIdleTimeout(this.request, this.limits.idleSeconds);
    this.isSlow = false;
  }
}

/** What has not arrived by its deadline is not waited for: the answer closes the connection, which frees it. */
function readWhole(request: Request, limits: BodyLimits): Promise<ArrayBuffer> {
  return new Promise((resolve, reject) => {
    const body = new TimedBody(request, limits, () => reject(tooLate()));
    request.arrayBuffer().then(
      (bytes) => {
        body.done();
        resolve(bytes);
      },
      (error: unknown) => {
        body.done();
        reject(error);
      },
    );
  });
}

/** A large body, or one without a length, is read only as far as the limits, the budget and its deadline allow. */
async function readStream(request: Request, limits: BodyLimits, counted: CountedBytes): Promise<Uint8Array> {
  const { bytesMax, deadlines } = limits;
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let isLate = false;
  const body = new TimedBody(request, limits, () => {
    isLate = true;
    void reader.cancel();
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw tooLate();
      if (done) return Buffer.concat(chunks, counted.size);
      counted.take(value.length);
      if (counted.size > bytesMax) refuseSize(bytesMax);
      chunks.push(value);
      deadlines.arrived(body, value.length);
    }
  } finally {
    body.done();
  }
}

function tooLate(): ProblemError {
  return new ProblemError(
    problem("request_timeout", "The body did not arrive in time. Nothing was stored; sending again is safe."),
  );
}

async function decompress(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Uint8Array> {
  if (encoding === "identity" || encoding === "") return bytes;
  const inflate = DECOMPRESS.get(encoding);
  if (inflate === undefined) return refuseEncoding();
  // No frame needs a larger window than its content, which is held to its limit.
  if (encoding === "zstd" && !isWholeZstd(bytes, Math.max(bytesMax, ZSTD_WINDOW_BYTES_MAX)))
    refuseCompressed(encoding);
  try {
    return await inflate(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") refuseSize(bytesMax);
    return refuseCompressed(encoding);
  }
}

export function refuseCompressed(encoding: string): never {
  refuse("malformed_json", `The body could not be decompressed as ${encoding}.`);
}

export function refuseEncoding(): never {
  refuse("unsupported_media_type", "The content encoding is not supported; send gzip, zstd or none.");
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return refuse("malformed_utf8", "The body is not well-formed UTF-8.");
  }
}

function refuseSize(bytesMax: number): never {
  refuse("body_too_large", `A body may have ${bytesMax} bytes.`);
}
