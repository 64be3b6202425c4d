/** One POST /publish: its body is read whole, handed to the ledger, and its outcome answered. */

import type { Outcome } from "../ingest/publish.ts";
import { ProblemError } from "../problem.ts";
import { faultOfStanding } from "./admission.ts";
import { acceptedBody } from "./answers.ts";
import { readBinaryEvent } from "./binary-event.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { chargeFor } from "./event-charges.ts";
import { PUBLISH_PARAMETERS } from "./models/parameters.ts";
import { publishFormOf } from "./publish-form.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";

/** @throws ProblemError whatever refuses it */
export async function publishOverHttp(
  { ledger, admission, answers, limits, clock }: Services,
  bodyLimits: BodyLimits,
  request: Request,
): Promise<Response> {
  const caller = admission.callerOf(request);
  const { grant, meter } = caller;
  const form = publishFormOf(request.headers);
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
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    const notTaken = ledger.submit({ text, form, wantsResults, grant }, resolve);
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
