/**
 * Which machines are without power because of disturbances, and of how many: those of one machine may overlap.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

interface Network {
  crash(host: string): Effect.Effect<void>
  restart(host: string): Effect.Effect<void>
  isUp(host: string): Effect.Effect<boolean>
}

const all = new WeakMap<object, Outages>()

export class Outages {
  private readonly network: Network
  private readonly counts = new Map<string, number>()

  constructor(network: Network) {
    this.network = network
  }

  static of(network: Network): Outages {
    let outages = all.get(network)
    if (outages === undefined) all.set(network, (outages = new Outages(network)))
    return outages
  }

  /** Takes the power from a machine until the scope closes. */
  begin(host: string): Effect.Effect<void, never, Scope.Scope> {
    const { network } = this
    const end = Effect.suspend(() => {
      if (this.add(host, -1) > 0) return Effect.void
      return Effect.flatMap(network.isUp(host), (isUp) => (isUp ? Effect.void : network.restart(host)))
    })
    // in one step with the count, and who waits for the programs' end may be interrupted
    return Effect.andThen(
      Effect.acquireRelease(
        Effect.sync(() => this.add(host, 1)),
        () => end
      ),
      network.crash(host)
    )
  }

  private add(host: string, more: 1 | -1): number {
    const count = (this.counts.get(host) ?? 0) + more
    this.counts.set(host, count)
    return count
  }
}
