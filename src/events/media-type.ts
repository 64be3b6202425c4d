/** Media types as they stand in a Content-Type: what is sent, in which charset, and how CloudEvents carry such data. */

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const PARAMETER = `[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:${PARAMETER})*[ \\t]*;?$`);

/** Far beyond what anybody needs; it bounds what the expression above is run over. */
const MEDIA_TYPE_LENGTH_MAX = 1_024;

const UTF8_NAMES: readonly (string | undefined)[] = [undefined, "utf-8", '"utf-8"', "utf8"];

export interface MediaType {
  /** Type and subtype in lower case. */
  readonly type: string;
  /** Whether the charset is UTF-8, which it is where none is named. */
  readonly isUtf8: boolean;
}

/** Of any text. The only parameter with a meaning here is the charset. */
export function mediaTypeOf(contentType: string): MediaType {
  const [type = "", ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  return { type, isUtf8: UTF8_NAMES.includes(charset) };
}

/** RFC 2045, 5.1, and RFC 9110, 8.3.1. */
export function isMediaType(text: string): boolean {
  return text === "application/json" || (text.length <= MEDIA_TYPE_LENGTH_MAX && MEDIA_TYPE.test(text));
}

/** How bytes of this type become the data of a CloudEvent: as a JSON value, as a text, or as they are. */
export type DataKind = "json" | "text" | "binary";

/** @param contentType null where there is none. What is not in UTF-8 stays bytes. */
export function dataKindOf(contentType: string | null): DataKind {
  if (contentType === null) return "binary";
  const { type, isUtf8 } = mediaTypeOf(contentType);
  if (!isUtf8) return "binary";
  if (type.endsWith("/json") || type.endsWith("+json")) return "json";
  return type.startsWith("text/") ? "text" : "binary";
}
