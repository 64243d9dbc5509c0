/** Version of the frames between daemon and gateway (proto/reliant/v1/daemon.proto). Raised when an old side could no longer follow. */
export const PROTOCOL_VERSION = 1;
