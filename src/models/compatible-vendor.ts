import type { AiSdkVendor } from "./ai-sdk-provider.ts";
import { providerAddress } from "./provider-address.ts";

/** Any server that speaks OpenAI's chat completions: Ollama, vLLM and the like. Many of them need no key. */
export function compatibleVendor(settings: {
  readonly key: string | undefined;
  readonly baseUrl: string;
}): AiSdkVendor {
  return {
    style: { provider: "compatible", toolImages: "behind_results", marksErrors: false },
    key: settings.key,
    keyVariable: "COMPATIBLE_API_KEY",
    addressVariable: "COMPATIBLE_BASE_URL",
    async open(model, send) {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      const provider = createOpenAICompatible({
        name: "compatible",
        baseURL: providerAddress(settings.baseUrl, "/v1"),
        ...(settings.key === undefined ? {} : { apiKey: settings.key }),
        includeUsage: true,
        fetch: send,
      });
      return provider.chatModel(model);
    },
    options: () => ({}),
  };
}
