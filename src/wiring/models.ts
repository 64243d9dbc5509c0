import type { SettingsOf } from "../config/settings-of.ts";
import { createModelCatalog } from "../models/model-catalog.ts";
import type { ModelCatalog } from "../models/model-provider.ts";

/** The models that a process calls. `anyScript`: whoever names a model may read this machine's files anyway. */
export function modelsOf(settings: SettingsOf<"worker"> | SettingsOf<"monolith">, anyScript: boolean): ModelCatalog {
  return createModelCatalog({
    anthropicApiKey: settings.anthropicApiKey?.reveal(),
    anthropicBaseUrl: settings.anthropicBaseUrl,
    openaiApiKey: settings.openaiApiKey?.reveal(),
    openaiBaseUrl: settings.openaiBaseUrl,
    openaiApi: settings.openaiApi,
    googleApiKey: settings.googleApiKey?.reveal(),
    googleBaseUrl: settings.googleBaseUrl,
    compatibleApiKey: settings.compatibleApiKey?.reveal(),
    compatibleBaseUrl: settings.compatibleBaseUrl,
    scriptedModelFile: settings.scriptedModel,
    anyScript,
  });
}
