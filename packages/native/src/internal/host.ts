// Node's event loop as the seam's host. Timers are real ones: a TestClock must not freeze the completion port.
import type { Host } from "@effect-winsock/core/Seam"
import process from "node:process"
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "node:timers"

// one listener however many layers there are: Node.js warns from the eleventh on. In a worker `process` is the
// worker's own, whose "exit" also comes for process.exit and uncaught errors there, but not for worker.terminate()
const exitTasks = new Set<{ readonly run: () => void }>()
const runExitTasks = () => {
  for (const task of exitTasks) task.run()
}
const addExitTask = (run: () => void): (() => void) => {
  const task = { run }
  if (exitTasks.size === 0) process.on("exit", runExitTasks)
  exitTasks.add(task)
  return () => {
    if (exitTasks.delete(task) && exitTasks.size === 0) process.off("exit", runExitTasks)
  }
}

const pollInterval = 10
const longestInterval = 0x7fff_ffff

export interface OwnedHost {
  readonly host: Host
  /** Withdraws what the host still holds. */
  readonly close: () => void
}

export const make = (): OwnedHost => {
  // the interval does nothing but exist
  const alive = setInterval(() => {}, longestInterval).unref()
  const removals = new Set<() => void>()
  return {
    host: {
      schedule(task, delay) {
        if (delay === undefined) {
          const immediate = setImmediate(task)
          return () => clearImmediate(immediate)
        }
        const timeout = setTimeout(task, delay).unref()
        return () => clearTimeout(timeout)
      },
      keepAlive(on) {
        if (on) alive.ref()
        else alive.unref()
      },
      onExit(task) {
        const remove = addExitTask(task)
        removals.add(remove)
        return () => {
          removals.delete(remove)
          remove()
        }
      },
      pollInterval
    },
    close() {
      clearInterval(alive)
      for (const remove of removals) remove()
    }
  }
}
