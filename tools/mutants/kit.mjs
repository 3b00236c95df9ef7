const steps = "packages/mock/src/internal/Steps.ts"
const site = "packages/mock/src/internal/CallSite.ts"
const guard = "packages/mock/src/internal/Guard.ts"
const kit = "packages/mock/src/MockTest.ts"
const expecting = "packages/mock/src/MockExpect.ts"

const time = "test/mock/kitTime.test.ts"
const sites = "test/mock/kitSites.test.ts"
const tests = "test/mock/kit.test.ts"
const expectations = "test/mock/kitExpect.test.ts"

export default [
  {
    file: steps,
    name: "time that goes by at once",
    why: "what becomes due on the way happens at its time",
    find: "clock.setTime(next(sleepers, now, end))",
    replace: "clock.setTime(end)",
    caughtBy: [time]
  },
  {
    file: site,
    name: "call sites with the library's own frames",
    why: "the user looks for a line of the user's program",
    find: "return at === -1 || !own.test(frame.slice(at + packages.length))",
    replace: "return true",
    caughtBy: [sites]
  },
  {
    file: guard,
    name: "operations without a place",
    why: "what the guard finds says where the operation was begun",
    find: "    if (this.sites) operation.site ??= new Site()\n",
    replace: "",
    caughtBy: [sites]
  },
  {
    file: kit,
    name: "the guard's findings do not fail a test",
    why: "a test that leaks or breaks a rule is wrong, whatever it asserts",
    find: 'guard === "strict" && found.violations.length > 0',
    replace: 'guard === "strict" && found.violations.length > 1000',
    caughtBy: [tests]
  },
  {
    file: kit,
    name: "the program's chance is not seeded",
    why: "a failure under a seed comes again under the same",
    find: "const scoped = Random.withSeed(Effect.scoped(made), seed)",
    replace: "const scoped = Effect.scoped(made)",
    caughtBy: [tests]
  },
  {
    file: kit,
    name: "seeds that change nothing",
    why: "what Windows leaves open is left to the seeds",
    find: "{ ...seeded, ...plan.options, seed }",
    replace: "{ ...plan.options, seed }",
    caughtBy: [tests]
  },
  {
    file: expecting,
    name: "a SOCKET number that stays closed for ever",
    why: "numbers are reused at once",
    find: "else if (makers.has(event.name)) closed.delete(`${event.host} ${event.result}`)",
    replace: "else if (makers.has(event.name)) continue",
    caughtBy: [expectations]
  },
  {
    file: expecting,
    name: "an expected order that may be any order",
    why: "each event comes after the one before it",
    find: "    if (next === selectors.length) return undefined\n",
    replace: "    if (selectors.every(({ matches }) => events.some(matches))) return undefined\n",
    caughtBy: [expectations]
  }
]
