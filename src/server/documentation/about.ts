/** What both documents say of the program itself. */

export const ABOUT = {
  contact: { name: "Whoever runs this node" },
  license: { name: "MIT", url: "https://opensource.org/license/mit" },
} as const;
