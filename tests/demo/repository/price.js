/** Adds the tax to a price in cents. */
export function withTax(cents, percent) {
  return Math.round(cents * (percent / 100));
}

/** A price in cents as text: 1990 -> "19.90". */
export function format(cents) {
  return (cents / 100).toFixed(2);
}
