/** One run of the model test: a seed in, what went wrong out. */
import type { Winsock } from "@effect-winsock/core"
import { MockTrace } from "@effect-winsock/mock"
import * as Effect from "effect/Effect"
import type { Happenings } from "./Oracle.ts"
import { judge, nothing } from "./Oracle.ts"
import { planOf } from "./Plan.ts"
import { Driver } from "./Driver.ts"
import type { World } from "./World.ts"

export interface Outcome {
  readonly seed: number
  /** What went wrong; nothing if the run was clean. */
  readonly problems: ReadonlyArray<string>
  readonly happened: Happenings
  /** All that the kernel saw and the program did, line by line; only of a run that is to be told. */
  readonly story: ReadonlyArray<string>
}

const storyOf = (world: World, trace: ReadonlyArray<MockTrace.Event>): ReadonlyArray<string> => {
  const lines = [`plan ${JSON.stringify(world.plan)}`]
  let next = 0
  trace.forEach((event, at) => {
    for (; next < world.log.length && world.log[next].at <= at; next++) lines.push(`  ${world.log[next].text}`)
    lines.push(MockTrace.format(event))
  })
  for (; next < world.log.length; next++) lines.push(`  ${world.log[next].text}`)
  return lines
}

export const run = async (seed: number, tell = false, completion?: Winsock.Completion): Promise<Outcome> => {
  const driver = new Driver(planOf(seed, completion), tell)
  const { world } = driver
  try {
    world.begin()
    for (let i = 0; i < world.plan.steps; i++) await driver.step()
    await driver.end()
  } catch (error) {
    world.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  const trace = Effect.runSync(world.mock.trace)
  const { happened, problems } =
    world.problems.length > 0 ? { happened: nothing(), problems: world.problems } : judge(world, trace)
  return { seed, problems, happened, story: tell ? storyOf(world, trace) : [] }
}
