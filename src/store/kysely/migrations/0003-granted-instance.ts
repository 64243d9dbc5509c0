/**
 * Version 3: the process that a daemon's call was granted to. A release before it leaves the column empty, and such a call
 * is told apart by its journal alone, as that release does.
 */
export const GRANTED_INSTANCE: readonly string[] = ["alter table tool_calls add column instance_id text"];
