import { create } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import { ReliantError } from "../core/errors.ts";
import * as pb from "../gen/reliant/v1/project_pb.ts";
import type { Store } from "../store/store.ts";
import { projectMessage } from "./wire-mapping.ts";

const PAGE = 50;
/** An absolute path on whichever system the daemon runs: `/…`, `C:\…` or `\\server\…`. */
const ABSOLUTE = /^(\/|[A-Za-z]:[\\/]|\\\\)/;

/** Folders on the caller's machines. */
export class ProjectApi {
  constructor(private readonly deps: { readonly store: Pick<Store, "projects"> }) {}

  async createProject(identity: Identity, request: pb.CreateProjectRequest): Promise<pb.CreateProjectResponse> {
    if (request.path.includes("\0")) throw new ReliantError("invalid_argument", "path: it holds a NUL character");
    if (!ABSOLUTE.test(request.path)) {
      throw new ReliantError("invalid_argument", `path ${JSON.stringify(request.path)}: it must be absolute`);
    }
    const project = await this.deps.store.projects.findOrCreate({
      userId: identity.userId,
      name: request.name,
      path: request.path,
    });
    return create(pb.CreateProjectResponseSchema, { project: projectMessage(project) });
  }

  async getProject(identity: Identity, request: pb.GetProjectRequest): Promise<pb.GetProjectResponse> {
    const project = await this.deps.store.projects.get(identity.userId, request.projectId);
    return create(pb.GetProjectResponseSchema, { project: projectMessage(project) });
  }

  async listProjects(identity: Identity, request: pb.ListProjectsRequest): Promise<pb.ListProjectsResponse> {
    const page = await this.deps.store.projects.list({
      userId: identity.userId,
      limit: request.pageSize === 0 ? PAGE : request.pageSize,
      ...(request.pageToken === "" ? {} : { cursor: request.pageToken }),
    });
    return create(pb.ListProjectsResponseSchema, {
      projects: page.items.map(projectMessage),
      nextPageToken: page.nextCursor ?? "",
    });
  }
}
