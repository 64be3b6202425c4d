/** Sections of a page between two markers, which a program fills and nobody edits. */

function opening(name: string): string {
  return `<!-- made by bun run bench:report: ${name} -->`;
}

function closing(name: string): string {
  return `<!-- end of ${name} -->`;
}

/**
 * The page with new sections; one that there is nothing new for stays as it is.
 * @throws Error when the page has no place for a section, or more than one.
 */
export function fillSections(page: string, sections: ReadonlyMap<string, string>): string {
  let filled = page;
  for (const [name, text] of sections) {
    const [before, rest, ...more] = filled.split(opening(name));
    const end = rest?.indexOf(closing(name)) ?? -1;
    if (rest === undefined || more.length > 0 || end === -1)
      throw new Error(
        `the page needs one place that begins with ${opening(name)} and ends with ${closing(name)}`,
      );
    filled = `${before}${opening(name)}\n\n${text}\n\n${rest.slice(end)}`;
  }
  return filled;
}
