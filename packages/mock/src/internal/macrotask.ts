const loop = globalThis as unknown as {
  readonly setImmediate?: (task: () => void) => unknown
  readonly setTimeout: (task: () => void, delay: number) => unknown
}

/**
 * Runs a task from the event loop.
 */
export const macrotask: (task: () => void) => void =
  loop.setImmediate === undefined ? (task) => loop.setTimeout(task, 0) : (task) => loop.setImmediate!(task)
