import { describe, expect, test } from "bun:test";
import { createToolCatalog } from "../../../src/tools/catalog.ts";
import { toolBench } from "../../support/tool-bench.ts";

const catalog = createToolCatalog();

describe("the catalog of tools", () => {
  test("describes each tool by a JSON Schema of an object", () => {
    expect(catalog.names).toEqual([
      "shell",
      "read_file",
      "write_file",
      "edit_file",
      "list_files",
      "search_files",
      "update_plan",
    ]);
    for (const { name, description, inputSchema } of catalog.descriptions) {
      expect(name).toMatch(/^[a-z_]{1,64}$/);
      expect(description.length).toBeGreaterThan(40);
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    }
    expect(catalog.descriptions[0]?.inputSchema).toMatchObject({
      required: ["command"],
      properties: { timeout_ms: { type: "integer", maximum: 600_000 } },
    });
  });

  test("says where each tool runs", () => {
    const places = Object.fromEntries(catalog.names.map((name) => [name, catalog.find(name)?.runsOn]));
    expect(places).toEqual({
      shell: "daemon",
      read_file: "daemon",
      write_file: "daemon",
      edit_file: "daemon",
      list_files: "daemon",
      search_files: "daemon",
      update_plan: "anywhere",
    });
  });

  test("gives a shell command the time that it asks for, within bounds", () => {
    const shell = catalog.find("shell");
    expect(shell?.timeoutMs({ command: "x" })).toBe(60_000);
    expect(shell?.timeoutMs({ command: "x", timeout_ms: 600_000 })).toBe(600_000);
    expect(catalog.parse("shell", { command: "x", timeout_ms: 600_001 }).kind).toBe("unfit");
  });

  test("finds a tool and reads its input", () => {
    expect(catalog.parse("read_file", { path: "a" })).toMatchObject({ kind: "fits", input: { path: "a" } });
    expect(catalog.find("nothing")).toBeUndefined();
  });

  for (const [name, guess] of [
    ["read", "read_file"],
    ["Read_File", "read_file"],
    ["bash_shell", "shell"],
    ["edit_fiel", "edit_file"],
  ] as const) {
    test(`guesses that ${name} means ${guess}`, () => {
      expect(catalog.parse(name, {})).toMatchObject({ text: expect.stringContaining(`Do you mean ${guess}?`) });
    });
  }

  test("guesses nothing for a name that is like none, and names all", () => {
    const parsed = catalog.parse("browser.open", {});
    expect(parsed).toEqual({
      kind: "unfit",
      text: `There is no tool "browser.open". There are: ${catalog.names.join(", ")}.`,
    });
  });

  test("tells each fault of an input with its place, and what fits", () => {
    const parsed = catalog.parse("shell", { command: 3, timeout_ms: "long", cwd: "/" });
    if (parsed.kind !== "unfit") throw new Error("it fits");
    expect(parsed.text).toStartWith("The input does not fit shell:\n");
    expect(parsed.text).toMatch(/- command: .*expected string/);
    expect(parsed.text).toMatch(/- timeout_ms: .*expected number/);
    expect(parsed.text).toMatch(/- .*"cwd"/);
    expect(parsed.text).toContain('"required":["command"]');
  });

  for (const input of ['{"command": ', null, undefined, [], 7]) {
    test(`says that ${JSON.stringify(input)} is no input`, () => {
      expect(catalog.parse("shell", input)).toMatchObject({ kind: "unfit", text: expect.stringContaining("object") });
    });
  }
});

describe("update_plan", () => {
  test("shows the list", async () => {
    await using bench = await toolBench();
    const steps = [
      { text: "look", status: "done" },
      { text: "mend", status: "in_progress" },
      { text: "test", status: "pending" },
    ];
    expect(await bench.run("update_plan", { steps })).toEqual({
      text: "1 of 3 steps done.\n[x] look\n[>] mend\n[ ] test",
      isError: false,
      details: { steps },
    });
  });

  test("refuses two steps at once", async () => {
    await using bench = await toolBench();
    const steps = ["a", "b"].map((text) => ({ text, status: "in_progress" }));
    expect(await bench.run("update_plan", { steps })).toMatchObject({ isError: true });
  });

  test("needs steps that say something", () => {
    expect(catalog.parse("update_plan", { steps: [] }).kind).toBe("unfit");
    expect(catalog.parse("update_plan", { steps: [{ text: "  ", status: "done" }] }).kind).toBe("unfit");
  });
});
