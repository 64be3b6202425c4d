/** Reads a request body as text: bounded before and after decompression, decoded strictly. */

import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { refuse } from "../problem.ts";

/** Fatal: ill-formed bytes are an error, never a replacement character. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

const DECOMPRESS: Record<
  string,
  (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>
> = {
  gzip: promisify(gunzip) as (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>,
  zstd: promisify(zstdDecompress) as (
    bytes: Uint8Array,
    options: { maxOutputLength: number },
  ) => Promise<Buffer>,
};

/** @throws ProblemError `body_too_large`, `unsupported_media_type`, `malformed_utf8` */
export async function readBody(request: Request, bytesMax: number): Promise<string> {
  const bytes = await readBytes(request, bytesMax);
  const encoding = request.headers.get("content-encoding");
  return decodeUtf8(
    encoding === null ? bytes : await decompress(bytes, encoding.trim().toLowerCase(), bytesMax),
  );
}

async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced === null) return readStream(request, bytesMax);
  if (Number(announced) > bytesMax) refuseSize(bytesMax);
  return new Uint8Array(await request.arrayBuffer());
}

/** A body without a length is read only as far as the limit. */
async function readStream({ body }: Request, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > bytesMax) refuseSize(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function decompress(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Uint8Array> {
  if (encoding === "identity" || encoding === "") return bytes;
  const inflate = DECOMPRESS[encoding];
  if (inflate === undefined) {
    return refuse(
      "unsupported_media_type",
      "The content encoding is not supported; send gzip, zstd or none.",
    );
  }
  try {
    return await inflate(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") refuseSize(bytesMax);
    return refuse("malformed_json", `The body could not be decompressed as ${encoding}.`);
  }
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
