/** The end of a connection by DisconnectEx, in its turn among the sends. */
import { TF_REUSE_SOCKET } from "@effect-winsock/schema/Flags"
import { ERROR_NOT_SUPPORTED } from "@effect-winsock/schema/WsaError"
import type { SocketHandle } from "../Seam.ts"
import type { Stream } from "./stream.ts"
import type { StreamSends } from "./streamSends.ts"
import { Turn } from "./streamTurn.ts"

export class DisconnectTurn extends Turn {
  readonly tears = false
  private readonly stream: Stream
  private readonly reuse: boolean
  private over = false

  constructor(stream: Stream, reuse: boolean) {
    super("DisconnectEx")
    this.stream = stream
    this.reuse = reuse
  }

  step(sends: StreamSends): number {
    if (this.over) return 0
    const socket = sends.stream.socket as SocketHandle
    const DisconnectEx = this.stream.provider.get("DisconnectEx", socket)
    if (DisconnectEx === undefined) return ERROR_NOT_SUPPORTED
    this.started = true
    const flags = this.reuse ? TF_REUSE_SOCKET : 0
    const code = sends.post(
      "DisconnectEx",
      undefined,
      (operation) => DisconnectEx(socket, operation.address, flags, 0) !== 0
    )
    if (code === 0) this.advance()
    return code
  }

  advance(): void {
    this.over = true
    this.stream.disconnected(this.reuse)
  }

  isComplete(): boolean {
    return this.over
  }

  value(): void {}
}
