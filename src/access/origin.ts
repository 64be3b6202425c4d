/** An origin as browsers write it: scheme, host, and the port where it is not the scheme's own. */

/** What is wrong with an origin that is to be let in, or undefined. */
export function faultOfOrigin(origin: string): string | undefined {
  const isWhole = origin === "null" || (!origin.includes("*") && URL.parse(origin)?.origin === origin);
  return isWhole ? undefined : "is no origin; one is written like `https://app.example`, without a path";
}
