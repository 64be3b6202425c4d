/** Every route of the node under test, from its own OpenAPI document, and the sockets, which it cannot describe. */

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
