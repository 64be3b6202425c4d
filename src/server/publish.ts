/** Publishing: POST /publish and the persistent channel /ws/publish. Both hand text in and send outcomes out. */

import { Elysia } from "elysia";
import type { Outcome } from "../ingest/publish.ts";
import type { EventCharge } from "../limits/event-charge.ts";
import { type Problem, ProblemError, refuse } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { acceptedBody } from "./answers.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { publishOperation } from "./documentation/publish.ts";
import { chargeFor } from "./event-charges.ts";
import { PUBLISH_PARAMETERS } from "./models/parameters.ts";
import { PublishChannel } from "./publish-channel.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { edgeSocket, Outbox, type RawSocket } from "./sockets.ts";

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
        open: (socket, request, caller) => openChannel(services, socket, request.url, caller),
      }),
    );
}

async function publishOverHttp(
  { ledger, admission, answers, limits, clock }: Services,
  bodyLimits: BodyLimits,
  request: Request,
): Promise<Response> {
  const caller = admission.callerOf(request);
  const { grant, meter } = caller;
  expectJson(request.headers.get("content-type"));
  const wantsResults = request.url.includes("?") && readWantsResults(request.url);
  if (wantsResults) answers.expectRoom();
  const bytes = bytesAtLeast(request);
  const notRead = bytes > limits.bodyBytesMax ? undefined : ledger.refusalOf(bytes);
  if (notRead !== undefined) throw new ProblemError(notRead);
  const text = await readBody(request, bodyLimits);
  // It may have taken its time to arrive, and what let it in be over, or what was left be used up by others.
  const fault = faultOfStanding(caller, clock.now()) ?? meter?.refusalOfEvents();
  if (fault !== undefined) throw new ProblemError(fault);
  const charge = chargeFor(meter, text, limits);
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    const notTaken = ledger.submit({ text, form: "body", wantsResults, grant }, resolve);
    if (notTaken === undefined) return;
    charge?.notTaken();
    reject(new ProblemError(notTaken));
  });
  if (outcome.kind === "refused") {
    charge?.refused();
    throw new ProblemError(outcome.problem);
  }
  charge?.accepted(outcome.counters.received);
  return answers.owedJson(request, acceptedBody(outcome));
}

/** How long a body is as text, as far as its headers tell; one that is compressed may become any length. */
function bytesAtLeast({ headers }: Request): number {
  return headers.has("content-encoding") ? 1 : Number(headers.get("content-length") ?? 1);
}

function readWantsResults(url: string): boolean {
  const query = new QueryReader(url, Object.keys(PUBLISH_PARAMETERS));
  const results = query.choice("results", ["true", "false"]);
  query.done();
  return results === "true";
}

/** Media types are compared without regard to case; the only parameter with a meaning here is the charset. */
function expectJson(contentType: string | null): void {
  if (contentType === null || contentType === "application/json") return;
  const [type = "", ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  if (type !== "application/json") {
    refuse("unsupported_media_type", "The content type is not supported; send application/json.");
  }
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  if (charset !== undefined && !["utf-8", '"utf-8"', "utf8"].includes(charset)) {
    refuse("unsupported_media_type", "Bodies are UTF-8; no other charset is supported.");
  }
}

function openChannel(
  { ledger, hub, limits, refusals }: Services,
  socket: RawSocket,
  url: string,
  caller: Caller,
) {
  new QueryReader(url, []).done();
  const channel = new PublishChannel(
    new Outbox(socket),
    ledger,
    caller.grant,
    { eventsMax: limits.eventsMax, bytesMax: limits.bodyBytesMax, inflightMax: limits.inflightMax },
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
