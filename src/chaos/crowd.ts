import type { Clock } from "../core/clock.ts";
import { Bell } from "./bell.ts";
import { ChatSession } from "./chat-session.ts";
import type { ChatFact } from "./facts.ts";
import { seededRandom } from "./seeded-random.ts";
import type { Target } from "./target.ts";

/** One of the chats that are kept going: when one has had its turns, the next one takes its place. */
interface Place {
  movedAtMs: number;
  /** When the newest of the turns that have ended was sent. */
  turnSentAtMs: number;
  session: ChatSession | undefined;
}

/** The chats: so many at once, for as long as it takes. */
export class Crowd {
  private readonly bell = new Bell();
  private readonly places: Place[];
  private chats = 0;

  constructor(
    private readonly options: {
      readonly target: Target;
      readonly clock: Clock;
      readonly chats: number;
      readonly seed: number;
    },
  ) {
    this.places = Array.from({ length: options.chats }, () => ({ movedAtMs: 0, turnSentAtMs: 0, session: undefined }));
  }

  /** Keeps the chats going until `stop`; resolves with all of them when each is at rest, or `end` aborts. */
  async run(stop: AbortSignal, end: AbortSignal): Promise<ChatFact[]> {
    const kept = await Promise.all(this.places.map((place, index) => this.keepGoing(place, index, stop, end)));
    return kept.flat();
  }

  /** Resolves when each chat had an update after this moment of the monotonic clock. */
  allMovedSince(sinceMs: number, signal: AbortSignal): Promise<void> {
    return this.bell.until(() => this.places.every(({ movedAtMs }) => movedAtMs > sinceMs), signal);
  }

  /** Resolves when each chat went through a turn that was sent after this moment of the monotonic clock. */
  allTurnedSince(sinceMs: number, signal: AbortSignal): Promise<void> {
    return this.bell.until(() => this.places.every(({ turnSentAtMs }) => turnSentAtMs > sinceMs), signal);
  }

  /** True where no chat is kept going any more: the API refused each of them for good. */
  get isOver(): boolean {
    return this.places.every(({ movedAtMs }) => movedAtMs === Number.POSITIVE_INFINITY);
  }

  /** What the chats without an update since then wait for. */
  stillSince(sinceMs: number): string[] {
    return this.places
      .filter(({ movedAtMs }) => movedAtMs <= sinceMs)
      .map(({ session }) => session?.waitsFor ?? "a new chat");
  }

  private async keepGoing(place: Place, index: number, stop: AbortSignal, end: AbortSignal): Promise<ChatFact[]> {
    const { target, clock, seed } = this.options;
    const facts: ChatFact[] = [];
    const daemon = target.daemons[index % target.daemons.length];
    while (daemon !== undefined && !stop.aborted && !end.aborted) {
      this.chats++;
      const number = this.chats;
      const random = seededRandom(seed * 1_000_003 + number);
      const onMove = () => {
        place.movedAtMs = clock.stamp().monotonicMs;
        this.bell.ring();
      };
      const onTurn = (sentAtMs: number) => {
        place.turnSentAtMs = sentAtMs;
        this.bell.ring();
      };
      place.session = new ChatSession({ target, daemon, number, random, clock, onMove, onTurn });
      const fact = await place.session.run(stop, end);
      facts.push(fact);
      // A chat that the API refuses for good would come again and again: nobody waits for this place any more.
      if (fact.stuck !== undefined) break;
    }
    place.movedAtMs = Number.POSITIVE_INFINITY;
    place.turnSentAtMs = Number.POSITIVE_INFINITY;
    this.bell.ring();
    return facts;
  }
}
