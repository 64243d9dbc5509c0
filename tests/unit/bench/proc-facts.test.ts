import { expect, test } from "bun:test";
import { processorMs, treeProcessorMs } from "../../../src/bench/proc-facts.ts";

test("the processor time of a tree counts its children, also those that have ended", async () => {
  const before = { own: processorMs(process.pid), tree: await treeProcessorMs(process.pid) };
  const busy = Bun.spawn(["sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]);
  expect(await busy.exited).toBe(0);
  const spent = busy.resourceUsage()?.cpuTime.total ?? 0n;
  const own = processorMs(process.pid) - before.own;
  const tree = (await treeProcessorMs(process.pid)) - before.tree;
  // In ticks of 10 ms, of the process and of its child.
  expect(tree - own).toBeGreaterThan(Number(spent) / 1000 - 50);
  expect(Number(spent) / 1000).toBeGreaterThan(100);
});

test("a process that there is not has no tree", async () => {
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  expect(await treeProcessorMs(gone.pid)).toBe(0);
});
