/** What the load of one peer is told, and what it tells. */

import type { LatencySummary } from "../../load/latencies.ts";
import type { Shape } from "../peer.ts";

export type LoadTarget =
  | { readonly protocol: "websocket" | "http"; readonly url: string }
  | { readonly protocol: "nats"; readonly port: number; readonly subject: string }
  | { readonly protocol: "redis"; readonly port: number; readonly scriptSha: string }
  | { readonly protocol: "postgresql"; readonly url: string; readonly statement: string };

export interface PeerLoadOptions extends Shape {
  readonly target: LoadTarget;
  readonly serverPid: number;
  /** The number of the first event: a second load of one server must not send the events of the first. */
  readonly firstNumber: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface PeerLoadResult {
  /** What was sent from first to last, warm-up included; all of it was acknowledged. */
  readonly sent: { readonly received: number; readonly unique: number };
  /** What was acknowledged while it was measured. */
  readonly events: number;
  readonly seconds: number;
  readonly ack: LatencySummary;
  /** Of all processes of the server. */
  readonly serverCpuSeconds: number;
  readonly serverResidentBytes: number;
  readonly loadCpuSeconds: number;
}
