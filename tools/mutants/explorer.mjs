// planted faults in the clock that goes by itself and in the explorer
const clock = "test/mock/clock.test.ts"
const explorer = "test/mock/explorer.test.ts"

export default [
  {
    name: "clock: polls are taken for hope",
    file: "packages/mock/src/internal/Loop.ts",
    why: "a deadlock would be found at maxTime only",
    find: "if (next === undefined || this.isDead())",
    replace: "if (next === undefined)",
    caughtBy: [clock]
  },
  {
    name: "explorer: the kind of failure while shortening",
    file: "packages/mock/src/MockExplorer.ts",
    why: "a plan would be shortened to one under which nothing fails",
    find: "const same = sameKind(one.failure, failure)",
    replace: "const same = true",
    caughtBy: [explorer]
  }
]
