import type { LanguageModelV4, SharedV4ProviderOptions } from "@ai-sdk/provider";
import type { Usage } from "../chat/message.ts";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { failureError, modelErrorOf } from "./ai-sdk-errors.ts";
import { AiSdkEvents } from "./ai-sdk-events.ts";
import { functionsOf, type PromptStyle, promptOf } from "./ai-sdk-prompt.ts";
import type { ModelError, ModelEvent, ModelProvider, ModelRequest } from "./model-provider.ts";
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
  /** What an event of the vendor's stream says of usage, where the vendor tells it before the end. */
  usageIn?(event: unknown): Usage | undefined;
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
    const send = watchedFetch({
      sendKey: this.vendor.key !== undefined,
      onBytes: () => watch.noticed(),
      onFlood: () => ending.abort(this.flood(request)),
    });
    try {
      const parts = await this.ask(request, send, watch, either);
      const events = new AiSdkEvents(this.vendor.usageIn);
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

  private async ask(request: ModelRequest, send: typeof fetch, watch: SilenceWatch, signal: AbortSignal) {
    const model = await this.vendor.open(request.model, send);
    const asking = model.doStream({
      prompt: promptOf(request, this.vendor.style),
      ...(request.tools.length === 0 ? {} : { tools: functionsOf(request.tools) }),
      ...(this.vendor.usageIn === undefined ? {} : { includeRawChunks: true }),
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
        throw failureError("failed_end", this.asked(request), `the answer ended with ${broken.reason}`);
    }
  }

  private cut(request: ModelRequest): ModelError {
    return failureError("no_end", this.asked(request), "its end did not come");
  }

  private silence(request: ModelRequest): ModelError {
    const seconds = Math.round(this.silenceMs / 1000);
    return failureError("silence", this.asked(request), `nothing came for ${seconds} s`);
  }

  private flood(request: ModelRequest): ModelError {
    const what = `an event of the answer is longer than ${LIMITS.modelEventBytes} bytes`;
    return failureError("not_readable", this.asked(request), what);
  }

  private asked(request: ModelRequest) {
    const { key, keyVariable, addressVariable, style } = this.vendor;
    const name = `${style.provider}/${request.model}`;
    return { name, vendor: style.provider, key, keyVariable, addressVariable, nowMs: this.clock.now() };
  }
}
