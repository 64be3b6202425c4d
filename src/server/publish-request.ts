/** One POST /publish: its body is read whole, handed to the ledger, and its outcome answered. */

import type { PublishForm } from "../events/decoded-publish.ts";
import type { Outcome } from "../ingest/publish.ts";
import { ProblemError, refuse } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { acceptedBody } from "./answers.ts";
import { readBinaryEvent } from "./binary-event.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { chargeFor } from "./event-charges.ts";
import { IDEMPOTENCY_REPLAYED, idempotencyKeyOf, requestFingerprint } from "./keyed-requests.ts";
import { PUBLISH_PARAMETERS } from "./models/parameters.ts";
import { publishFormOf } from "./publish-form.ts";
import { publishLines } from "./publish-lines.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";

/** @throws ProblemError whatever refuses it */
export async function publishOverHttp(
  services: Services,
  bodyLimits: BodyLimits,
  request: Request,
): Promise<Response> {
  const caller = services.admission.callerOf(request);
  const form = publishFormOf(request.headers);
  const key = idempotencyKeyOf(request.headers);
  if (form === "lines") {
    if (key !== undefined) refuse("idempotency_key_unsupported", NO_KEY_FOR_LINES);
    return publishLines(services, bodyLimits, request);
  }
  if (key === undefined) return publish(services, bodyLimits, { request, caller, form });
  const leave = services.keyedRequests.enter(caller.principal.identity, key);
  try {
    return await publish(services, bodyLimits, { request, caller, form, key });
  } finally {
    leave();
  }
}

const NO_KEY_FOR_LINES =
  "Lines are committed piece by piece, so they are not one request that is done once. Send them without a key; " +
  "if the connection is lost, send them again.";

interface PublishRequest {
  readonly request: Request;
  readonly caller: Caller;
  readonly form: PublishForm;
  readonly key?: string;
}

async function publish(
  services: Services,
  bodyLimits: BodyLimits,
  { request, caller, form, key }: PublishRequest,
): Promise<Response> {
  const { ledger, answers, limits, clock } = services;
  const { grant, meter, principal } = caller;
  const wantsResults = request.url.includes("?") && readWantsResults(request.url);
  if (wantsResults) answers.expectRoom();
  const bytes = bytesAtLeast(request);
  const notRead = bytes > limits.bodyBytesMax ? undefined : ledger.refusalOf(bytes);
  if (notRead !== undefined) throw new ProblemError(notRead);
  const text =
    form === "binary-cloud-event"
      ? await readBinaryEvent(request, bodyLimits)
      : await readBody(request, bodyLimits);
  // It may have taken its time to arrive, and what let it in be over, or what was left be used up by others.
  const fault = faultOfStanding(caller, clock.now()) ?? meter?.refusalOfEvents();
  if (fault !== undefined) throw new ProblemError(fault);
  const charge = chargeFor(meter, text, limits, form);
  const requestKey = key !== undefined && {
    key: { subject: principal.identity, key, fingerprint: requestFingerprint(text, form, wantsResults) },
  };
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    const notTaken = ledger.submit({ text, form, wantsResults, grant, ...requestKey }, resolve);
    if (notTaken === undefined) return;
    charge?.notTaken();
    reject(new ProblemError(notTaken));
  });
  if (outcome.kind === "refused") {
    charge?.refused();
    throw new ProblemError(outcome.problem);
  }
  charge?.accepted(outcome.isReplayed ? 0 : outcome.counters.received);
  const answer = answers.owedJson(request, acceptedBody(outcome));
  if (outcome.isReplayed) {
    services.keyedRequests.replayed++;
    answer.headers.set(IDEMPOTENCY_REPLAYED, "true");
  }
  return answer;
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
