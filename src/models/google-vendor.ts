import { z } from "zod";
import type { Usage } from "../chat/message.ts";
import type { AiSdkVendor } from "./ai-sdk-provider.ts";
import { providerAddress } from "./provider-address.ts";

/** Google's Gemini API. */
export function googleVendor(settings: {
  readonly key: string | undefined;
  readonly baseUrl: string | undefined;
}): AiSdkVendor {
  return {
    style: { provider: "google", toolImages: "in_result", marksErrors: false },
    key: settings.key,
    keyVariable: "GOOGLE_GENERATIVE_AI_API_KEY",
    addressVariable: "GOOGLE_BASE_URL",
    async open(model, send) {
      const { createGoogle } = await import("@ai-sdk/google");
      // An undefined key would be read from the environment behind our settings' back.
      const provider = createGoogle({
        apiKey: settings.key ?? "",
        baseURL: providerAddress(settings.baseUrl ?? "https://generativelanguage.googleapis.com", "/v1beta"),
        fetch: send,
      });
      return provider.languageModel(model);
    },
    options: () => ({}),
    usageIn: googleUsage,
  };
}

/** Each event counts anew: https://ai.google.dev/api/generate-content#UsageMetadata */
const counted = z.object({
  usageMetadata: z.object({
    promptTokenCount: z.number().default(0),
    candidatesTokenCount: z.number().default(0),
    thoughtsTokenCount: z.number().default(0),
    cachedContentTokenCount: z.number().default(0),
  }),
});

function googleUsage(event: unknown): Usage | undefined {
  if (typeof event !== "object" || event === null || !("usageMetadata" in event)) return;
  const { data } = counted.safeParse(event);
  if (data === undefined) return undefined;
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, cachedContentTokenCount } = data.usageMetadata;
  return {
    inputTokens: promptTokenCount,
    outputTokens: candidatesTokenCount + thoughtsTokenCount,
    cachedInputTokens: cachedContentTokenCount,
    reasoningTokens: thoughtsTokenCount,
  };
}
