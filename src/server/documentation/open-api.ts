/** The OpenAPI document, made from the routes themselves. */

import type { TSchema } from "@sinclair/typebox";
import { type AnyElysia, Elysia } from "elysia";
import { VERSION } from "../../version.ts";
import { MODELS } from "../models/models.ts";
import { ABOUT } from "./about.ts";
import { type ScopesOf, withAccess } from "./access.ts";
import { TAGS } from "./operation.ts";

/** The models are JSON Schema as TypeBox writes it, which is what this version of OpenAPI takes. */
const OPENAPI_VERSION = "3.1.0";

const DESCRIPTION = `Takes events from publishers that must retry, counts each event once, keeps it, and shows the counts live.

**Counters.** \`received = unique_processed + duplicate_dropped\`, in every answer; \`conflicts\` are a part of the duplicates.

**Problems.** What is refused is refused whole, with a problem document (RFC 9457) and a stable \`code\`. A path that is not there is 404, a method that is not allowed is 405 and \`Allow\` names those that are.

**Credentials.** Routes ask for a scope: \`publish\`, or \`subscribe\` to read; \`admin\` shows the metrics of the node as a whole. A token covers topics by patterns, and reads show those topics only.

**Channels.** WebSockets, and what streams of server-sent events carry, are not in this document, because OpenAPI has no words for them: they are [shown as channels](/docs/channels), from an AsyncAPI document of their own, [/docs/asyncapi.json](/docs/asyncapi.json).`;

/**
 * @param routes the routes to describe, made for this call. The plugin also serves a page that loads its parts from
 * elsewhere, so it works on an app of its own, which nobody can reach.
 */
export async function makeOpenApiDocument(routes: AnyElysia, scopesOf: ScopesOf): Promise<string> {
  // Loaded when it is first needed: most nodes are never asked.
  const { swagger } = await import("@elysiajs/swagger");
  const documented = new Elysia().use(routes).use(
    swagger({
      specPath: "/openapi.json",
      excludeStaticFile: false,
      documentation: {
        openapi: OPENAPI_VERSION,
        info: {
          title: "onefold",
          version: VERSION,
          description: DESCRIPTION,
          ...ABOUT,
        },
        servers: [{ url: "/", description: "This node" }],
        tags: Object.values(TAGS),
        // Not registered with the app: that gives each an `$id` which is no URI, and readers of the document stumble.
        components: { schemas: MODELS as Record<string, TSchema> },
      },
    }),
  );
  const response = await documented.handle(new Request("http://localhost/openapi.json"));
  if (!response.ok) throw new Error(`Expected the OpenAPI document, got ${response.status}`);
  return withAccess(await response.text(), scopesOf);
}
