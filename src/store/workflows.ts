import type { JsonObject } from "../chat/json.ts";

/** The definition of a workflow: a name, and versions that do not change. */
export interface WorkflowDefinition {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly version: number;
  readonly definition: JsonObject;
  readonly createdAtMs: number;
}

export interface Workflows {
  /** The next version of that name. */
  save(workflow: {
    readonly userId: string;
    readonly name: string;
    readonly definition: JsonObject;
  }): Promise<WorkflowDefinition>;
  /** The version named, or the newest. */
  find(userId: string, name: string, version?: number): Promise<WorkflowDefinition | undefined>;
  /** The newest version of each. */
  list(userId: string): Promise<readonly WorkflowDefinition[]>;
}
