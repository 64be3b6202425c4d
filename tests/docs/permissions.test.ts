/** docs/security.md says of every route what the code asks for. */

import { expect, test } from "bun:test";
import { faultOfExposure, Gate } from "../../src/access/gate.ts";
import { PERMISSIONS } from "../../src/server/permissions.ts";

test("the table of routes and scopes in docs/security.md is the one that is enforced", async () => {
  const text = await Bun.file("docs/security.md").text();
  const rows = [...text.matchAll(/^\| `([A-Z]+ \/[^`]*)` \| ([^|]+) \| .+ \|$/gm)].map(
    ([, route, scopes]) => {
      return [route!, scopes === "anyone" ? [] : scopes!.replaceAll("`", "").split(" or ")] as const;
    },
  );
  expect(Object.fromEntries(rows)).toEqual(PERMISSIONS as Record<string, string[]>);
});

test("the message of a node that would be open to everybody is the one that is shown", async () => {
  const text = await Bun.file("docs/security.md").text();
  const shown = /^onefold: (Listening on .*)$/m.exec(text)?.[1];
  const gate = new Gate({ authenticators: [], anonymousScopes: [] });
  expect(faultOfExposure("0.0.0.0", gate)).toBe(shown!);
});
