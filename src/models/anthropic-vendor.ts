import type { AiSdkVendor } from "./ai-sdk-provider.ts";
import { providerAddress } from "./provider-address.ts";

/** Anthropic's Messages API. The system text and the chat so far are cached at the provider. */
export function anthropicVendor(settings: {
  readonly key: string | undefined;
  readonly baseUrl: string | undefined;
}): AiSdkVendor {
  return {
    style: {
      provider: "anthropic",
      toolImages: "in_result",
      marksErrors: true,
      cacheMark: { anthropic: { cacheControl: { type: "ephemeral" } } },
    },
    key: settings.key,
    keyVariable: "ANTHROPIC_API_KEY",
    addressVariable: "ANTHROPIC_BASE_URL",
    async open(model, send) {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      // An undefined key or address would be read from the environment behind our settings' back.
      const provider = createAnthropic({
        apiKey: settings.key ?? "",
        baseURL: providerAddress(settings.baseUrl ?? "https://api.anthropic.com", "/v1"),
        fetch: send,
      });
      return provider.languageModel(model);
    },
    options: () => ({}),
  };
}
