import { ReliantError } from "../../../core/errors.ts";

/** One edit of a dependency's file, made while the build loads it. The file in node_modules stays as it is. */
export interface DependencyEdit {
  /** Path below `node_modules`, with `/`. */
  readonly file: string;
  /** Text that must be in the file, once; `undefined` where the whole file is replaced. */
  readonly find: string | undefined;
  readonly replace: string;
  readonly reason: string;
}

/** The platforms that the executable is built for. There is no musl build of Temporal's native core. */
export const BUILD_TARGETS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "windows-x64"] as const;
export type BuildTarget = (typeof BUILD_TARGETS)[number];

/** Folders of `@temporalio/core-bridge/releases`, by build target. */
export const CORE_TRIPLES: Readonly<Record<BuildTarget, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
};

/** The module that is an entry point of the build of its own, below `node_modules`. */
export const WORKFLOW_THREAD_MODULE = "@temporalio/worker/lib/workflow/workflow-worker-thread.js";

/**
 * What `@temporalio/worker` 1.24 needs to run inside a compiled executable, where no file lies beside another.
 * `workflowThread` is the path of {@link WORKFLOW_THREAD_MODULE} inside the executable.
 */
export function temporalEdits(target: BuildTarget, workflowThread: string): readonly DependencyEdit[] {
  return [
    {
      file: "@temporalio/worker/lib/workflow/bundler.js",
      find: undefined,
      replace: `
        const gone = () => { throw new Error("bundle workflow code: the executable holds it bundled already"); };
        exports.WorkflowCodeBundler = class { constructor() { gone(); } };
        exports.bundleWorkflowCode = gone;
        exports.defaultWorkflowInterceptorModules = [];
      `,
      reason: "pulls in webpack and swc; the workflow code is bundled by the build",
    },
    {
      file: "@temporalio/worker/lib/debug-replayer/index.js",
      find: undefined,
      replace: `
        exports.startDebugReplayer = () => { throw new Error("replay for a debugger: the executable cannot"); };
      `,
      reason: "for an editor's debugger: starts a thread from a file that does not exist inside the executable",
    },
    {
      file: "@temporalio/core-bridge/index.js",
      find: "const nativeLibPath = getPrebuiltPath();",
      replace: "",
      reason: "computes a path that does not exist inside the executable",
    },
    {
      file: "@temporalio/core-bridge/index.js",
      find: "require(nativeLibPath)",
      replace: `require("./releases/${CORE_TRIPLES[target]}/index.node")`,
      reason: "a literal require is what Bun embeds",
    },
    {
      file: "@temporalio/worker/lib/workflow/threaded-vm.js",
      find: "new node_worker_threads_1.Worker(require.resolve('./workflow-worker-thread'))",
      replace: `new node_worker_threads_1.Worker(${JSON.stringify(workflowThread)})`,
      reason: "the thread's code is an entry point of the executable",
    },
    {
      file: "@temporalio/worker/lib/workflow/vm-shared.js",
      find: "console.warn('v8.promiseHooks.createHook is not available; stack trace collection will be disabled.');",
      replace: "",
      reason: "prints on our standard output that an optional feature is missing under Bun",
    },
    {
      file: "source-map/lib/read-wasm.js",
      find: 'path.join(__dirname, "mappings.wasm")',
      replace: '((wasm) => wasm.default ?? wasm)(require("./mappings.wasm"))',
      reason: "reads a file beside its own source; the executable embeds it",
    },
  ];
}

/** The file's text with its edits made. Throws `failed_precondition` naming file and text where a text is not there exactly once. */
export function applyEdits(file: string, source: string, edits: readonly DependencyEdit[]): string {
  return edits
    .filter((edit) => edit.file === file)
    .reduce((text, edit) => {
      if (edit.find === undefined) return edit.replace;
      const found = text.split(edit.find).length - 1;
      if (found === 1) return text.replace(edit.find, () => edit.replace);
      throw new ReliantError(
        "failed_precondition",
        `edit node_modules/${file}: expected once, found ${found} times: ${edit.find}`,
        {
          hint: `The dependency has changed. The edit is there because it ${edit.reason}; mend its row in src/engine/temporal/bundle/dependency-edits.ts.`,
        },
      );
    }, source);
}

/** The files that have edits but were not among the loaded ones. */
export function filesNotLoaded(edits: readonly DependencyEdit[], loaded: ReadonlySet<string>): readonly string[] {
  return [...new Set(edits.map((edit) => edit.file))].filter((file) => !loaded.has(file));
}
