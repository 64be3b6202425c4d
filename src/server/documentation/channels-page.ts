/** The page at /docs/channels: the AsyncAPI document for a person, as HTML that needs no script. */

import { CLOSE_CODES } from "../models/close-codes.ts";
import type { AsyncApi } from "./async-api.ts";
import { fieldTable, modelOf, type Schema } from "./field-table.ts";
import { escapeHtml, inline, jsonHtml, prose } from "./html.ts";
import { SOCKET_MESSAGES } from "./socket-messages.ts";

type Part<T> = T[keyof T];
type ChannelPart = Part<AsyncApi["channels"]>;
type OperationPart = Part<AsyncApi["operations"]>;
type MessagePart = Part<AsyncApi["components"]["messages"]>;
type Ref = { readonly $ref: string };

export function channelsPage(document: AsyncApi): string {
  const { info, channels } = document;
  const links = Object.entries(channels).map(
    ([name, { title, address }]) =>
      `<li><a href="#${name}">${escapeHtml(title)} <code>${escapeHtml(address)}</code></a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(info.title)}</title>
<link rel="icon" type="image/png" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/channels.css">
</head>
<body>
<header>
<p class="name">onefold <small>${escapeHtml(info.version)}</small></p>
<nav aria-label="Documents"><a href="/docs">HTTP API</a><a href="/docs/channels" aria-current="page">Channels</a><a href="/docs/asyncapi.json">asyncapi.json</a></nav>
</header>
<div class="columns">
<nav class="contents" aria-label="Channels"><ul>${links.join("")}<li><a href="#close-codes">Close codes</a></li><li><a href="#models">Models</a></li></ul></nav>
<main>
<h1>Channels</h1>
${prose(info.description)}
${Object.entries(channels)
  .map(([name, channel]) => channelSection(document, name, channel))
  .join("\n")}
${closeCodes()}
${models(document)}
</main>
</div>
</body>
</html>
`;
}

function channelSection(document: AsyncApi, name: string, channel: ChannelPart): string {
  const operations = Object.entries(document.operations).filter(
    ([, { channel: at }]) => at.$ref === `#/channels/${name}`,
  );
  const protocol = nameOf(channel.servers[0]!) === "sockets" ? "WebSocket" : "server-sent events";
  const scopes = channel["x-scopes"].map((scope) => `<span class="tag">scope ${escapeHtml(scope)}</span>`);
  return `<section id="${name}">
<h2><a href="#${name}">${escapeHtml(channel.title)}</a></h2>
<p class="address"><code>${escapeHtml(channel.address)}</code> <span class="tag">${protocol}</span>${scopes.join("")}</p>
<p class="lead">${inline(channel.summary)}</p>
${prose(channel.description)}
${query(channel, operations[0]![1])}
${subprotocols(channel)}
${operations.map(([, operation]) => operationCard(document, operation)).join("\n")}
</section>`;
}

/** A socket has its query in its own binding, a stream in that of its operation. */
function query(channel: ChannelPart, operation: OperationPart): string {
  const schema = (channel.bindings?.ws ?? operation.bindings?.http)?.query as Schema | undefined;
  const table = schema === undefined ? "" : fieldTable(schema, true);
  return table === "" ? "" : `<h3>Parameters of the address</h3>${table}`;
}

function subprotocols(channel: ChannelPart): string {
  const names = channel["x-subprotocols"] ?? [];
  if (names.length === 0) return "";
  const list = names.map((name) => `<code>${escapeHtml(name)}</code>`).join(", ");
  return `<p>Subprotocol: ${list}. Offering none means the first.</p>`;
}

function operationCard(document: AsyncApi, operation: OperationPart): string {
  const { action, title, description, messages, reply } = operation;
  // The document speaks as the node; whoever reads the page is at the other end.
  const direction = action === "receive" ? "you send" : "you receive";
  const answers =
    reply === undefined ? "" : `<h4>Answered by one of</h4>${messageCards(document, reply.messages)}`;
  return `<article>
<h3><span class="direction ${action}">${direction}</span> ${escapeHtml(title)}</h3>
${prose(description)}
${messageCards(document, messages)}
${answers}
</article>`;
}

/** The first is what is usual, and shown at once; what every socket has is not. */
function messageCards(document: AsyncApi, refs: readonly Ref[]): string {
  return refs
    .map((ref, i) =>
      messageCard(document, nameOf(ref), i === 0 && !Object.hasOwn(SOCKET_MESSAGES, nameOf(ref))),
    )
    .join("");
}

function messageCard({ components }: AsyncApi, name: string, isOpen: boolean): string {
  const { title, summary, examples, payload } = components.messages[name] as MessagePart;
  const shown = examples.map(
    (example) =>
      `<figure><figcaption>${inline(example.summary)}</figcaption>${jsonHtml(example.payload)}</figure>`,
  );
  const model = modelOf(payload)!;
  const schema = components.schemas[model] as Schema;
  const fields = schema.properties === undefined || isShared(schema) ? "" : fieldTable(schema);
  return `<details class="message"${isOpen ? " open" : ""}><summary><strong>${escapeHtml(title)}</strong> <span>${inline(summary)}</span></summary>
${shown.join("")}
${fields === "" ? modelLink(schema, model) : fields}
</details>`;
}

/** Models that are no frames of their own are shown once, at the end. */
function isShared({ properties }: Schema): boolean {
  return properties?.type?.const === undefined;
}

function modelLink(schema: Schema, model: string): string {
  const shown = modelOf(schema.items ?? {}) ?? model;
  return `<p>Its fields: <a href="#model-${shown}">${shown}</a>.</p>`;
}

function closeCodes(): string {
  const rows = CLOSE_CODES.map(
    ({ code, meaning, advice }) =>
      `<tr><th scope="row"><code>${code}</code></th><td>${inline(meaning)}</td><td>${inline(advice)}</td></tr>`,
  );
  return `<section id="close-codes">
<h2><a href="#close-codes">Close codes</a></h2>
<p>The same for every socket.</p>
<div class="table"><table><thead><tr><th scope="col">Code</th><th scope="col">Meaning</th><th scope="col">What to do</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>
</section>`;
}

function models({ components }: AsyncApi): string {
  const shared = Object.entries(components.schemas as Record<string, Schema>).filter(
    ([, schema]) => schema.properties !== undefined && isShared(schema),
  );
  const parts = shared.map(
    ([name, schema]) =>
      `<h3 id="model-${name}">${name}</h3><p>${inline(schema.description ?? "")}</p>${fieldTable(schema)}`,
  );
  return `<section id="models">
<h2><a href="#models">Models</a></h2>
${parts.join("\n")}
</section>`;
}

function nameOf({ $ref }: Ref): string {
  return $ref.split("/").at(-1)!;
}
