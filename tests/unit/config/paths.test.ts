import { describe, expect, test } from "bun:test";
import { daemonCredentialsFile, userDataFolder } from "../../../src/config/paths.ts";

const linux = { platform: "linux", home: "/home/ada", env: {} };
const mac = { platform: "darwin", home: "/Users/ada", env: {} };
const windows = { platform: "win32", home: "C:\\Users\\ada", env: { APPDATA: "C:\\Users\\ada\\AppData\\Roaming" } };

describe("the daemon's credentials file is where the documents say", () => {
  test.each([
    ["Linux", linux, "/home/ada/.config/reliant/auth/reliant-daemon.json"],
    ["macOS", mac, "/Users/ada/Library/Application Support/reliant/auth/reliant-daemon.json"],
    ["Windows", windows, "C:\\Users\\ada\\AppData\\Roaming\\reliant\\auth\\reliant-daemon.json"],
    [
      "Windows without APPDATA",
      { ...windows, env: {} },
      "C:\\Users\\ada\\AppData\\Roaming\\reliant\\auth\\reliant-daemon.json",
    ],
    [
      "Linux with XDG_CONFIG_HOME",
      { ...linux, env: { XDG_CONFIG_HOME: "/cfg" } },
      "/cfg/reliant/auth/reliant-daemon.json",
    ],
    [
      "Linux with a relative XDG_CONFIG_HOME, which counts as unset",
      { ...linux, env: { XDG_CONFIG_HOME: "cfg" } },
      "/home/ada/.config/reliant/auth/reliant-daemon.json",
    ],
  ])("%s", (_, host, file) => {
    expect(daemonCredentialsFile(host)).toBe(file);
  });
});

describe("data goes to the user's data folder", () => {
  test.each([
    ["Linux", linux, "/home/ada/.local/share/reliant/monolith"],
    ["Linux with XDG_DATA_HOME", { ...linux, env: { XDG_DATA_HOME: "/data" } }, "/data/reliant/monolith"],
    ["macOS", mac, "/Users/ada/Library/Application Support/reliant/monolith"],
    ["Windows", windows, "C:\\Users\\ada\\AppData\\Roaming\\reliant\\monolith"],
  ])("%s", (_, host, folder) => {
    expect(userDataFolder(host, "monolith")).toBe(folder);
  });
});
