import { readdirSync } from "node:fs";

const OF_AN_EMPTY_ROOT = /^(reliant|proc|tmp|etc|lib\d*|usr)$/;

export const proofActivities = {
  /** Tells from inside the process what lies in its root. */
  whereAmI: async (): Promise<string> => {
    const others = readdirSync("/").filter((name) => !OF_AN_EMPTY_ROOT.test(name));
    return others.length === 0 ? "in an empty root" : `beside ${others.join(", ")}`;
  },
};
