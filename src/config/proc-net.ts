const LISTEN = "0A";

/**
 * Inodes of the sockets that listen on the port, read from the text of `/proc/net/tcp` or `/proc/net/tcp6`.
 * Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html; ports are hexadecimal, state 0A is LISTEN.
 */
export function listeningInodes(table: string, port: number): readonly string[] {
  const inodes: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, localAddress, , state] = fields;
    const inode = fields[9];
    const hexPort = localAddress?.split(":")[1];
    if (state === LISTEN && inode !== undefined && hexPort !== undefined && Number.parseInt(hexPort, 16) === port) {
      inodes.push(inode);
    }
  }
  return inodes;
}
