/** Whether a receive that was aborted although nobody here asked for it is posted again. */
import type { Operation } from "./operation.ts"

/** How often in a row. */
const most = 16

export class Reposts {
  private count = 0
  private explained = 0

  /** One has succeeded. */
  reset(): void {
    this.count = 0
  }

  /** Says so, and counts it. */
  allow(operation: Operation): boolean {
    if (!operation.unasked) return false
    const { cancellations, engine } = operation.endpoint
    // cancelling one receive of a stream ends all of them on Windows: that is nobody else's doing
    if (cancellations !== this.explained) {
      this.explained = cancellations
      this.count = 0
    }
    if (this.count === most) return false
    this.count++
    engine.counters.reposted++
    return true
  }
}
