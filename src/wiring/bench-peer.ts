import { runPeer } from "../bench/peers.ts";
import { systemClock as clock } from "../core/clock.ts";
import { BENCH_DRIVERS } from "./bench.ts";
import type { CommandContext } from "./command-context.ts";

/** One process of a measurement: its name and its options as JSON. Ends with what it does, or by a signal. */
export async function runBenchPeer(
  text: string,
  context: CommandContext & { write(text: string): Promise<void> },
): Promise<number> {
  const [, name = "", json = "null"] = /^(\S+)\s+(.*)$/s.exec(text) ?? [];
  let written: Promise<void> = Promise.resolve();
  const say = (word: string, value: unknown) => {
    written = written.then(() => context.write(`${word} ${JSON.stringify(value)}\n`));
  };
  await runPeer(name, JSON.parse(json), { drivers: BENCH_DRIVERS, clock }, say, context.signal);
  await written;
  return 0;
}
