import { failureText, runCli } from "./cli/cli.ts";
import { processContext } from "./cli/process-context.ts";
import { ReliantError } from "./core/errors.ts";

const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

const argv = process.argv.slice(2);
const ending = new AbortController();

// The first signal asks the command to end, the second ends the process.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (ending.signal.aborted) process.exit(EXIT_BY_SIGNAL[name]);
    ending.abort(new ReliantError("cancelled", `ended by ${name}`));
  });
}

// Nobody awaits it, so nobody can put it right: what the process knows may be wrong from here on.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    console.error(failureText(error, argv, process.env));
    process.exit(1);
  });
}

process.exit(await runCli(argv, processContext(ending.signal)));
