import { describe, expect, test } from "bun:test";
import { DaemonRegistry } from "../../../src/gateway/daemon-registry.ts";

const session = (daemonId: string, epoch: number, userId = "usr_1") => ({ address: { userId, daemonId, epoch } });

describe("the registry", () => {
  test("gives a session for exactly its user, daemon and epoch", () => {
    const registry = new DaemonRegistry();
    const here = session("dmn_1", 3);
    registry.put(here);
    expect(registry.get(here.address)).toBe(here);
    expect(registry.get({ ...here.address, epoch: 2 })).toBeUndefined();
    expect(registry.get({ ...here.address, userId: "usr_2" })).toBeUndefined();
    expect(registry.get({ ...here.address, daemonId: "dmn_2" })).toBeUndefined();
  });

  test("tells which session a newer one has superseded, and takes no older one", () => {
    const registry = new DaemonRegistry();
    const [first, second] = [session("dmn_1", 1), session("dmn_1", 2)];
    expect(registry.put(second)).toEqual({ taken: true });
    expect(registry.put(first)).toEqual({ taken: false });
    const third = session("dmn_1", 3);
    expect(registry.put(third)).toEqual({ taken: true, superseded: second });
    registry.remove(second);
    expect(registry.getDaemon("dmn_1")).toBe(third);
    registry.remove(third);
    expect(registry.size).toBe(0);
  });
});
