import { describe, expect, test } from "bun:test";
import { type Measured, type RunAt, reportOf } from "../../../src/bench/gateway/ledger-report.ts";

const run = (callers: number, perSecond: number, p99Ms: number): RunAt => {
  return { callers, perSecond, p99Ms, p50Ms: 1, acts: 1, gatewayMs: perSecond / 1000 };
};
const STATEMENT = { place: "ready", text: "select 1", values: [] } as const;
const figuresOf = (ours: readonly RunAt[], chain: readonly RunAt[]) => {
  const measured: Measured = { ours, chain, bare: [run(20, 900, 30), run(20, 1_100, 30)], connections: 20 };
  const { figures } = reportOf(measured, [{ ...STATEMENT, values: [] }], "idle");
  return Object.fromEntries(figures.map(({ id, value, raw }) => [id, { value, raw: raw?.value }]));
};

describe("the report of calls with ledger and journal", () => {
  test("of ours and of the bare chain the quickest run counts whose p99 is low enough", () => {
    const figures = figuresOf(
      [run(8, 300, 20), run(12, 400, 50), run(16, 450, 51)],
      [run(8, 500, 20), run(12, 600, 80)],
    );
    expect(figures["ledger.calls_per_s"]).toEqual({ value: 400, raw: 1_000 });
    expect(figures["ledger.calls_ratio"]?.value).toBe(0.4);
    expect(figures["ledger.bare_chain_ratio"]?.value).toBe(0.5);
    expect(figures["ledger.chain_ratio"]?.value).toBe(0.8);
    expect(figures["ledger.gateway_cpu_ms"]).toEqual({ value: 0.4, raw: 0.5 });
  });

  test("where no run of ours is quick enough, it is zero", () => {
    const figures = figuresOf([run(8, 300, 51)], [run(8, 500, 20)]);
    expect(figures["ledger.calls_ratio"]?.value).toBe(0);
    expect(figures["ledger.chain_ratio"]?.value).toBe(0);
  });

  test("where no run of the bare chain is quick enough, its own ratio is zero and there is none against it", () => {
    const figures = figuresOf([run(8, 300, 20)], [run(8, 500, 51)]);
    expect(figures["ledger.bare_chain_ratio"]?.value).toBe(0);
    expect(figures["ledger.chain_ratio"]).toBeUndefined();
    expect(figures["ledger.gateway_cpu_ms"]).toEqual({ value: 0.3, raw: undefined });
  });
});
