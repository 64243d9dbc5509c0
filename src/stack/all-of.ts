/**
 * What all of them give. Where one fails this rejects with the first failure, but only when each has ended: what the others
 * started until then is known to whoever ends it.
 */
export async function allOf<T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
