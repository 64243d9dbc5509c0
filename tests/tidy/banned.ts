/** What code must not hold, where, and why; exceptions name the file and the reason. */
export interface Ban {
  readonly what: string;
  readonly pattern: RegExp;
  /** `code` looks at code only, `text` at comments and strings, too. */
  readonly in: "code" | "text";
  /** Where it counts: the beginning of paths. */
  readonly where: readonly string[];
  readonly because: string;
  readonly except?: readonly { readonly path: string; readonly because: string }[];
}

const SRC = ["src/"];
const EVERYWHERE = ["src/", "tests/", "build.ts"];

export const BANS: readonly Ban[] = [
  {
    what: "process.exit",
    pattern: /\bprocess\.exit\b/,
    in: "code",
    where: SRC,
    because: "who ends the process cuts off what others are closing",
    except: [{ path: "src/main.ts", because: "it is the one place that ends the process" }],
  },
  {
    what: "console",
    pattern: /\bconsole\./,
    in: "code",
    where: SRC,
    because: "components log; only the command line speaks to a terminal",
    except: [
      { path: "src/main.ts", because: "the last words of a process that knows no more" },
      { path: "src/cli/process-context.ts", because: "it is the terminal" },
    ],
  },
  {
    what: "timers",
    pattern: /\b(setTimeout|setInterval)\(/,
    in: "code",
    where: SRC,
    because: "waits go through core/clock, so that tests can have their own",
    except: [
      { path: "src/core/clock.ts", because: "it is the clock" },
      {
        path: "src/engine/temporal/temporal-activities.ts",
        because: "a heartbeat by the SDK's pace; nothing waits for it",
      },
    ],
  },
  {
    what: "Date.now, new Date()",
    pattern: /\bDate\.now\b|\bnew Date\(\)/,
    in: "code",
    where: SRC,
    because: "the time comes from core/clock, so that tests can have their own",
    except: [{ path: "src/core/clock.ts", because: "it is the clock" }],
  },
  {
    what: "Math.random",
    pattern: /\bMath\.random\b/,
    in: "code",
    where: SRC,
    because: "chance comes in from outside, so that tests can have their own",
    except: [
      { path: "src/core/backoff.ts", because: "the default of an argument" },
      { path: "src/daemon/gateway-link.ts", because: "the default of an option" },
      { path: "src/stack/toxic-proxy.ts", because: "the default of an option" },
    ],
  },
  {
    what: "any",
    pattern: /(?<![.\w])any\b(?!\s*[:(])/,
    in: "code",
    where: EVERYWHERE,
    because: "it takes the types away from everything it touches",
  },
  {
    what: "switched-off checks",
    pattern: /@ts-(ignore|nocheck|expect-error)|biome-ignore/,
    in: "text",
    where: EVERYWHERE,
    because: "the check is right, or it is to be changed for all",
    except: [{ path: "tests/tidy/banned.ts", because: "it names them" }],
  },
  {
    what: "work left lying",
    pattern: /\b(TODO|FIXME|XXX)\b/,
    in: "text",
    where: EVERYWHERE,
    because: "what is to be done stands where work is planned",
    except: [{ path: "tests/tidy/banned.ts", because: "it names them" }],
  },
  {
    what: "tests that do not run",
    pattern: /\b(test|describe|it)\.(skip|only|todo|if|skipIf|todoIf|failing)\b/,
    in: "code",
    where: ["tests/"],
    because: "a test that does not run says nothing",
  },
  {
    what: "default exports",
    pattern: /^\s*export default\b/,
    in: "code",
    where: EVERYWHERE,
    because: "a name that every importer chooses is no name",
  },
  {
    what: "enums",
    pattern: /^\s*(export )?(const )?enum\b/,
    in: "code",
    where: EVERYWHERE,
    because: "string unions say the same and vanish at run time",
  },
];
