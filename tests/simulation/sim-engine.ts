import type { Activities } from "../../src/activities/activities.ts";
import type { StepContext } from "../../src/activities/step-context.ts";
import { type AgentSteps, runAgentLoop } from "../../src/chat/agent-loop.ts";
import type { LoopView } from "../../src/chat/loop-view.ts";
import { backoffMs } from "../../src/core/backoff.ts";
import { messageOf, ReliantError, toReliantError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { guardedSteps, isWorthRepeating, type StepFailure } from "../../src/engine/guarded-steps.ts";
import type { WorkflowEngine } from "../../src/engine/workflow-engine.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** A worker as the engine sees it. */
export interface WorkerProcess {
  readonly life: Life;
  readonly activities: Activities;
}

type StepName = "look" | "callModel" | "runTool" | "endRun";
type StepRun = (activities: Activities, context: StepContext) => Promise<LoopView>;

/** Why a step's attempts ended without an answer. */
class StepGivenUp extends Error {
  constructor(readonly failure: StepFailure) {
    super("step given up");
  }
}

/** Events of a workflow after which it continues as a new one: few, so that it happens. */
const STEPS_PER_RUN = 7;

/**
 * The engine as a service that outlives every process: one workflow a chat, which runs the production loop. Its
 * activities are attempts on workers: at least once, with time-outs that hit attempts which still run, completions that
 * get lost, and cancels that come late.
 */
export class SimEngine {
  private readonly workflows = new Map<string, SimWorkflow>();
  /** Chats whose workflow was lost by a fault: the run watch will find them. */
  readonly orphans = new Set<string>();
  attempts = 0;

  constructor(
    readonly world: World,
    readonly workers: () => readonly WorkerProcess[],
  ) {}

  has(chatId: string): boolean {
    return this.workflows.has(chatId);
  }

  get size(): number {
    return this.workflows.size;
  }

  /** The engine as one process calls it. */
  clientOf(life: Life): WorkflowEngine {
    return {
      wake: (chatId) => this.call(life, () => this.signal(chatId, false)),
      cancel: (chatId) => this.call(life, () => this.signal(chatId, true)),
      check: async () => undefined,
      close: async () => undefined,
    };
  }

  /** A workflow is terminated by hand, or its data is gone; its attempts go on. */
  lose(): void {
    const workflow = this.world.chance.oneOf([...this.workflows.values()]);
    if (workflow === undefined) return;
    this.world.faults.count("engine: workflow lost");
    this.world.history.note(`FAULT the engine loses the workflow of ${this.world.history.name(workflow.chatId)}`);
    workflow.lost = true;
    this.workflows.delete(workflow.chatId);
    this.orphans.add(workflow.chatId);
  }

  ended(workflow: SimWorkflow): void {
    if (this.workflows.get(workflow.chatId) === workflow) this.workflows.delete(workflow.chatId);
  }

  /** Signal with start. */
  private signal(chatId: string, cancels: boolean): void {
    this.orphans.delete(chatId);
    const known = this.workflows.get(chatId);
    if (known === undefined) this.start(chatId);
    else if (cancels) known.cancel();
    else known.look();
  }

  private start(chatId: string): void {
    const workflow = new SimWorkflow(this, chatId);
    this.workflows.set(chatId, workflow);
    workflow.run();
  }

  private async call(life: Life, act: () => void): Promise<void> {
    const { world } = this;
    const away = () => new ReliantError("unavailable", "the engine is away");
    if (world.mayCrash(life, "before it tells the engine")) return new Promise(() => undefined);
    await life.wait(world.latencyMs());
    if (world.faults.hits("engine: away before the call")) throw away();
    act();
    if (world.mayCrash(life, "after it told the engine")) return new Promise(() => undefined);
    await life.wait(world.latencyMs());
    if (world.faults.hits("engine: answer lost after the call")) throw away();
  }
}

/** The loop of one chat, as engine/temporal/workflows.ts has it. */
class SimWorkflow {
  lost = false;
  private mustLookAgain = false;
  private readonly steps = new Set<SimStep>();

  constructor(
    private readonly engine: SimEngine,
    readonly chatId: string,
  ) {}

  look(): void {
    this.mustLookAgain = true;
  }

  cancel(): void {
    this.mustLookAgain = true;
    for (const step of this.steps) step.cancel();
  }

  run(): void {
    void this.loop().then(
      () => {
        if (!this.lost) this.engine.ended(this);
      },
      (error: unknown) => this.engine.world.fail("nobody-stuck", `a workflow fails: ${messageOf(error)}`),
    );
  }

  private async loop(): Promise<void> {
    const steps = guardedSteps(this.agentSteps(), (error) => {
      if (error instanceof StepGivenUp) return error.failure;
      throw error;
    });
    for (;;) {
      this.mustLookAgain = false;
      const end = await runAgentLoop(steps, (done) => done === 0 || done < STEPS_PER_RUN);
      // As a workflow: no await between here and its end.
      if (end === "rested" && !this.mustLookAgain) return;
    }
  }

  private agentSteps(): AgentSteps {
    const { chatId } = this;
    return {
      look: () => this.step("look", false, (activities) => activities.look({ chatId })),
      callModel: (input) =>
        this.step("callModel", true, (activities, context) => activities.callModel({ chatId, ...input }, context)),
      runTool: (input) =>
        this.step("runTool", true, (activities, context) => activities.runTool({ chatId, ...input }, context)),
      endRun: (input) => this.step("endRun", false, (activities) => activities.endRun({ chatId, ...input })),
      newMessageId: () => newId("msg"),
    };
  }

  private async step(name: StepName, cancellable: boolean, run: StepRun): Promise<LoopView> {
    if (this.lost) return new Promise(() => undefined);
    const step = new SimStep(this.engine, `${name} for ${this.engine.world.history.name(this.chatId)}`, name, run);
    if (cancellable) this.steps.add(step);
    try {
      const view = await step.done();
      return this.lost ? new Promise(() => undefined) : view;
    } finally {
      this.steps.delete(step);
    }
  }
}

/** One attempt on one worker. */
interface Attempt {
  readonly worker: WorkerProcess;
  readonly cancelled: AbortController;
  readonly given: AbortController;
  /** The engine waits for it. */
  counts: boolean;
  /** The worker has nothing more to do for it. */
  over: boolean;
}

/** One step: attempts until one of them is heard of. */
class SimStep {
  private readonly result = Promise.withResolvers<LoopView>();
  private current: Attempt | undefined;
  private cancelAsked = false;
  private failures = 0;

  constructor(
    private readonly engine: SimEngine,
    private readonly what: string,
    private readonly name: StepName,
    private readonly run: StepRun,
  ) {}

  done(): Promise<LoopView> {
    this.attempt();
    return this.result.promise;
  }

  /** Heard of by the worker with one of its next heartbeats. */
  cancel(): void {
    this.cancelAsked = true;
    const attempt = this.current;
    if (attempt === undefined) return;
    attempt.worker.life.later(this.engine.world.chance.real() * 1_200, () => attempt.cancelled.abort());
  }

  private attempt(): void {
    const { world } = this.engine;
    const { faults, chance } = world;
    const waitMs = faults.hits("engine: attempt delayed") ? world.longMs() : world.latencyMs();
    world.scheduler.after(waitMs, undefined, () => {
      const worker = chance.oneOf(this.engine.workers());
      // Nobody polls the queue now.
      if (worker === undefined) return this.attempt();
      this.engine.attempts++;
      const attempt = {
        worker,
        cancelled: new AbortController(),
        given: new AbortController(),
        counts: true,
        over: false,
      };
      this.current = attempt;
      world.history.note(`${worker.life.name} is given ${this.what}`);
      worker.life.later(world.latencyMs(), () => void this.work(attempt));
      this.watch(attempt);
    });
  }

  private async work(attempt: Attempt): Promise<void> {
    const { world } = this.engine;
    const { worker, cancelled, given } = attempt;
    let report: () => void;
    try {
      const view = await this.run(worker.activities, { cancelled: cancelled.signal, stopping: given.signal });
      report = () => this.completed(view);
    } catch (error) {
      report = () => this.failed(error);
    }
    attempt.over = true;
    if (!worker.life.isAlive) return;
    if (world.faults.hits("engine: completion lost")) {
      world.history.note(`FAULT the completion of ${this.what} by ${worker.life.name} is lost`);
      return;
    }
    world.scheduler.after(world.latencyMs(), undefined, () => {
      if (attempt.counts) report();
    });
  }

  /** The engine's look at the heartbeats of an attempt. */
  private watch(attempt: Attempt): void {
    const { world } = this.engine;
    world.scheduler.after(LIMITS.activityHeartbeatMs, undefined, () => {
      if (!attempt.counts) return;
      const { life } = attempt.worker;
      const silent = !life.isAlive || attempt.over || life.isFrozen;
      if (!silent && !world.faults.hits("engine: attempt taken for dead while it runs")) return this.watch(attempt);
      world.history.note(`the engine takes ${life.name} for dead in ${this.what}`);
      attempt.counts = false;
      // It learns with a heartbeat that the step was given to somebody else; or never.
      if (world.chance.hits(0.7)) life.later(world.longMs(), () => attempt.given.abort());
      this.again();
    });
  }

  private completed(view: LoopView): void {
    if (this.current !== undefined) this.current.counts = false;
    this.result.resolve(view);
  }

  private failed(thrown: unknown): void {
    if (this.current !== undefined) this.current.counts = false;
    const error = toReliantError(thrown, this.name);
    this.engine.world.history.note(`${this.what} fails: ${error.code}`);
    if (isWorthRepeating(this.name, error)) this.again();
    else this.giveUp({ kind: "failed", error: { code: error.code, message: error.message } });
  }

  /** The next attempt; a step that was cancelled gets none. */
  private again(): void {
    if (this.cancelAsked) {
      this.giveUp({ kind: "look_again" });
      return;
    }
    const bounds = { baseMs: LIMITS.stepRetryBaseMs, maxMs: LIMITS.stepRetryMaxMs };
    this.engine.world.scheduler.after(backoffMs(this.failures++, bounds), undefined, () => this.attempt());
  }

  private giveUp(failure: StepFailure): void {
    this.result.reject(new StepGivenUp(failure));
  }
}
