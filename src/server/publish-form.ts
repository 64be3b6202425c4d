/** In which form the body of a publish comes, by its headers. */

import type { PublishForm } from "../events/decoded-publish.ts";
import { refuse } from "../problem.ts";

/** One event a line. */
const LINES_TYPES: readonly string[] = ["application/x-ndjson", "application/ndjson"];

const UTF8_NAMES: readonly (string | undefined)[] = [undefined, "utf-8", '"utf-8"', "utf8"];

/**
 * Media types are compared without regard to case; the only parameter with a meaning here is the charset.
 * @throws ProblemError `unsupported_media_type`
 */
export function publishFormOf(headers: Headers): PublishForm {
  const contentType = headers.get("content-type");
  if (contentType === null || contentType === "application/json") return "body";
  const { type, charset } = mediaTypeOf(contentType);
  const isLines = LINES_TYPES.includes(type);
  if (type !== "application/json" && !isLines) {
    return refuse(
      "unsupported_media_type",
      "The content type is not supported; send application/json or application/x-ndjson.",
    );
  }
  if (!UTF8_NAMES.includes(charset))
    refuse("unsupported_media_type", "Bodies are UTF-8; no other charset is supported.");
  return isLines ? "lines" : "body";
}

/** Both in lower case; the charset as it is quoted. */
function mediaTypeOf(contentType: string): { type: string; charset: string | undefined } {
  const [type = "", ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  return { type, charset };
}
