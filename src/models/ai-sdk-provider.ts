import type { LanguageModelV4, SharedV4ProviderOptions } from "@ai-sdk/provider";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { modelErrorOf } from "./ai-sdk-errors.ts";
import { AiSdkEvents } from "./ai-sdk-events.ts";
import { functionsOf, type PromptStyle, promptOf } from "./ai-sdk-prompt.ts";
import { ModelError, type ModelEvent, type ModelProvider, type ModelRequest } from "./model-provider.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { untilAborted } from "./until-aborted.ts";
import { watchedFetch } from "./watched-fetch.ts";

/** What differs from vendor to vendor. */
export interface AiSdkVendor {
  readonly style: PromptStyle;
  /** Undefined where a proxy adds the key. */
  readonly key: string | undefined;
  readonly keyVariable: string;
  readonly addressVariable: string;
  /** The vendor's model. Loads the vendor's package at the first call. */
  open(model: string, send: typeof fetch): Promise<LanguageModelV4>;
  options(request: ModelRequest): SharedV4ProviderOptions;
}

/**
 * A provider over the AI SDK's provider packages. Their `doStream` is called directly: it makes one request, without
 * retries and without running tools, and streams block by block.
 */
export class AiSdkProvider implements ModelProvider {
  constructor(
    private readonly vendor: AiSdkVendor,
    private readonly clock: Clock,
    private readonly silenceMs: number = LIMITS.modelSilenceMs,
  ) {}

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent, void, undefined> {
    signal.throwIfAborted();
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const watch = new SilenceWatch(this.clock, this.silenceMs, () => ending.abort(this.silence(request)));
    try {
      const parts = await this.ask(request, watch, either);
      const events = new AiSdkEvents();
      while (!events.finished) {
        const { done, value } = await watch.during(untilAborted(parts.read(), either));
        if (done) throw this.cut(request);
        yield* events.push(value);
        this.throwIfBroken(events, request);
      }
    } catch (error) {
      either.throwIfAborted();
      throw modelErrorOf(error, this.asked(request));
    } finally {
      // Also ends the request when whoever reads the events stops early.
      ending.abort();
    }
  }

  private async ask(request: ModelRequest, watch: SilenceWatch, signal: AbortSignal) {
    const send = watchedFetch({ sendKey: this.vendor.key !== undefined, onBytes: () => watch.noticed() });
    const model = await this.vendor.open(request.model, send);
    const asking = model.doStream({
      prompt: promptOf(request, this.vendor.style),
      ...(request.tools.length === 0 ? {} : { tools: functionsOf(request.tools) }),
      providerOptions: this.vendor.options(request),
      abortSignal: signal,
    });
    const { stream } = await watch.during(untilAborted(asking, signal));
    return stream.getReader();
  }

  private throwIfBroken({ broken }: AiSdkEvents, request: ModelRequest): void {
    switch (broken?.kind) {
      case undefined:
        return;
      case "cut":
        throw this.cut(request);
      case "error_part":
        throw modelErrorOf(broken.error, this.asked(request));
      case "failed":
        throw new ModelError(`ask ${this.nameOf(request)}: the answer ended with ${broken.reason}`, {
          retryable: true,
        });
    }
  }

  private cut(request: ModelRequest): ModelError {
    return new ModelError(`ask ${this.nameOf(request)}: the answer broke off before its end`, { retryable: true });
  }

  private silence(request: ModelRequest): ModelError {
    const seconds = Math.round(this.silenceMs / 1000);
    return new ModelError(`ask ${this.nameOf(request)}: nothing came for ${seconds} s`, { retryable: true });
  }

  private nameOf(request: ModelRequest): string {
    return `${this.vendor.style.provider}/${request.model}`;
  }

  private asked(request: ModelRequest) {
    const { key, keyVariable, addressVariable } = this.vendor;
    return { name: this.nameOf(request), key, keyVariable, addressVariable, nowMs: this.clock.now() };
  }
}
