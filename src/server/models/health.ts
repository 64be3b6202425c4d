/** How a node is. */

import { type Static, Type } from "@sinclair/typebox";
import { LEDGER_STATES } from "../../ingest/ledger-client.ts";
import { count, oneOf } from "./schema.ts";

export const Health = Type.Object(
  {
    status: oneOf(["healthy", "unhealthy"]),
    uptime_seconds: Type.Number({ minimum: 0 }),
    version: Type.String(),
    checks: Type.Object({
      storage: oneOf(LEDGER_STATES, {
        description:
          "Whether publishes are stored: only when `ready`. While `failing` some may be, and then it is ready.",
      }),
      storage_reason: Type.Optional(
        Type.String({ description: "What is wrong with the storage; there while it fails." }),
      ),
      open_files_reason: Type.Optional(
        Type.String({ description: "There while no more connections and files can be opened." }),
      ),
      waiting_publishes: count("Bodies and frames that wait to be committed."),
    }),
  },
  { description: "Whether the node is healthy, and if not, why." },
);
export type Health = Static<typeof Health>;
