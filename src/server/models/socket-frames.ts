/** Frames that any channel may have: errors, credentials, and the question whether anybody is there. */

import { type Static, Type } from "@sinclair/typebox";
import { PROBLEM_MEMBERS } from "./problem.ts";
import { orNull, time } from "./schema.ts";

/** An id as it was sent: integers of any size, or a text. */
export const frameId = (description: string) =>
  Type.Unsafe<string | number>({ type: ["string", "integer"], description, examples: [7] });

export const ErrorFrame = Type.Object(
  {
    type: Type.Literal("error"),
    frame: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "On `/ws/publish`: the ordinal of the frame that is refused, from 1.",
      }),
    ),
    id: Type.Optional(
      frameId("The frame's own id, or its ordinal where it had none; absent where it could not be read."),
    ),
    ...PROBLEM_MEMBERS,
  },
  {
    description:
      "Why a frame was refused, or why the socket is about to be closed: the members of a problem (RFC 9457).",
  },
);
export type ErrorFrame = Static<typeof ErrorFrame>;

export const AuthFrame = Type.Object(
  {
    type: Type.Literal("auth"),
    token: Type.String({ description: "A token or a JSON Web Token.", examples: ["of_…"] }),
  },
  { additionalProperties: false, description: "Fresh credentials, so that the socket may stay open." },
);
export type AuthFrame = Static<typeof AuthFrame>;

export const AuthAnswer = Type.Object(
  {
    type: Type.Literal("auth"),
    expires_at: orNull(time("Until when they hold; null for ever.")),
  },
  { description: "The credentials were accepted." },
);
export type AuthAnswer = Static<typeof AuthAnswer>;

export const PingFrame = Type.Object(
  { type: Type.Literal("ping") },
  { description: "Asks for a sign of life." },
);
export type PingFrame = Static<typeof PingFrame>;

export const PongFrame = Type.Object({ type: Type.Literal("pong") }, { description: "The sign of life." });
export type PongFrame = Static<typeof PongFrame>;
