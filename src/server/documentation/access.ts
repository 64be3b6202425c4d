/** What the OpenAPI document says of credentials: the same for every route that asks for a scope. */

import { problemAnswers } from "./operation.ts";

/** The scopes of which a route asks for one, by method and OpenAPI path; none where anyone may use it. */
export type ScopesOf = (method: string, path: string) => readonly string[];

export const TOKEN_DESCRIPTION =
  "A token of this node (`onefold token create`) or a JSON Web Token. A node that was given no credentials asks for none.";

const SECURITY_SCHEMES = {
  token: { type: "http", scheme: "bearer", description: TOKEN_DESCRIPTION },
  access_token: {
    type: "apiKey",
    in: "query",
    name: "access_token",
    description: "The same as a parameter of the address, for browsers and webhooks.",
  },
} as const;

const REFUSALS = problemAnswers({
  unauthorized: "Credentials are required here.",
  forbidden: "The credentials do not hold the scope subscribe.",
  forbidden_topic: "Reading `payments` is not allowed.",
  forbidden_origin: "The page that asks is not of this node; its origin can be let in with --allow-origins.",
});

interface Operation {
  responses: Record<string, unknown>;
  security?: Record<string, string[]>[];
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, unknown>;
}

/** @returns the document's text, with credentials and what is answered without them. */
export function withAccess(text: string, scopesOf: ScopesOf): string {
  const document = JSON.parse(text) as Document;
  document.components.securitySchemes = SECURITY_SCHEMES;
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const scopes = scopesOf(method, path);
      operation.security = Object.keys(SECURITY_SCHEMES).flatMap((scheme) =>
        scopes.map((scope) => ({ [scheme]: [scope] })),
      );
      if (scopes.length === 0) continue;
      operation.responses = { ...operation.responses, ...REFUSALS };
    }
  }
  return JSON.stringify(document);
}
