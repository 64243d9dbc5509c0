import { expect, test } from "bun:test";
import { ERROR_TABLE, type ErrorCode, ReliantError } from "../../../src/core/errors.ts";
import { logger } from "../../../src/core/logger.ts";
import { shownError, toConnectError } from "../../../src/rpc/connect-errors.ts";

test("every error of ours is told by its Connect code, with our own beside", () => {
  const rows = Object.entries(ERROR_TABLE);
  expect(rows.length).toBeGreaterThan(10);
  for (const [code, row] of rows) {
    const told = toConnectError(new ReliantError(code as ErrorCode, "read the chat: no"));
    expect(told.code as number).toBe(row.connectCode);
    expect(told.rawMessage).toBe("read the chat: no");
    expect(told.metadata.get("x-reliant-error")).toBe(code);
  }
});

test("what nobody expected is shown as an id only; what is ours as it is", () => {
  const log = logger("test");
  const hidden = shownError(new Error("select * from secrets"), "list chats", log);
  expect(hidden.message).toMatch(/^list chats: internal error, see the server's log for inc_[0-9a-f]{32}$/);
  const shown = new ReliantError("not_found", "chat c: not found");
  expect(shownError(shown, "get chat", log)).toBe(shown);
});
