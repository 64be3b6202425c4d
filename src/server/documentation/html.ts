/** Text as HTML: escaped, with the few marks that descriptions use, and JSON in colours. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);
}

/** A sentence in which `code` and **weight** are marked. */
export function inline(text: string): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>");
}

/** The same, in paragraphs that an empty line parts. */
export function prose(text: string): string {
  return text
    .split("\n\n")
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join("");
}

/** A line of JSON is short enough to be read at once. */
const LINE_LENGTH_MAX = 72;

/** A name, a text, or a number or word, of escaped JSON. */
const TOKENS = /(&quot;(?:\\.|(?!&quot;).)*?&quot;)(:)?|\b(-?\d[\d.eE+-]*|true|false|null)\b/g;

export function jsonHtml(value: unknown): string {
  const coloured = escapeHtml(jsonLines(value, "")).replaceAll(
    TOKENS,
    (_, text: string | undefined, colon: string | undefined, word: string | undefined) => {
      if (text === undefined) return `<b class="w">${word}</b>`;
      return colon === undefined ? `<b class="s">${text}</b>` : `<b class="k">${text}</b>:`;
    },
  );
  return `<pre><code>${coloured}</code></pre>`;
}

/** What fits stays on one line, so that an example shows its shape. */
function jsonLines(value: unknown, indent: string): string {
  const whole = JSON.stringify(value);
  if (typeof value !== "object" || value === null) return whole;
  if (indent.length + whole.length <= LINE_LENGTH_MAX) return spaced(value);
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => jsonLines(item, inner))
    : Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${jsonLines(member, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${inner}${lines.join(`,\n${inner}`)}\n${indent}${close}`;
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
