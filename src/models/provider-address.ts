/** The address of an API, without a slash at its end. One that has no path gets the API's usual one: `http://127.0.0.1:11434` becomes `…/v1`. */
export function providerAddress(address: string, usualPath: string): string {
  const trimmed = address.replace(/\/+$/, "");
  return URL.canParse(trimmed) && new URL(trimmed).pathname === "/" ? `${trimmed}${usualPath}` : trimmed;
}
