/** One process of a run: makes the cases on one provider, measures them, and prints what it found as JSON. */
import { make } from "./cases.ts"
import * as FakeSeam from "./fakeSeam.ts"
import type { Plan } from "./measure.ts"
import { measure } from "./measure.ts"
import * as MockMachine from "./mockMachine.ts"

/** What a process is told to do. */
export interface Order extends Plan {
  readonly provider: Provider
  /** Only cases whose name has this in it. */
  readonly only: string
}

const providers = {
  fake: FakeSeam.make,
  mock: MockMachine.make
}

export type Provider = keyof typeof providers

const order = JSON.parse(process.argv[2]) as Order
const machine = await providers[order.provider]()
const cases = await make(machine)
const chosen = cases.filter((of) => of.name.includes(order.only))
const measured = await measure(chosen, order, machine.counts)
for (const of of cases) await of.close()
process.stdout.write(JSON.stringify(measured))
