// Writes src/models/scripted.schema.json from the zod schema: bun tests/unit/models/write-scripted-schema.ts
import { join } from "node:path";
import { scriptJsonSchema } from "../../../src/models/script-schema.ts";

const file = join(import.meta.dir, "../../../src/models/scripted.schema.json");
await Bun.write(file, `${JSON.stringify(scriptJsonSchema(), null, 2)}\n`);
