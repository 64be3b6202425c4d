/** GET /docs, a page of Swagger UI that needs no internet, and GET /docs/json, the OpenAPI document it shows. */

import { type AnyElysia, Elysia } from "elysia";
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

/** @param makeRoutes makes the routes that the document describes, once more. */
export function docsRoutes(makeRoutes: () => AnyElysia) {
  const app = new Elysia().get("/docs/json", openApiRoute(makeRoutes));
  for (const [address, file] of Object.entries(PAGE_FILES)) app.get(address, fileRoute(file));
  return app;
}

type Route = (context: { readonly request: Request }) => Promise<Response>;

function openApiRoute(makeRoutes: () => AnyElysia): Route {
  let document: Promise<string> | undefined;
  return async ({ request }) => {
    document ??= makeOpenApiDocument(makeRoutes(), scopesOf);
    const text = await document;
    return answer(request, text, { type: "application/json", tag: tagOf(text) });
  };
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
