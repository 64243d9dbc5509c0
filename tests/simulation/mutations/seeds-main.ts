/** `bun run seeds-main.ts STEPS INVARIANT SEED…`: one run a seed and a line of JSON each, until one breaks the invariant. */
import { runSimulation } from "../simulation.ts";

async function main([steps, invariant, ...seeds]: readonly string[]): Promise<void> {
  for (const seed of seeds.map(Number)) {
    const { ok, invariant: broken, detail, history } = await runSimulation({ seed, steps: Number(steps) });
    process.stdout.write(`${JSON.stringify({ seed, ok, broken, detail, history })}\n`);
    if (broken === invariant) return;
  }
}

await main(process.argv.slice(2));
// What a run left open is not waited for.
process.exit(0);
