import { afterAll, beforeAll, describe, setDefaultTimeout } from "bun:test";
import { STORE_DRIVERS, type StoreDriver, type StoreUnderTest } from "./store-drivers.ts";

/** Starting a server of its own, where a file runs alone. */
const START_MS = 60_000;
/** One test: a database is made and removed, which a busy disk makes slow. */
export const STORE_TEST_MS = 30_000;

/** One suite, on every driver of the store: `open` gives a test its own empty database. */
export function describeOnStores(what: string, suite: (open: () => Promise<StoreUnderTest>) => void): void {
  setDefaultTimeout(STORE_TEST_MS);
  for (const { name, start } of STORE_DRIVERS) {
    describe(`${what}, on ${name}`, () => {
      let driver: StoreDriver | undefined;
      beforeAll(async () => {
        driver = await start();
      }, START_MS);
      afterAll(async () => {
        await driver?.[Symbol.asyncDispose]();
      }, START_MS);
      suite(() => {
        if (driver === undefined) throw new Error(`the ${name} driver was not started`);
        return driver.open();
      });
    });
  }
}
