/** A direction of the traffic through a proxy: from the client to the server, or back. */
export type ToxicDirection = "upstream" | "downstream";

/**
 * What a proxy does to one direction of the connections through it, in the words of Toxiproxy
 * (https://github.com/Shopify/toxiproxy#toxics). Toxics apply in the order in which they were added. Two departures: bytes
 * are never dropped in the middle of a stream, which TCP cannot do either (they are held, until the toxic is taken away);
 * and `reset_peer` lets data pass until it strikes.
 */
export type Toxic =
  /** Each chunk comes `latencyMs` later, plus or minus up to `jitterMs`, in its order. */
  | {
      readonly direction: ToxicDirection;
      readonly kind: "latency";
      readonly latencyMs: number;
      readonly jitterMs: number;
    }
  | { readonly direction: ToxicDirection; readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** RST to both ends, so long after the connection began or the toxic was added, whichever was later. */
  | { readonly direction: ToxicDirection; readonly kind: "reset_peer"; readonly afterMs: number }
  /** Pieces of `averageBytes`, plus or minus up to `variationBytes`, with `delayMs` between them. */
  | {
      readonly direction: ToxicDirection;
      readonly kind: "slicer";
      readonly averageBytes: number;
      readonly variationBytes: number;
      readonly delayMs: number;
    }
  /** Nothing comes through; after `afterMs` (counted as for `reset_peer`) the connection is closed, with 0 it stays. */
  | { readonly direction: ToxicDirection; readonly kind: "timeout"; readonly afterMs: number }
  /** The connection is closed when so many bytes have passed since it began, or since the toxic was added. */
  | { readonly direction: ToxicDirection; readonly kind: "limit_data"; readonly bytes: number }
  /** The end of the stream comes so much later. */
  | { readonly direction: ToxicDirection; readonly kind: "slow_close"; readonly delayMs: number };
