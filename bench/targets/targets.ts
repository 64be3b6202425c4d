/** All that onefold is to reach. */

import { BESIDE_OTHERS_TARGETS } from "./beside-others.ts";
import { GROWING_TARGETS } from "./growing.ts";
import { PUBLISHING_TARGETS } from "./publishing.ts";
import type { Target } from "./target.ts";

export const TARGETS: readonly Target[] = [
  ...PUBLISHING_TARGETS,
  ...GROWING_TARGETS,
  ...BESIDE_OTHERS_TARGETS,
];
