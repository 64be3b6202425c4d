/** URIs and references to them (RFC 3986), as CloudEvents name sources and schemas. */

const NOT_IN_URI = /[^\w.~:/?#[\]@!$&'()*+,;=%-]|%(?![\da-f]{2})/i;

/** RFC 3986, appendix B: every text has these parts. */
const PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;

const SCHEME = /^[a-z][a-z\d+.-]*$/i;

/** Name and password, a host or an address in brackets, a port. */
const AUTHORITY = /^(?:[^@[\]]*@)?(?:\[[\da-f:.v]+\]|[^:@[\]]*)(?::\d*)?$/i;

/** The one that was found right last: most events of a publisher have the same. */
let lastRight = "";

/** Whether a text is an absolute URI, or one relative to another. The empty text is one. */
export function isUriReference(text: string): boolean {
  if (text === lastRight) return true;
  if (schemeOf(text) === undefined) return false;
  lastRight = text;
  return true;
}

/** Whether it names a scheme; a fragment may follow, as it does in names of schemas. */
export function isUri(text: string): boolean {
  return !!schemeOf(text);
}

/** Empty where there is none, undefined where the text is no URI at all. */
function schemeOf(text: string): string | undefined {
  if (NOT_IN_URI.test(text)) return undefined;
  const [, scheme = "", authority = "", path = "", query = "", fragment = ""] = PARTS.exec(text)!;
  // A colon in the first step of a relative path would part a scheme from the rest.
  if (scheme === "" ? path.startsWith(":") : !SCHEME.test(scheme)) return undefined;
  const rest = path + query + fragment;
  return AUTHORITY.test(authority) && !/[[\]#]/.test(rest) ? scheme : undefined;
}

/** A reference that means a text: itself where it is one, else with what may not stand in one percent-encoded. */
export function asUriReference(text: string): string {
  if (isUriReference(text)) return text;
  const encoded = encodeURI(text);
  return isUriReference(encoded) ? encoded : encodeURIComponent(text);
}
