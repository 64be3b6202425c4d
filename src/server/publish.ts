/** Publishing: POST /publish and the persistent channel /ws/publish. Both hand text in and send outcomes out. */

import { Elysia } from "elysia";
import type { EventCharge } from "../limits/event-charge.ts";
import type { Problem } from "../problem.ts";
import type { Caller } from "./admission.ts";
import type { BodyLimits } from "./body.ts";
import { publishOperation } from "./documentation/publish.ts";
import { CLOUD_EVENTS_SUBPROTOCOL, PUBLISH_SUBPROTOCOLS } from "./models/subprotocols.ts";
import { PublishChannel } from "./publish-channel.ts";
import { publishOverHttp } from "./publish-request.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { edgeSocket, Outbox, type RawSocket, subprotocolOf } from "./sockets.ts";

export function publishRoutes(services: Services) {
  const { limits, bodyBudget, bodies, setIdleTimeout } = services;
  const bodyLimits: BodyLimits = {
    bytesMax: limits.bodyBytesMax,
    budget: bodyBudget,
    deadlines: bodies,
    idleSeconds: limits.idleSeconds,
    setIdleTimeout,
  };
  return new Elysia()
    .post("/publish", ({ request }) => publishOverHttp(services, bodyLimits, request), {
      parse: "none",
      detail: publishOperation(limits),
    })
    .ws(
      "/ws/publish",
      edgeSocket(services, {
        path: "/ws/publish",
        takesPublishes: true,
        subprotocols: PUBLISH_SUBPROTOCOLS,
        open: (socket, request, caller) => openChannel(services, socket, request, caller),
      }),
    );
}

function openChannel(
  { ledger, hub, limits, refusals }: Services,
  socket: RawSocket,
  request: Request,
  caller: Caller,
) {
  new QueryReader(request.url, []).done();
  const channel = new PublishChannel(
    new Outbox(socket),
    ledger,
    caller.grant,
    {
      eventsMax: limits.eventsMax,
      bytesMax: limits.bodyBytesMax,
      inflightMax: limits.inflightMax,
      form:
        subprotocolOf(request, PUBLISH_SUBPROTOCOLS) === CLOUD_EVENTS_SUBPROTOCOL
          ? "cloud-event-frame"
          : "frame",
    },
    (refused) => {
      refusals.count(refused);
      if (refused.status < 500) hub.board.rejected++;
    },
  );
  channel.open();
  return {
    text: (text: string, charge?: EventCharge) => {
      channel.receive(text, charge);
      return 0;
    },
    binary: () => channel.receiveBinary(),
    refuse: (problem: Problem, text: string | undefined) => channel.refuse(problem, text),
    renewed: ({ grant }: Caller) => {
      channel.renew(grant);
      return 0;
    },
    closed: () => channel.close(),
  };
}
