import { describe, expect, test } from "bun:test";
import { ReliantError } from "../../../src/core/errors.ts";
import { createModelCatalog, type ModelSettings } from "../../../src/models/model-catalog.ts";

function refusal(settings: ModelSettings, name: string): ReliantError {
  try {
    createModelCatalog(settings, { folder: "/srv" }).resolve(name);
  } catch (error) {
    if (error instanceof ReliantError) return error;
    throw error;
  }
  throw new Error("it was found");
}

describe("the catalog of models", () => {
  for (const [name, variable] of [
    ["anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"],
    ["openai/gpt-5", "OPENAI_API_KEY"],
    ["google/gemini-2.5-pro", "GOOGLE_GENERATIVE_AI_API_KEY"],
    ["compatible/qwen3:8b", "COMPATIBLE_BASE_URL"],
    ["scripted/default", "RELIANT_SCRIPTED_MODEL"],
    ["scripted/demo.yaml", "RELIANT_SCRIPTED_MODEL"],
  ] as const) {
    test(`says that ${name} needs ${variable}`, () => {
      const error = refusal({}, name);
      expect(error.code).toBe("failed_precondition");
      expect(error.message).toContain(variable);
    });
  }

  for (const name of ["", "gpt-5", "/gpt-5", "openai/", "mistral/large"]) {
    test(`refuses ${JSON.stringify(name)} and names the providers`, () => {
      const error = refusal({ openaiApiKey: "k" }, name);
      expect(error.code).toBe("invalid_argument");
      expect(error.message).toContain("anthropic, openai, google, compatible, scripted");
    });
  }

  test("keeps slashes in a model's name", () => {
    const catalog = createModelCatalog({ compatibleBaseUrl: "http://127.0.0.1:1" });
    expect(catalog.resolve("compatible/meta-llama/Llama-3").model).toBe("meta-llama/Llama-3");
  });

  test("takes a provider without a key where a proxy's address is set", () => {
    const catalog = createModelCatalog({ anthropicBaseUrl: "http://127.0.0.1:1" });
    expect(catalog.resolve("anthropic/claude-sonnet-4-5").model).toBe("claude-sonnet-4-5");
  });

  test("finds scripts from the folder it was made in", () => {
    const catalog = createModelCatalog({ scriptedModelFile: "scripts/demo.yaml" }, { folder: "/srv" });
    expect(catalog.resolve("scripted/default").model).toBe("/srv/scripts/demo.yaml");
    expect(catalog.resolve("scripted/scripts/demo.yaml").model).toBe("/srv/scripts/demo.yaml");
    expect(catalog.resolve("scripted//srv/scripts/other.yaml").model).toBe("/srv/scripts/other.yaml");
  });

  for (const name of ["scripted//etc/passwd", "scripted/scripts/../secret.yaml", "scripted/scripts/sub/x.yaml"]) {
    test(`refuses ${name}, which is not in the folder of the server's script`, () => {
      expect(refusal({ scriptedModelFile: "scripts/demo.yaml" }, name).code).toBe("failed_precondition");
    });
  }

  test("takes any script where whoever asks may read the machine's files anyway", () => {
    const catalog = createModelCatalog({ anyScript: true }, { folder: "/srv" });
    expect(catalog.resolve("scripted//tmp/x.yaml").model).toBe("/tmp/x.yaml");
  });
});
