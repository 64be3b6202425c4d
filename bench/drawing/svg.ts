/** Pieces of SVG that every chart is made of. */

/** Readable by whoever cannot tell red from green (after M. Okabe and K. Ito, "Color Universal Design", 2008). */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"] as const;

export function colourOf(series: number): string {
  return COLOURS[series % COLOURS.length]!;
}

export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Tenths of a pixel are enough. @throws Error when a coordinate is none: a chart never shows what was not measured. */
export function pixels(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`a coordinate is ${value}`);
  return String(Number(value.toFixed(1)));
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** The data of a path through places, with gaps where there is none. */
export function pathThrough(places: Iterable<Place | undefined>): string {
  let path = "";
  let command = "M";
  for (const place of places) {
    if (place !== undefined) path += `${command}${pixels(place.x)} ${pixels(place.y)}`;
    command = place === undefined ? "M" : "L";
  }
  return path;
}

export interface LabelStyle {
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
  readonly isBold?: boolean;
  readonly colour?: string;
}

export function label({ x, y }: Place, text: string, style: LabelStyle = {}): string {
  const { anchor, size, isBold, colour } = style;
  const attributes = [
    anchor === undefined ? "" : ` text-anchor="${anchor}"`,
    size === undefined ? "" : ` font-size="${size}"`,
    isBold ? ' font-weight="600"' : "",
    colour === undefined ? "" : ` fill="${colour}"`,
  ].join("");
  return `<text x="${pixels(x)}" y="${pixels(y)}"${attributes}>${escaped(text)}</text>`;
}
