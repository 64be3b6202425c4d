/** What the node under test tells of itself: every route, from its own OpenAPI document, and the sockets; and cursors. */

import type { GivenCursors } from "./cursor-texts.ts";

export interface Route {
  readonly method: string;
  /** With `{name}` for a step that may be anything. */
  readonly path: string;
  readonly parameters: readonly string[];
}

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly parameters?: readonly { readonly name: string }[] }>>>
  >;
}

const SOCKETS: readonly Route[] = [
  { method: "GET", path: "/ws/publish", parameters: [] },
  { method: "GET", path: "/ws/stats", parameters: ["topics", "interval", "epoch", "revision"] },
  { method: "GET", path: "/ws/events", parameters: ["topics", "after"] },
];

const DOCUMENTATION: readonly Route[] = [
  { method: "GET", path: "/docs", parameters: [] },
  { method: "GET", path: "/docs/json", parameters: [] },
  { method: "GET", path: "/docs/asyncapi.json", parameters: [] },
  { method: "GET", path: "/docs/channels", parameters: [] },
];

export async function routesOf(url: string, headers: Record<string, string>): Promise<readonly Route[]> {
  const { paths } = (await (await fetch(`${url}/docs/json`, { headers })).json()) as OpenApi;
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [] }]) => ({
      method: method.toUpperCase(),
      path,
      parameters: parameters.map(({ name }) => name),
    })),
  );
  if (!described.some(({ path }) => path === "/publish")) throw new Error("/docs/json describes no /publish");
  return [...described, ...DOCUMENTATION, ...SOCKETS];
}

/** As the streams give them out where they begin. */
export async function cursorsOf(url: string, headers: Record<string, string>): Promise<GivenCursors> {
  const first = async (path: string): Promise<string> => {
    using abort = new DisposableAbort();
    const { body } = await fetch(`${url}${path}`, { headers, signal: abort.signal });
    let text = "";
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const id = /^id: (.+)\n/m.exec(text)?.[1];
      if (id !== undefined) return id;
    }
    throw new Error(`${path} gives out no id`);
  };
  return { events: await first("/events/stream?after=0"), stats: await first("/stats/stream") };
}

class DisposableAbort extends AbortController implements Disposable {
  [Symbol.dispose](): void {
    this.abort();
  }
}
