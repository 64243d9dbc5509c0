/** What an engine tells a step while it runs. The step asks the store what is true: these only make it look. */
export interface StepContext {
  /** Somebody asked to cancel the run: the store says whether it is so. */
  readonly cancelled: AbortSignal;
  /** This attempt ends (the process stops, or the engine has given the step to somebody else): write nothing more, and reject. */
  readonly stopping: AbortSignal;
}
