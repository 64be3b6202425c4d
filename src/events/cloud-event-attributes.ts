/**
 * The attributes of a CloudEvent as they are stored: a JSON object of those that an event has no column for, and a mark
 * that says how its data was sent. The mark is the last member; it has a name that no attribute can have.
 */

/** How the data was sent: as a JSON value, as bytes in base64, or not at all. */
export type DataMember = "data" | "data_base64" | "none";

const MARKS = { data: "", data_base64: '"data_base64":true', none: '"data":false' } as const;

/** @param members JSON members with commas between. @returns null where there is nothing to keep. */
export function storedAttributes(members: string, data: DataMember): string | null {
  const mark = MARKS[data];
  if (members === "") return mark === "" ? null : `{${mark}}`;
  return mark === "" ? `{${members}}` : `{${members},${mark}}`;
}

/** The members again, and how the data was sent. */
export function attributesOf(stored: string | null): { readonly members: string; readonly data: DataMember } {
  if (stored === null) return { members: "", data: "data" };
  const members = stored.slice(1, -1);
  for (const data of ["data_base64", "none"] as const) {
    const mark = MARKS[data];
    if (members === mark) return { members: "", data };
    if (members.endsWith(`,${mark}`)) return { members: members.slice(0, -mark.length - 1), data };
  }
  return { members, data: "data" };
}
