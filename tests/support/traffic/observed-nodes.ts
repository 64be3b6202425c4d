/** The nodes whose traffic is judged: real ones, by the ports that they listen on. */

const ports = new Set<string>();

let prepare = async (): Promise<void> => {};
let prepared: Promise<void> | undefined;

/** What is to be done before the first node is spoken with; most test files speak with none. */
export function beforeFirstNode(task: () => Promise<void>): void {
  prepare = task;
}

/**
 * @param url where the node is; on a unix socket alone it has no port, and nobody else has that.
 * @returns when it can be spoken with, so that no test waits for the judge while it measures.
 */
export function observeNode(url: string): Promise<void> {
  if (url !== "") ports.add(new URL(url).port);
  prepared ??= prepare();
  return prepared;
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
