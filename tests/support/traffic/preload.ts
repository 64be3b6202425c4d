/** Before any test: a test in which a node says what its documents do not say fails, whatever else it is about. */

import { afterAll, afterEach } from "bun:test";
import { beforeFirstNode, pathOnNode } from "./observed-nodes.ts";
import { TrafficObserver } from "./observer.ts";

const observer = new TrafficObserver(pathOnNode);
observer.start(globalThis);
beforeFirstNode(() => observer.prepare());

async function expectDocumented(): Promise<void> {
  const faults = await observer.faults();
  if (faults !== undefined) throw new Error(faults);
}

afterEach(expectDocumented);
/** What came after the last test. */
afterAll(expectDocumented);
