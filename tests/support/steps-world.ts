import { type Activities, createActivities } from "../../src/activities/activities.ts";
import type { ActivityDeps, ToolSet } from "../../src/activities/activity-deps.ts";
import type { StepContext } from "../../src/activities/step-context.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Project, Projects } from "../../src/store/projects.ts";
import type { HubEvent } from "../../src/updates/update-hub.ts";
import type { FakeModel } from "./fake-model.ts";
import { FakeChat } from "./fake-turns.ts";
import { ManualClock } from "./manual-clock.ts";

/** The loop's steps over one fake chat, with every collaborator at hand. */
export interface StepsWorld {
  readonly chat: FakeChat;
  readonly clock: ManualClock;
  readonly events: HubEvent[];
  readonly deps: ActivityDeps;
  readonly steps: Activities;
  readonly cancelled: AbortController;
  readonly stopping: AbortController;
  readonly context: StepContext;
}

export function stepsWorld(parts: {
  readonly model: FakeModel;
  readonly tools?: ToolSet;
  readonly router?: (chat: FakeChat, clock: ManualClock) => ActivityDeps["router"];
  readonly chooseDaemon?: ActivityDeps["chooseDaemon"];
  /** What the steps go by, in place of the manual clock. */
  readonly stepsClock?: Clock;
}): StepsWorld {
  const chat = new FakeChat();
  const clock = new ManualClock();
  const events: HubEvent[] = [];
  const cancelled = new AbortController();
  const stopping = new AbortController();
  const deps: ActivityDeps = {
    store: fakeStore(chat),
    models: parts.model,
    tools: parts.tools ?? noTools,
    router: parts.router?.(chat, clock) ?? noRouter,
    chooseDaemon: parts.chooseDaemon ?? (async () => ({ id: "dmn_laptop", platform: "linux-x64" })),
    hub: { publish: (event) => events.push(event) },
    clock: parts.stepsClock ?? clock,
  };
  const context = { cancelled: cancelled.signal, stopping: stopping.signal };
  return { chat, clock, events, deps, steps: createActivities(deps), cancelled, stopping, context };
}

export const noTools: ToolSet = {
  descriptions: [],
  parse: (name) => ({ kind: "unfit", text: `There is no tool ${name}.` }),
};

const noRouter: ActivityDeps["router"] = {
  sendToolRequestSync: async () => Promise.reject(new Error("no router in this test")),
  cancelToolCall: async () => undefined,
};

/** The part of the store that steps use, over one fake chat. Methods that they do not use reject. */
function fakeStore(chat: FakeChat): ActivityDeps["store"] {
  const unused = async () => Promise.reject(new Error("the steps do not use this"));
  const project: Project = { id: "prj_shop", userId: "usr_ada", name: "shop", path: "/home/ada/shop", createdAtMs: 0 };
  const projects: Projects = {
    get: async () => project,
    listWorktrees: async () => [
      {
        id: "wkt_1",
        projectId: project.id,
        chatId: chat.chatId,
        path: "/home/ada/shop-fix",
        branch: "fix",
        createdAtMs: 0,
      },
      {
        id: "wkt_2",
        projectId: project.id,
        chatId: "chat_other",
        path: "/home/ada/other",
        branch: "o",
        createdAtMs: 0,
      },
    ],
    findOrCreate: unused,
    list: unused,
    addWorktree: unused,
    removeWorktree: unused,
  };
  return {
    turns: chat.turns,
    projects,
    chats: {
      get: async () => ({ ...chat.chat }),
      create: unused,
      start: unused,
      list: unused,
      sendMessage: unused,
      listMessages: unused,
      requestCancel: unused,
    },
    toolCalls: {
      ...chat.toolCalls,
      find: unused,
      look: unused,
      dispatch: unused,
      postpone: unused,
      daemonReady: unused,
      daemonResult: unused,
      openOfDaemon: unused,
    },
  };
}
