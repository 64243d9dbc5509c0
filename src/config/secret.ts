/** A text that never prints: in logs, JSON and error messages it is {@link Secret.shown}. Only `reveal` gives it, at the driver that needs it. */
export class Secret {
  readonly #text: string;
  /** What may be seen of it: `***`, or an address whose password and query are masked. */
  readonly shown: string;

  constructor(text: string, shown = "***") {
    this.#text = text;
    this.shown = shown;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return this.shown;
  }

  toJSON(): string {
    return this.shown;
  }

  /** How `console.log` and the like show it; the symbol is public, and loading `node:util` for it costs 4 MB at start. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.shown;
  }
}

/** An address without what may be secret in it: the password is `***`, so is the query. A text that is no address is `***` as a whole. */
export function maskAddress(address: string): string {
  if (!URL.canParse(address)) return "***";
  const { protocol, username, password, host, pathname, search } = new URL(address);
  // A user name without a password is how NATS takes a token.
  const user = password === "" ? (username === "" ? "" : "***@") : `${username}:***@`;
  return `${protocol}//${user}${host}${pathname}${search === "" ? "" : "?***"}`;
}
