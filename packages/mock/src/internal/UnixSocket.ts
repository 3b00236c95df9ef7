/**
 * An AF_UNIX stream socket: a TCP socket's state, with paths for addresses.
 */
import type { Kernel } from "./Kernel.ts"
import * as SocketOptions from "./SocketOptions.ts"
import { TcpSocket } from "./TcpSocket.ts"

/** The port of whatever is bound to a path: one that no socket of IP has. */
export const pathPort = 65_536

export class UnixSocket extends TcpSocket {
  override readonly isUnix = true
  /** As it was bound, as bytes of UTF-8 do; empty while it has no name. */
  path = ""
  peerPath = ""

  constructor(kernel: Kernel, overlapped: boolean) {
    super(kernel, false, overlapped)
    // nothing is gathered for a network
    this.setOption(SocketOptions.NODELAY, 1)
  }

  override describe(): void {
    super.describe()
    const { paths } = this.connection!
    this.path = paths!.local
    this.peerPath = paths!.peer
  }
}

/** The socket that listens at a path. */
export const findListener = (kernel: Kernel, path: string): TcpSocket | undefined => {
  const socket = kernel.files.boundTo(path)
  // the file stays where its socket is gone, or was of a machine's life before
  return socket instanceof UnixSocket && socket.kernel === kernel && socket.handle !== 0 ? socket : undefined
}
