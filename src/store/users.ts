export interface User {
  readonly id: string;
  /** Who vouches for the user: the `iss` of the JWT, or `local`. */
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string;
  readonly createdAtMs: number;
}

export interface Accounts {
  /** The user of that issuer and subject; made on first sight. Two calls at once give one user. */
  findOrCreate(identity: { readonly issuer: string; readonly subject: string; readonly email?: string }): Promise<User>;
  /** Throws `not_found`. */
  get(userId: string): Promise<User>;
}
