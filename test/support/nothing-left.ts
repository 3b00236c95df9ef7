/** After each test file, whatever its tests were about: no engine is alive, and no simulated kernel. */
import { afterAll, assert, expect } from "vitest"

// suites of these rooms start nothing, and would load all this for nothing
const still = /[\\/]test[\\/](schema|check)[\\/]/

afterAll(async () => {
  if (still.test(expect.getState().testPath ?? "")) return
  // loaded by now by whoever started one
  const { live: engines } = await import("../../packages/core/src/internal/engine.ts")
  const { live: simulations } = await import("../../packages/mock/src/internal/Simulation.ts")
  assert.deepStrictEqual({ ...engines, ...simulations }, { engines: 0, simulations: 0 }, "what the suite left behind")
})
