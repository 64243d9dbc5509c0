import { describe, expect, test } from "bun:test";
import { daemonSubjects, userUpdatesSubject } from "../../../src/routing/subjects.ts";

describe("subjects", () => {
  test("end in the daemon's epoch", () => {
    expect(daemonSubjects({ userId: "usr_1", daemonId: "dmn_2", epoch: 7 })).toEqual({
      request: "tools.request.usr_1.dmn_2.7",
      syncRequest: "tools.request.sync.usr_1.dmn_2.7",
      command: "daemon.command.usr_1.dmn_2.7",
    });
    expect(userUpdatesSubject("usr_1")).toBe("updates.usr_1");
  });

  test.each(["", "a.b", "*", ">", "a b", "a\r\nPUB x 0", "é", "x".repeat(129)])("refuse %j as an id", (id) => {
    expect(() => daemonSubjects({ userId: id, daemonId: "dmn_2", epoch: 1 })).toThrow("is not an id");
    expect(() => daemonSubjects({ userId: "usr_1", daemonId: id, epoch: 1 })).toThrow("is not an id");
    expect(() => userUpdatesSubject(id)).toThrow("is not an id");
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])("refuse the epoch %d", (epoch) => {
    expect(() => daemonSubjects({ userId: "usr_1", daemonId: "dmn_2", epoch })).toThrow("is not one that was given");
  });
});
