import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { AiSdkProvider, type AiSdkVendor } from "./ai-sdk-provider.ts";
import { anthropicVendor } from "./anthropic-vendor.ts";
import { compatibleVendor } from "./compatible-vendor.ts";
import { googleVendor } from "./google-vendor.ts";
import type { ModelCatalog, ModelProvider } from "./model-provider.ts";
import { type OpenaiApi, openaiVendor } from "./openai-vendor.ts";
import { ScriptedProvider } from "./scripted-provider.ts";

/** Keys and addresses of the providers. A provider whose key is not set may have an address: a proxy that adds the key. */
export interface ModelSettings {
  readonly anthropicApiKey?: string | undefined;
  readonly anthropicBaseUrl?: string | undefined;
  readonly openaiApiKey?: string | undefined;
  readonly openaiBaseUrl?: string | undefined;
  /** Default: `responses`. */
  readonly openaiApi?: OpenaiApi | undefined;
  readonly googleApiKey?: string | undefined;
  readonly googleBaseUrl?: string | undefined;
  readonly compatibleApiKey?: string | undefined;
  readonly compatibleBaseUrl?: string | undefined;
  /** The script behind `scripted/default`. Other scripts of its folder may be named, too. */
  readonly scriptedModelFile?: string | undefined;
  /** True where whoever names a model may read this machine's files anyway (the monolith): each script may be named. */
  readonly anyScript?: boolean | undefined;
}

export interface ModelCatalogOptions {
  readonly clock?: Clock;
  /** What relative paths of scripts start from; default: the folder that the process was started in. */
  readonly folder?: string;
  /** Default: `LIMITS.modelSilenceMs`. */
  readonly silenceMs?: number;
}

const PROVIDERS = ["anthropic", "openai", "google", "compatible", "scripted"] as const;
type ProviderName = (typeof PROVIDERS)[number];

/** All providers behind the names `provider/model`. A provider's package is loaded when it is first asked. */
export function createModelCatalog(settings: ModelSettings, options: ModelCatalogOptions = {}): ModelCatalog {
  const clock = options.clock ?? systemClock;
  const folder = resolve(options.folder ?? ".");
  const scripted = new ScriptedProvider(clock);
  const known = new Map<ProviderName, ModelProvider>();

  function providerOf(name: Exclude<ProviderName, "scripted">): ModelProvider {
    const made = known.get(name) ?? new AiSdkProvider(vendorOf(name, settings), clock, options.silenceMs);
    known.set(name, made);
    return made;
  }

  return {
    resolve(fullName) {
      const { provider, model } = parseModelName(fullName);
      if (provider === "scripted") return { provider: scripted, model: scriptFile(model, folder, settings) };
      return { provider: providerOf(provider), model };
    },
  };
}

/** The two parts of `provider/model`. Throws `invalid_argument` where it is not that, or of a provider that nobody knows. */
export function parseModelName(fullName: string): { readonly provider: ProviderName; readonly model: string } {
  const slash = fullName.indexOf("/");
  const model = fullName.slice(slash + 1);
  if (slash < 1 || model === "") {
    throw new ReliantError(
      "invalid_argument",
      `model ${JSON.stringify(fullName)} is not PROVIDER/NAME; providers are ${PROVIDERS.join(", ")}`,
    );
  }
  const provider = fullName.slice(0, slash);
  if (isProvider(provider)) return { provider, model };
  throw new ReliantError(
    "invalid_argument",
    `model ${fullName}: there is no provider ${provider}; there are ${PROVIDERS.join(", ")}`,
  );
}

function vendorOf(name: Exclude<ProviderName, "scripted">, settings: ModelSettings): AiSdkVendor {
  switch (name) {
    case "anthropic":
      return ready(
        anthropicVendor({ key: settings.anthropicApiKey, baseUrl: settings.anthropicBaseUrl }),
        settings.anthropicBaseUrl,
      );
    case "openai":
      return ready(
        openaiVendor({
          key: settings.openaiApiKey,
          baseUrl: settings.openaiBaseUrl,
          api: settings.openaiApi ?? "responses",
        }),
        settings.openaiBaseUrl,
      );
    case "google":
      return ready(
        googleVendor({ key: settings.googleApiKey, baseUrl: settings.googleBaseUrl }),
        settings.googleBaseUrl,
      );
    case "compatible":
      if (settings.compatibleBaseUrl === undefined) {
        throw new ReliantError(
          "failed_precondition",
          "models of compatible/ need the address of their server: set COMPATIBLE_BASE_URL, for Ollama http://127.0.0.1:11434/v1",
        );
      }
      return compatibleVendor({ key: settings.compatibleApiKey, baseUrl: settings.compatibleBaseUrl });
  }
}

function ready(vendor: AiSdkVendor, baseUrl: string | undefined): AiSdkVendor {
  if (vendor.key !== undefined || baseUrl !== undefined) return vendor;
  throw new ReliantError(
    "failed_precondition",
    `models of ${vendor.style.provider}/ need a key: set ${vendor.keyVariable} where models are called (worker or monolith)`,
  );
}

function scriptFile(name: string, folder: string, settings: ModelSettings): string {
  const own = settings.scriptedModelFile === undefined ? undefined : resolve(folder, settings.scriptedModelFile);
  if (name === "default") {
    if (own !== undefined) return own;
    throw new ReliantError("failed_precondition", "model scripted/default needs a script: set RELIANT_SCRIPTED_MODEL");
  }
  const file = resolve(folder, name);
  if (settings.anyScript === true || (own !== undefined && dirname(file) === dirname(own))) return file;
  throw new ReliantError(
    "failed_precondition",
    own === undefined
      ? `model scripted/${name}: this server plays no scripts: set RELIANT_SCRIPTED_MODEL where models are called`
      : `model scripted/${name}: this server plays scripts of the folder of RELIANT_SCRIPTED_MODEL only`,
  );
}

function isProvider(name: string): name is ProviderName {
  return PROVIDERS.some((provider) => provider === name);
}
