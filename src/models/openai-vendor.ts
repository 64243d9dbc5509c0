import type { AiSdkVendor } from "./ai-sdk-provider.ts";
import { providerAddress } from "./provider-address.ts";

/** Which of OpenAI's APIs is spoken. */
export type OpenaiApi = "responses" | "chat";

/** OpenAI. Nothing is stored there (`store: false`): reasoning goes back and forth encrypted. */
export function openaiVendor(settings: {
  readonly key: string | undefined;
  readonly baseUrl: string | undefined;
  readonly api: OpenaiApi;
}): AiSdkVendor {
  return {
    style: {
      provider: "openai",
      toolImages: settings.api === "responses" ? "in_result" : "behind_results",
      marksErrors: false,
    },
    key: settings.key,
    keyVariable: "OPENAI_API_KEY",
    addressVariable: "OPENAI_BASE_URL",
    async open(model, send) {
      const { createOpenAI } = await import("@ai-sdk/openai");
      // An undefined key or address would be read from the environment behind our settings' back.
      const provider = createOpenAI({
        apiKey: settings.key ?? "",
        baseURL: providerAddress(settings.baseUrl ?? "https://api.openai.com", "/v1"),
        fetch: send,
      });
      return settings.api === "responses" ? provider.responses(model) : provider.chat(model);
    },
    options: ({ chatId }) => ({ openai: { store: false, promptCacheKey: chatId } }),
  };
}
