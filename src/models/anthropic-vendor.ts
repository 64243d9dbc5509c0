import { z } from "zod";
import type { Usage } from "../chat/message.ts";
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
    usageIn: anthropicUsage,
  };
}

/** The first event counts what was sent: https://docs.anthropic.com/en/api/messages-streaming */
const messageStart = z.object({
  message: z.object({
    usage: z.object({
      input_tokens: z.number(),
      output_tokens: z.number(),
      cache_read_input_tokens: z.number().nullish(),
      cache_creation_input_tokens: z.number().nullish(),
    }),
  }),
});

function anthropicUsage(event: unknown): Usage | undefined {
  if (typeof event !== "object" || event === null || !("type" in event) || event.type !== "message_start") return;
  const started = messageStart.safeParse(event);
  if (!started.success) return undefined;
  const { usage } = started.data.message;
  const cached = usage.cache_read_input_tokens ?? 0;
  return {
    inputTokens: usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0),
    outputTokens: usage.output_tokens,
    cachedInputTokens: cached,
    reasoningTokens: 0,
  };
}
