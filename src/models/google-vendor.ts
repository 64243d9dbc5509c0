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
  };
}
