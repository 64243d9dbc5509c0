export interface Project {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** Absolute path on the daemon's machine. */
  readonly path: string;
  readonly createdAtMs: number;
}

/** A git worktree of a project that a chat works in. */
export interface Worktree {
  readonly id: string;
  readonly projectId: string;
  readonly chatId?: string;
  readonly path: string;
  readonly branch: string;
  readonly createdAtMs: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Undefined: there are no more. */
  readonly nextCursor?: string;
}

export interface Projects {
  /** The user's project with that path: a new one, or the one that was there. */
  findOrCreate(project: { readonly userId: string; readonly name: string; readonly path: string }): Promise<Project>;
  /** Throws `not_found`. */
  get(userId: string, projectId: string): Promise<Project>;
  list(query: { readonly userId: string; readonly cursor?: string; readonly limit: number }): Promise<Page<Project>>;
  /** Throws `not_found` for another user's project, `already_exists` where the project has a worktree at that path. */
  addWorktree(worktree: {
    readonly userId: string;
    readonly projectId: string;
    readonly path: string;
    readonly branch: string;
    readonly chatId?: string;
  }): Promise<Worktree>;
  listWorktrees(userId: string, projectId: string): Promise<readonly Worktree[]>;
  /** Throws `not_found`. */
  removeWorktree(userId: string, worktreeId: string): Promise<void>;
}
