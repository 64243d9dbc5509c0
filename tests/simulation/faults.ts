import type { Chance } from "./chance.ts";

/**
 * Every fault by name: `each` is the chance at every occasion (a message, a store request, an attempt), `steps` after
 * so many steps on average. A run multiplies each by a factor of its own, so that no two seeds have the same mixture.
 */
export const FAULTS = {
  "nats: message dropped": { each: 0.05 },
  "nats: message doubled": { each: 0.08 },
  "nats: message delayed": { each: 0.1 },
  "nats: messages reordered": { each: 0.3 },
  "nats: connection lost for a while": { steps: 2_700 },
  "stream: frame delayed": { each: 0.12 },
  "stream: offer held back": { each: 0.25 },
  "stream: grant held back": { each: 0.25 },
  "stream: lost behind a frame that comes late": { each: 0.15 },
  "stream: all cut at once": { steps: 3_000 },
  "stream: stands still": { each: 0.002 },
  "stream: refused": { each: 0.05 },
  "stream: cut, both sides notice": { steps: 1_500 },
  "stream: cut, only the daemon notices": { steps: 1_500 },
  "stream: cut, only the gateway notices": { steps: 2_100 },
  "stream: cut, nobody notices": { steps: 2_700 },
  "store: away before the request": { each: 0.02 },
  "store: away for a while": { steps: 6_000 },
  "store: request delayed": { each: 0.1 },
  "store: answer delayed": { each: 0.1 },
  "store: answer lost after the commit": { each: 0.02 },
  "store: transaction broken off": { each: 0.02 },
  "store: row held by another transaction": { each: 0.05 },
  "api: crash": { steps: 4_500 },
  "worker: crash": { steps: 2_700 },
  "gateway: crash": { steps: 2_700 },
  "gateway: stopped in good order": { steps: 7_500 },
  "daemon: crash": { steps: 2_100 },
  "daemon: power failure": { steps: 3_600 },
  "daemon: stopped in good order": { steps: 6_000 },
  "crash between two writes": { each: 0.002 },
  "process frozen": { steps: 1_200 },
  "daemon: asleep": { steps: 2_700 },
  "daemon: asleep behind its ready": { each: 0.1 },
  "daemon: power failure behind its ready": { each: 0.12 },
  "daemon: wall clock set": { steps: 7_500 },
  "journal: write fails": { each: 0.01 },
  "journal: lost": { steps: 12_000 },
  "journal: rolled back": { steps: 9_000 },
  "journal: rolled back behind a start": { each: 0.05 },
  "engine: away before the call": { each: 0.05 },
  "engine: answer lost after the call": { each: 0.05 },
  "engine: attempt delayed": { each: 0.1 },
  "engine: completion lost": { each: 0.03 },
  "engine: attempt taken for dead while it runs": { each: 0.05 },
  "engine: workflow lost": { steps: 18_000 },
  "model: fails": { each: 0.05 },
  "model: falls silent": { each: 0.005 },
  "model: slow": { each: 0.02 },
  "tool: does not end when told": { each: 0.03 },
  "client: request lost": { each: 0.05 },
  "client: answer lost": { each: 0.05 },
  "client: reads slowly": { each: 0.05 },
  "client: connects again": { steps: 900 },
  "client: cancels": { steps: 1_500 },
  "client: cancels what is held back": { each: 0.6 },
  "client: cancels what was just dispatched": { each: 0.2 },
  "client: cancels what just runs": { each: 0.15 },
  "token: of a daemon revoked": { steps: 9_000 },
  "token: of a client revoked": { steps: 9_000 },
} as const satisfies Readonly<Record<string, { readonly each: number } | { readonly steps: number }>>;

export type Fault = keyof typeof FAULTS;

const NAMES = Object.keys(FAULTS).filter((name): name is Fault => name in FAULTS);
const FACTORS = [0, 0.3, 1, 1, 2, 4];

/** The faults of one run: which ones come how often, whether they come now, and how many came. */
export class Faults {
  /** False once the faults have ended: then everything must come to rest. */
  on = true;
  readonly counts = new Map<Fault, number>();
  private readonly chanceOf = new Map<Fault, number>();
  private readonly scheduled: readonly Fault[];

  constructor(private readonly chance: Chance) {
    for (const name of NAMES) {
      const row = FAULTS[name];
      const base = "each" in row ? row.each : 1 / row.steps;
      this.chanceOf.set(name, base * (chance.oneOf(FACTORS) ?? 1));
    }
    this.scheduled = NAMES.filter((name) => "steps" in FAULTS[name]);
  }

  get total(): number {
    let sum = 0;
    for (const count of this.counts.values()) sum += count;
    return sum;
  }

  /** True where the fault comes at this occasion; it is counted then. */
  hits(fault: Fault): boolean {
    if (!this.on || !this.chance.hits(this.chanceOf.get(fault) ?? 0)) return false;
    this.count(fault);
    return true;
  }

  count(fault: Fault): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  /** The faults that come after this step; whoever carries them out counts them. */
  due(): readonly Fault[] {
    if (!this.on) return [];
    const due: Fault[] = [];
    for (const name of this.scheduled) if (this.chance.hits(this.chanceOf.get(name) ?? 0)) due.push(name);
    return due;
  }
}
