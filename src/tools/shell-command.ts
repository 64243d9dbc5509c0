/** The program and arguments that run a command line on this platform. `which` finds programs on PATH. */
export function shellCommand(
  command: string,
  platform: NodeJS.Platform,
  which: (program: string) => string | null,
): readonly [program: string, ...args: string[]] {
  if (platform !== "win32") return [which("bash") ?? which("sh") ?? "/bin/sh", "-c", command];
  const powershell = which("pwsh") ?? which("powershell");
  return powershell === null
    ? ["cmd.exe", "/d", "/s", "/c", command]
    : [powershell, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", command];
}
