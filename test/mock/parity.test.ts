// What the comparison of both providers stands on: scenarios that the seed alone decides, laws that hold in each, and names
// for all differences.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { divergences, parityDivergences } from "../conformance/divergences.ts"
import { compare, shortened, sideBySide } from "../parity/Compare.ts"
import { differences } from "../parity/differences.ts"
import { scenarioOf } from "../parity/Generate.ts"
import { plainOf } from "../parity/Plain.ts"
import { runSimulated } from "../parity/Providers.ts"
import { textOf } from "../parity/Run.ts"
import { calls, kinds, type Outcome } from "../parity/Steps.ts"

const seeds = Array.from({ length: 300 }, (_, i) => i + 1)

const tellings = (outcomes: ReadonlyArray<Outcome>, operation: number): number =>
  outcomes.flatMap(({ ended }) => ended).filter((end) => end.operation === operation).length

describe("scenarios of parity", () => {
  it("cover all calls, all kinds of sockets and both ways of completion", () => {
    const scenarios = seeds.flatMap((seed) => [scenarioOf(seed), plainOf(seed)])
    const used = new Set(scenarios.flatMap(({ steps }) => steps.map(({ call }) => call)))
    assert.deepStrictEqual(
      calls.filter((call) => !used.has(call)),
      []
    )
    assert.deepStrictEqual(new Set(scenarios.flatMap(({ sockets }) => sockets)), new Set(kinds))
    assert.deepStrictEqual(new Set(scenarios.map(({ way }) => way)), new Set(["port", "event"]))
  })

  it.effect("give the same trace twice", () =>
    Effect.gen(function* () {
      for (const scenario of seeds.slice(0, 50).flatMap((seed) => [scenarioOf(seed), plainOf(seed)])) {
        const [once, again] = [yield* runSimulated(scenario), yield* runSimulated(scenario)]
        assert.deepStrictEqual(again.map(textOf), once.map(textOf))
      }
    })
  )

  it.effect("end every operation that was taken exactly once, and no other but what cuts a datagram", () =>
    Effect.gen(function* () {
      let taken = 0
      for (const scenario of seeds.slice(0, 140).flatMap((seed) => [scenarioOf(seed), plainOf(seed)])) {
        const outcomes = yield* runSimulated(scenario)
        for (const { call } of outcomes) {
          const [, number, how] = /: o(\d+) (taken|refused \d+)/.exec(call) ?? []
          if (number === undefined) continue
          const cut = how === "refused 10040" && tellings(outcomes, Number(number)) === 1
          const wanted = how === "taken" || cut ? 1 : 0
          assert.strictEqual(
            tellings(outcomes, Number(number)),
            wanted,
            `seed ${scenario.seed}: ${outcomes.map(textOf).join("\n")}`
          )
          taken += wanted
        }
        for (const line of outcomes.map(textOf)) assert.notMatch(line, /AGAIN|still pending|of nobody|of another/)
      }
      assert.isAbove(taken, 500)
    })
  )
})

describe("differences of parity", () => {
  it("belong to divergences that are named, and each of those has a difference", () => {
    const known = new Set([...divergences, ...parityDivergences].map(({ id }) => id))
    for (const { divergence, name } of differences) assert.isTrue(known.has(divergence), `${name}: ${divergence}`)
    const used = new Set(differences.map(({ divergence }) => divergence))
    assert.deepStrictEqual(
      parityDivergences.filter(({ id }) => !used.has(id)),
      []
    )
    assert.strictEqual(new Set(parityDivergences.map(({ id }) => id)).size, parityDivergences.length)
  })

  const outcome = (call: string): Outcome => ({ call, ended: [] })

  it("are accepted to the very code, and end the comparison where the two are in different states", () => {
    const steps = ["udp4 s1 listen 1: 10022", "tcp4 s1 AcceptEx into s2 0: o1 taken", "udp4 s1 bind any: ok"]
    const mock = ["udp4 s1 listen 1: 10045", "tcp4 s1 AcceptEx into s2 0: o1 refused 10022", "udp4 s1 bind any: ok"]
    assert.deepStrictEqual(compare(steps.map(outcome), mock.map(outcome)), {
      same: 0,
      notCompared: 1,
      named: ["listen of an unbound datagram socket", "AcceptEx of a socket that does not listen"],
      unnamed: undefined
    })
    const other = compare([outcome("udp4 s1 listen 1: 10022")], [outcome("udp4 s1 listen 1: 10014")])
    assert.strictEqual(other.unnamed, 0)
    const turned = compare([outcome("udp4 s1 listen 1: 10045")], [outcome("udp4 s1 listen 1: 10022")])
    assert.strictEqual(turned.unnamed, 0)
  })

  it("forgive the field that they name, and nothing beside it", () => {
    const told = (native: string, mock: string) => compare([outcome(native)], [outcome(mock)])
    const peek = "udp4 s1 recv 10 peek: "
    assert.deepStrictEqual(told(`${peek}ok 1 "a" flags 2`, `${peek}ok 1 "a"`).named, ["flags of a peek"])
    assert.strictEqual(told(`${peek}ok 1 "a" flags 2`, `${peek}ok 1 "b"`).unnamed, 0)
    assert.strictEqual(told(`${peek}ok 2 "ab" flags 2`, `${peek}ok 1 "a"`).unnamed, 0)
    const close = "udp4 s1 closesocket: ok | o1 recv ends "
    assert.deepStrictEqual(told(`${close}8000000a 0 ""`, `${close}c0000120 0 ""`).named, [
      "status of what a close ends"
    ])
    assert.strictEqual(told(`${close}8000000a 0 ""`, `${close}c0000120 1 "a"`).unnamed, 0)
    const ttl = "udp4 s1 getsockopt IP_TTL in 4: ok 4 "
    assert.deepStrictEqual(told(`${ttl}40000000`, `${ttl}80000000`).named, ["defaults of the system"])
    assert.strictEqual(told(`${ttl}40000000`, `${ttl}07000000`).unnamed, 0)
  })

  it("end the comparison at the first that has no name, whatever follows", () => {
    const [native, mock] = [
      ["tcp4 s1 bind any: ok", "tcp4 s1 accept: 10022", "tcp4 s1 bind any: 10022"],
      ["tcp4 s1 bind any: ok", "tcp4 s1 accept: 10035", "tcp4 s1 bind any: 10022"]
    ]
    assert.deepStrictEqual(compare(native.map(outcome), mock.map(outcome)), {
      same: 1,
      notCompared: 1,
      named: [],
      unnamed: 1
    })
  })

  it.effect("without a name are shown with as few steps as bring them about", () =>
    Effect.gen(function* () {
      const scenario = scenarioOf(3)
      const short = yield* shortened(scenario, ({ steps }) =>
        Effect.succeed(steps.some(({ call }) => call === "recvmsg"))
      )
      assert.deepStrictEqual(
        short.steps.map(({ call }) => call),
        ["recvmsg"]
      )
      const text = sideBySide(short, [outcome("a: ok")], [outcome("a: 10022")])
      assert.include(text, "PARITY_SEED=3")
      assert.include(text, "native a: ok")
      assert.include(text, "mock   a: 10022")
    })
  )
})
