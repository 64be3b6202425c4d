/** The nodes whose traffic is judged: real ones, by the ports that they listen on. */

const ports = new Set<string>();

/** @param url where the node is; on a unix socket alone it has no port, and nobody else has that. */
export function observeNode(url: string): void {
  if (url !== "") ports.add(new URL(url).port);
}

export function forgetNode(url: string): void {
  if (url !== "") ports.delete(new URL(url).port);
}

/** The path and query of an address, where it is one of a node's. */
export function pathOnNode(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { port, pathname, search } = new URL(address);
  return ports.has(port) ? pathname + search : undefined;
}
