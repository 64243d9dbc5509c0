import { connect } from "nats";

/** A connection to NATS as the library makes it, with nothing of ours set or put between. */
export function openBareNats(natsUrl: string) {
  return connect({ servers: natsUrl });
}
