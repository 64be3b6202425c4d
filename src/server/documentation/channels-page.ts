/** The page at /docs/channels. */
import type { AsyncApi } from "./async-api.ts";

export function channelsPage(document: AsyncApi): string {
  return `<pre>${JSON.stringify(document)}</pre>`;
}
