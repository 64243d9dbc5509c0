import { LINK_NAMES, type LinkName } from "../stack/links.ts";
import type { Toxic, ToxicDirection } from "../stack/toxics.ts";

export const ROLE_KINDS = ["api", "worker", "gateway", "daemon"] as const;
export type RoleKind = (typeof ROLE_KINDS)[number];

const SERVER_NAMES = ["nats", "postgres", "temporal"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** What is done to a link: cut, or a toxic in one of the two directions. */
export type LinkHarm = { readonly kind: "cut" } | { readonly kind: "toxic"; toxic(direction: ToxicDirection): Toxic };

/** What is done, and to what. */
export type FaultAct =
  /** `kill`: SIGKILL; `freeze`: SIGSTOP, then SIGCONT; `terminate`: SIGTERM. A process that ended is started again. */
  | { readonly kind: "process"; readonly how: "kill" | "freeze" | "terminate"; readonly role: RoleKind }
  /** SIGKILL, and back at once or when `away` has passed. */
  | { readonly kind: "server"; readonly how: "kill" | "away"; readonly server: ServerName }
  | { readonly kind: "link"; readonly harm: LinkHarm; readonly link: LinkName }
  | { readonly kind: "full disk" }
  | { readonly kind: "no descriptors" };

/** One row of the table. */
export interface Fault {
  readonly name: string;
  /** For people: what is done. */
  readonly text: string;
  readonly act: FaultAct;
  /** How long it lasts, milliseconds; `away`: as long as `--away` says. */
  readonly lasts: number | "away";
  /** True where a client can make it, with its own daemons and its own connections. */
  readonly byClient: boolean;
  /** What the machine must have for it. */
  readonly needs: "nothing" | "small disk" | "prlimit";
  /**
   * Whose calls may fail in it: nobody's, where others take over or calls do not go through what is harmed; those of the
   * daemon that is hit; or every daemon's. None of it may lose or double one.
   */
  readonly costs: "none" | "hit" | "all";
}

const SECOND = 1000;

/** What is done to each link, in Toxiproxy's words. The numbers: bad, and yet met in life. */
const HARMS: readonly {
  readonly name: string;
  readonly text: string;
  readonly harm: LinkHarm;
  readonly lasts: number;
}[] = [
  { name: "cut", text: "cut", harm: { kind: "cut" }, lasts: 5 * SECOND },
  {
    name: "latency",
    text: "400 ms late, give or take 200",
    harm: toxic((direction) => ({ direction, kind: "latency", latencyMs: 400, jitterMs: 200 })),
    lasts: 5 * SECOND,
  },
  {
    name: "bandwidth",
    text: "at 32 KiB a second",
    harm: toxic((direction) => ({ direction, kind: "bandwidth", bytesPerSecond: 32 * 1024 })),
    lasts: 5 * SECOND,
  },
  {
    name: "reset",
    text: "connections reset after 1 s",
    harm: toxic((direction) => ({ direction, kind: "reset_peer", afterMs: 1 * SECOND })),
    lasts: 5 * SECOND,
  },
  {
    name: "slicer",
    text: "in pieces of some 64 bytes",
    harm: toxic((direction) => ({ direction, kind: "slicer", averageBytes: 64, variationBytes: 32, delayMs: 1 })),
    lasts: 5 * SECOND,
  },
  {
    // Beyond `deadBusyMs`, so that a dead peer must be noticed.
    name: "timeout",
    text: "swallowed, the connection stays",
    harm: toxic((direction) => ({ direction, kind: "timeout", afterMs: 0 })),
    lasts: 20 * SECOND,
  },
];

/** No call goes through these; what they carry is sent again, or done by another replica. */
const COST_FREE_LINKS: ReadonlySet<LinkName> = new Set<LinkName>([
  ...(["api-postgres", "api-nats", "api-temporal", "worker-temporal", "client-api"] as const),
]);

const PROCESS_ROWS: readonly Fault[] = ROLE_KINDS.flatMap((role) =>
  (
    [
      { how: "kill", text: `SIGKILL of a ${role}, and started again`, lasts: 2 * SECOND },
      { how: "freeze", text: `SIGSTOP of a ${role} for 10 s`, lasts: 10 * SECOND },
      { how: "terminate", text: `SIGTERM of a ${role}, and started again`, lasts: 0 },
    ] as const
  ).map(({ how, text, lasts }) => ({
    ...{ name: `${how}-${role}`, text: text.replace("a api", "an api"), act: { kind: "process" as const, how, role } },
    ...{ lasts, byClient: role === "daemon", needs: "nothing" as const, costs: processCosts(role, how) },
  })),
);

const SERVER_ROWS: readonly Fault[] = SERVER_NAMES.flatMap((server) =>
  (
    [
      { how: "kill", text: `SIGKILL of ${server}, and started again`, lasts: 0 },
      { how: "away", text: `${server} killed, and away`, lasts: "away" },
    ] as const
  ).map(({ how, text, lasts }) => ({
    ...{ name: `${how}-${server}`, text, act: { kind: "server" as const, how, server } },
    ...{ lasts, byClient: false, needs: "nothing" as const },
    costs: server === "temporal" ? ("none" as const) : ("all" as const),
  })),
);

const LINK_ROWS: readonly Fault[] = LINK_NAMES.flatMap((link) =>
  HARMS.map(({ name, text, harm, lasts }) => ({
    ...{
      name: `${name}-${link}`,
      text: `${link.replace("-", " to ")} ${text}`,
      act: { kind: "link" as const, harm, link },
    },
    ...{ lasts, byClient: link === "daemon-gateway" || link === "client-api", needs: "nothing" as const },
    costs: COST_FREE_LINKS.has(link) ? ("none" as const) : ("all" as const),
  })),
);

/** THE table of faults: all of them are in the rotation. */
export const FAULTS: readonly Fault[] = [
  ...PROCESS_ROWS,
  ...SERVER_ROWS,
  ...LINK_ROWS,
  {
    ...{ name: "full-disk-daemon", text: "the disk of a daemon's data folder is full", act: { kind: "full disk" } },
    ...{ lasts: 10 * SECOND, byClient: true, needs: "small disk", costs: "hit" },
  },
  {
    ...{ name: "no-fds-daemon", text: "a daemon has no free file descriptors", act: { kind: "no descriptors" } },
    ...{ lasts: 10 * SECOND, byClient: true, needs: "prlimit", costs: "hit" },
  },
];

/** Which gateway a daemon is on is not known here, so the end of one may cost all; one that is told to end hands its daemons over first. */
function processCosts(role: RoleKind, how: "kill" | "freeze" | "terminate"): Fault["costs"] {
  if (role === "daemon") return "hit";
  return role === "gateway" && how !== "terminate" ? "all" : "none";
}

function toxic(make: (direction: ToxicDirection) => Toxic): LinkHarm {
  return { kind: "toxic", toxic: make };
}
