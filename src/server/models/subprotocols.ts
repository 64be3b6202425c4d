/** The subprotocols of the sockets. */

/** Our own; whoever offers none means it. */
export const SUBPROTOCOL = "onefold.v1";

/** One CloudEvent in a frame. */
export const CLOUD_EVENTS_SUBPROTOCOL = "cloudevents.json";

/** Of /ws/publish; any other socket speaks our own alone. */
export const PUBLISH_SUBPROTOCOLS: readonly string[] = [SUBPROTOCOL, CLOUD_EVENTS_SUBPROTOCOL];
