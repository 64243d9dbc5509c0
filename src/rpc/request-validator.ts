import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Validator } from "@bufbuild/protovalidate";
import { ReliantError } from "../core/errors.ts";

const SHOWN_FAULTS = 10;

/** Checks messages against the rules of their proto files. The rules' engine is loaded with the first message. */
export class RequestValidator {
  private validator: Promise<Validator> | undefined;

  /** Throws `invalid_argument` that names each field at fault; never repeats a value. */
  async check<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Promise<void> {
    this.validator ??= load();
    const result = (await this.validator).validate(schema, message);
    switch (result.kind) {
      case "valid":
        return;
      case "invalid": {
        const faults = result.violations.slice(0, SHOWN_FAULTS).map((violation) => violation.toString());
        const more = result.violations.length - faults.length;
        const text = more > 0 ? [...faults, `${more} more`] : faults;
        throw new ReliantError("invalid_argument", text.join("; "), { cause: result.error });
      }
      case "error":
        throw new ReliantError("internal", `check ${schema.typeName}: ${result.error.message}`, {
          cause: result.error,
        });
    }
  }
}

async function load(): Promise<Validator> {
  const { createValidator } = await import("@bufbuild/protovalidate");
  return createValidator();
}
