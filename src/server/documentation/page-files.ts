/** The files of the pages at /docs and /docs/channels, all from inside the executable. */

import faviconPath from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundlePath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import channelsStylePath from "./channels.css" with { type: "file" };
import pagePath from "./page.html" with { type: "file" };
import startPath from "./page-start.js" with { type: "file" };

export interface PageFile {
  readonly path: string;
  readonly type: string;
}

/** Bun's types know an HTML import only as a bundle to serve; imported as a file it is a path like the others. */
const PAGE_PATH = pagePath as unknown as string;

/** By the address at which they are served. */
export const PAGE_FILES = {
  "/docs": { path: PAGE_PATH, type: "text/html; charset=utf-8" },
  "/docs/page-start.js": { path: startPath, type: "text/javascript; charset=utf-8" },
  "/docs/swagger-ui-bundle.js": { path: bundlePath, type: "text/javascript; charset=utf-8" },
  "/docs/swagger-ui.css": { path: stylePath, type: "text/css; charset=utf-8" },
  "/docs/channels.css": { path: channelsStylePath, type: "text/css; charset=utf-8" },
  "/docs/favicon.png": { path: faviconPath, type: "image/png" },
} as const satisfies Record<string, PageFile>;
