import type { Clock } from "../core/clock.ts";

/** Bounds of {@link LateAnswers}: how long one is held at least (at most twice as long), and how many at once. */
interface LateAnswerBounds {
  readonly delayMs: number;
  readonly most: number;
}

/**
 * Answers that something better may take the place of: each is given after a while, unless it was dropped. Two generations
 * and one timer for all of them, because hardly any comes to be given.
 */
export class LateAnswers {
  private young = new Map<string, () => void>();
  private old = new Map<string, () => void>();
  private stopTimer: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly bounds: LateAnswerBounds,
  ) {}

  /** False where too many are held, or none any more: it is to be given at once. `give` must not throw. */
  hold(key: string, give: () => void): boolean {
    if (this.stopped || this.young.size + this.old.size >= this.bounds.most) return false;
    this.young.set(key, give);
    this.arm();
    return true;
  }

  /** What is held by this key is not given, however often it is held. */
  drop(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  /** Gives all that are held, and holds no more. */
  stop(): void {
    this.stopped = true;
    this.stopTimer?.();
    this.stopTimer = undefined;
    this.turn();
    this.turn();
  }

  private arm(): void {
    this.stopTimer ??= this.clock.after(this.bounds.delayMs, () => {
      this.stopTimer = undefined;
      this.turn();
      if (this.old.size > 0) this.arm();
    });
  }

  private turn(): void {
    const due = this.old;
    this.old = this.young;
    this.young = new Map();
    for (const give of due.values()) give();
  }
}
