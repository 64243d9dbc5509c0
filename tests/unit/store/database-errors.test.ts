import { describe, expect, test } from "bun:test";
import { ReliantError } from "../../../src/core/errors.ts";
import { isDuplicate, isRace, translateDatabaseError } from "../../../src/store/kysely/database-errors.ts";

const driverError = (code: string) => Object.assign(new Error(`message of ${code}`), { code });

const ROWS = [
  ["ECONNREFUSED", "unavailable"],
  ["CONNECTION_CLOSED", "unavailable"],
  ["CONNECT_TIMEOUT", "unavailable"],
  ["57P01", "unavailable"],
  ["53300", "unavailable"],
  ["08006", "unavailable"],
  ["57014", "unavailable"],
  ["25006", "unavailable"],
  ["40003", "unavailable"],
  ["58030", "unavailable"],
  ["SQLITE_BUSY", "unavailable"],
  ["SQLITE_BUSY_SNAPSHOT", "unavailable"],
  ["SQLITE_FULL", "unavailable"],
  ["28P01", "permission_denied"],
  ["3D000", "failed_precondition"],
  ["23505", "already_exists"],
  ["SQLITE_CONSTRAINT_PRIMARYKEY", "already_exists"],
  ["23503", "failed_precondition"],
  ["SQLITE_CONSTRAINT_FOREIGNKEY", "failed_precondition"],
  ["40001", "conflict"],
  ["40P01", "conflict"],
  ["22021", "invalid_argument"],
  ["22P05", "invalid_argument"],
  ["42601", "internal"],
] as const;

describe("a driver's error", () => {
  for (const [code, ours] of ROWS) {
    test(`${code} is ${ours}, with the act and the cause`, () => {
      const cause = driverError(code);
      const error = translateDatabaseError(cause, "send message");
      expect(error.code).toBe(ours);
      expect(error.message).toStartWith("send message: ");
      expect(error.message).toContain(`message of ${code}`);
      expect(error.cause).toBe(cause);
    });
  }

  test("that is one of ours already stays as it is", () => {
    const ours = new ReliantError("not_found", "chat x is not there");
    expect(translateDatabaseError(ours, "read chat")).toBe(ours);
  });

  test("tells races and duplicates from the rest", () => {
    expect([driverError("40P01"), driverError("23505"), new Error("x")].map(isRace)).toEqual([true, false, false]);
    expect([driverError("40P01"), driverError("23505"), new Error("x")].map(isDuplicate)).toEqual([false, true, false]);
  });
});
