// planted faults in the clock that goes by itself and in the explorer
const clock = "test/mock/clock.test.ts"
const explorer = "test/mock/explorer.test.ts"
const disturbances = "test/mock/disturbances.test.ts"

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
  },
  {
    name: "explorer: what shorter parts make superfluous",
    file: "packages/mock/src/internal/Shortening.ts",
    why: "a plan would keep parts that it needs only at its full length",
    find: "while (yield* halve()) yield* leaveOut(1)",
    replace: "yield* halve()",
    caughtBy: [explorer]
  },
  {
    name: "explorer: chance of all disturbances together",
    file: "packages/mock/src/MockDisturbance.ts",
    why: "leaving out one of them would change all others",
    find: "begin: (_, at) => rule.begin(chance, at)",
    replace: "begin: (own, at) => rule.begin(own, at)",
    caughtBy: [disturbances]
  },
  {
    name: "explorer: programs of host fail unheard",
    file: "packages/mock/src/MockExplorer.ts",
    why: "a server that dies would be a client that waits",
    find: "if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) Deferred.doneUnsafe(failed, exit)",
    replace: "if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) Deferred.doneUnsafe(failed, exit)",
    caughtBy: [explorer]
  },
  {
    name: "explorer: the network of a program that was given up",
    file: "packages/mock/src/MockExplorer.ts",
    why: "it would be there for good",
    find: "yield* Effect.exit(Scope.close(scope, exit))",
    replace: "yield* Effect.exit(Effect.succeed(exit))",
    caughtBy: [explorer]
  },
  {
    name: "explorer: payloads that differ",
    file: "packages/mock/src/internal/Difference.ts",
    why: "a program's own chance would show only where it changes what is done",
    find: "JSON.stringify([failure?.kind, failure?.name, failure?.message, time, trace])",
    replace:
      "JSON.stringify([failure?.kind, failure?.name, failure?.message, time, trace.map((event) => MockTrace.format(event))])",
    caughtBy: [explorer]
  },
  {
    name: "explorer: what a seed draws late is wrong",
    file: "packages/mock/src/MockExplorer.ts",
    why: "a misspelt host would be told after all seeds that do not draw it",
    find: "for (const seed of seeds) checkPlan(options, draw(seed, options))",
    replace: "checkPlan(options, draw(seeds[0], options))",
    caughtBy: [explorer]
  },
  {
    name: "explorer: a network that cannot be made",
    file: "packages/mock/src/MockExplorer.ts",
    why: "a mistake in the options would be a finding of the first seed",
    find: "if (network === undefined && Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {",
    replace: "if (false && Exit.isFailure(exit)) {",
    caughtBy: [explorer]
  },
  {
    name: "crashes: the first that ends starts the machine",
    file: "packages/mock/src/internal/Outages.ts",
    why: "a machine would be up in the middle of an outage",
    find: "if (this.add(host, -1) > 0) return Effect.void",
    replace: "if (this.add(host, -1) > 9) return Effect.void",
    caughtBy: [disturbances]
  },
  {
    name: "crashes: a machine that is up again crashes at the end",
    file: "packages/mock/src/internal/Outages.ts",
    why: "what the program has started would be lost",
    find: "isUp ? Effect.void : network.restart(host)",
    replace: "isUp ? network.restart(host) : network.restart(host)",
    caughtBy: [disturbances]
  },
  {
    name: "code of rules: what is not said",
    file: "packages/mock/src/internal/Code.ts",
    why: "a report could not be copied",
    find: "args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1)",
    replace: "args.slice(0, args.length - 1)",
    caughtBy: [disturbances]
  }
]
