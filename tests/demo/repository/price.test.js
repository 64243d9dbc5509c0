import assert from "node:assert/strict";
import { test } from "node:test";
import { format, withTax } from "./price.js";

test("a price is shown with two digits", () => {
  assert.equal(format(1990), "19.90");
});

test("20 % tax on 10.00 makes 12.00", () => {
  assert.equal(withTax(1000, 20), 1200);
});
