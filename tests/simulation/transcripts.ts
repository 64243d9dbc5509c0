import { toBinary } from "@bufbuild/protobuf";
import { chatUpdateMessage } from "../../src/api/wire-mapping.ts";
import { ChatUpdateSchema } from "../../src/gen/reliant/v1/update_pb.ts";
import type { Store } from "../../src/store/store.ts";
import type { StoreWatch } from "./store-watch.ts";
import type { World } from "./world.ts";

type Hash = bigint | number;

/** What was sent of every chat, whoever got it: the same number is the same update for all, and stands in the store. */
export class Transcripts {
  private readonly chats = new Map<string, Hash[]>();

  constructor(
    private readonly world: World,
    private readonly watch: StoreWatch,
  ) {}

  sent(chatId: string, sequence: number, hash: Hash, to: string): void {
    const name = this.world.history.name(chatId);
    if (sequence > (this.watch.sequences.get(chatId) ?? 0)) {
      this.world.fail("transcript-prefix", `${to} is sent number ${sequence} of ${name}, which does not stand`);
    }
    const hashes = this.chats.get(chatId) ?? [];
    this.chats.set(chatId, hashes);
    const first = hashes[sequence - 1];
    if (first === undefined) hashes[sequence - 1] = hash;
    else if (first !== hash) {
      this.world.fail("transcript-prefix", `${to} is sent another number ${sequence} of ${name} than somebody before`);
    }
  }

  /** At rest: what a client has is what the store has, all of it. */
  async compare(store: Store, chatId: string, hashes: readonly Hash[], whose: string): Promise<void> {
    const stored: Hash[] = [];
    for (;;) {
      const page = await store.updates.chatUpdates(chatId, stored.length, 500);
      if (page.length === 0) break;
      for (const update of page) stored.push(Bun.hash(toBinary(ChatUpdateSchema, chatUpdateMessage(update))));
    }
    const same = stored.length === hashes.length && stored.every((hash, index) => hash === hashes[index]);
    if (same) return;
    const name = this.world.history.name(chatId);
    this.world.fail(
      "transcript-prefix",
      `at rest ${whose} has ${hashes.length} updates of ${name}, the store ${stored.length}`,
    );
  }
}
