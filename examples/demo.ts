/**
 * What a datagram can tell, and what an interruption does not lose. `npm run demo` plays it on the simulated ws2_32,
 * `npm run demo -- --native` on the real one.
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { native, simulated } from "./demo/stage.ts"
import { tell } from "./demo/story.ts"

const stage = process.env.EFFECT_WINSOCK_LAYER === "native" ? native : simulated

Effect.runPromise(Effect.scoped(Effect.flatMap(stage, tell))).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
