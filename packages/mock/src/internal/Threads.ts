/**
 * Other threads of the simulated process, each in one call that may block it: an operation without an OVERLAPPED waits in
 * the socket's lists as any other does, and the thread returns in a turn after its end.
 */
import { STATUS_IO_TIMEOUT, toWsaError } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation } from "./Memory.ts"
import type { Operation } from "./Operation.ts"
import { ScheduledTask } from "./Turns.ts"

/** A call of another thread. */
export class Thread {
  readonly id: number
  /** Whether its call waits. */
  isBlocked = false
  /** What closesocket or a timeout ends its call with, instead of what its status says. */
  code = 0
  private readonly kernel: Kernel
  private readonly done: (result: number, lastError: number) => void
  private bytesAt = 0
  private timer: ScheduledTask | undefined = undefined

  constructor(kernel: Kernel, id: number, done: (result: number, lastError: number) => void) {
    this.kernel = kernel
    this.id = id
    this.done = done
  }

  /** Its call has to wait for the operation, for `timeout` milliseconds at most; 0 is without end. */
  block(operation: Operation, bytesAt: number, timeout: number): void {
    this.isBlocked = true
    this.bytesAt = bytesAt
    if (timeout === 0) return
    this.timer = new ScheduledTask(() => {
      if (operation.state !== "pending" && operation.state !== "cancelling") return
      this.code = sdk.WSAETIMEDOUT
      this.kernel.end(operation, STATUS_IO_TIMEOUT)
    })
    this.kernel.turns.after(timeout, this.timer)
  }

  /** The operation has ended. */
  end(status: number, bytes: number, result: number): void {
    this.timer?.withdraw()
    let code = status === 0 ? 0 : this.code !== 0 ? this.code : toWsaError(status)
    if (code === 0 && this.bytesAt !== 0) {
      try {
        this.kernel.memory.setU32(this.bytesAt, bytes)
      } catch (error) {
        if (!(error instanceof AccessViolation)) throw error
        code = sdk.WSAEFAULT
      }
    }
    this.kernel.turns.post(new ScheduledTask(() => this.done(code === 0 ? result : -1, code)))
  }

  /** Its socket is closed under it. */
  closed(): void {
    this.code = sdk.WSAEINTR
  }
}
