/** The first token of a node that nobody has made any for: how an image starts closed, and its owner gets in. */

import { SCOPES } from "../access/principal.ts";
import { newToken } from "../access/token-text.ts";
import { ALL_TOPICS } from "../events/topic-pattern.ts";
import { changeTokens, hasTokenFile } from "../maintenance/token-changes.ts";

const NAME = "first";

/** Makes a token for everything where there is no token file yet, and prints it, once. @throws Error with one sentence */
export function printFirstToken(folder: string): void {
  // A file without tokens is one whose owner has revoked them.
  if (hasTokenFile(folder)) return;
  const { id, sha256, text } = newToken();
  const isFirst = changeTokens(folder, (tokens) => {
    if (tokens.length > 0) return { tokens, result: false };
    const token = {
      ...{ id, sha256, name: NAME, scopes: SCOPES, topics: [ALL_TOPICS] },
      ...{ created: Date.now(), expires: Number.POSITIVE_INFINITY },
    };
    return { tokens: [token], result: true };
  });
  if (isFirst) console.log(`onefold: the first token, for everything, shown only now: ${text}`);
}
