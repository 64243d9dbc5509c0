import type { DaemonAddress } from "../routing/daemon-host.ts";

/** Which daemons are here, each under one epoch: the newest that came. Pure. */
export class DaemonRegistry<Session extends { readonly address: DaemonAddress }> {
  private readonly sessions = new Map<string, Session>();

  get size(): number {
    return this.sessions.size;
  }

  /** Takes the session in, unless a newer one of its daemon is here. Tells which one it took the place of. */
  put(session: Session): { readonly taken: boolean; readonly superseded?: Session } {
    const { daemonId, epoch } = session.address;
    const known = this.sessions.get(daemonId);
    if (known !== undefined && known.address.epoch > epoch) return { taken: false };
    this.sessions.set(daemonId, session);
    return known === undefined ? { taken: true } : { taken: true, superseded: known };
  }

  /** The session of exactly that user, daemon and epoch. */
  get(address: DaemonAddress): Session | undefined {
    const session = this.sessions.get(address.daemonId);
    if (session?.address.epoch !== address.epoch || session.address.userId !== address.userId) return undefined;
    return session;
  }

  getDaemon(daemonId: string): Session | undefined {
    return this.sessions.get(daemonId);
  }

  /** Forgets the session, unless another one has taken its place. */
  remove(session: Session): void {
    if (this.sessions.get(session.address.daemonId) === session) this.sessions.delete(session.address.daemonId);
  }

  all(): Iterable<Session> {
    return this.sessions.values();
  }
}
