/** The pages at /docs and /docs/channels, which need no internet, and the OpenAPI and AsyncAPI documents that they show. */

import { type AnyElysia, Elysia } from "elysia";
import { type AsyncApi, makeAsyncApiDocument } from "./documentation/async-api.ts";
import type { ChannelLimits } from "./documentation/channel.ts";
import { channelsPage } from "./documentation/channels-page.ts";
import { makeOpenApiDocument } from "./documentation/open-api.ts";
import { PAGE_FILES, type PageFile } from "./documentation/page-files.ts";
import { type Permission, permissionOf } from "./permissions.ts";

/**
 * Nothing but what this node serves, and nothing inline; the style sheet has its icons inside itself as `data:`.
 * A page that publishes at a click must not be framed by another.
 */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS = {
  // Kept, but asked for again each time: another version of the executable may be behind the address.
  "cache-control": "no-cache",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

export interface DocsOptions {
  /** Makes the routes that the documents describe, once more. */
  readonly makeRoutes: () => AnyElysia;
  readonly limits: ChannelLimits;
  readonly isTls: boolean;
}

export function docsRoutes(options: DocsOptions) {
  const asyncApi = once(() => asyncApiOf(options));
  const app = new Elysia()
    .get(
      "/docs/json",
      textRoute("application/json", () => makeOpenApiDocument(options.makeRoutes(), scopesOf)),
    )
    .get(
      "/docs/asyncapi.json",
      textRoute("application/json", () => JSON.stringify(asyncApi())),
    )
    .get(
      "/docs/channels",
      textRoute("text/html; charset=utf-8", () => channelsPage(asyncApi())),
    );
  for (const [address, file] of Object.entries(PAGE_FILES)) app.get(address, fileRoute(file));
  return app;
}

type Route = (context: { readonly request: Request }) => Promise<Response>;

/** A document is made when it is first asked for: most nodes are never asked. */
function textRoute(type: string, make: () => string | Promise<string>): Route {
  const text = once(() => Promise.resolve(make()).then((made) => ({ made, tag: tagOf(made) })));
  return async ({ request }) => {
    const { made, tag } = await text();
    return answer(request, made, { type, tag });
  };
}

function asyncApiOf({ makeRoutes, limits, isTls }: DocsOptions): AsyncApi {
  const paths = makeRoutes().routes.map(({ path }) => path);
  return makeAsyncApiDocument({ limits, isTls, paths, scopesOf });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** @param path as OpenAPI has it, with its parameters in braces. */
function scopesOf(method: string, path: string): Permission {
  return permissionOf(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ":$1")) ?? [];
}

function fileRoute({ path, type }: PageFile): Route {
  let tag: Promise<string> | undefined;
  return async ({ request }) => {
    const file = Bun.file(path);
    tag ??= file.bytes().then(tagOf);
    return answer(request, file, { type, tag: await tag });
  };
}

function tagOf(content: string | Uint8Array): string {
  return `"${Bun.hash(content).toString(36)}"`;
}

function answer(
  request: Request,
  content: string | Blob,
  { type, tag }: { type: string; tag: string },
): Response {
  const headers = { ...HEADERS, etag: tag };
  if (request.headers.get("if-none-match") === tag) return new Response(null, { status: 304, headers });
  return new Response(content, { headers: { ...headers, "content-type": type } });
}
