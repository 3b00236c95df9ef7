/**
 * The rules that are installed, and the one place where packets are judged.
 */
import type { Chance, Change, Judge, Packet, Rule, Verdict } from "../MockRule.ts"
import type { Random } from "./Random.ts"

/** What the rules made of a packet. */
export interface Fate extends Change {
  readonly verdict: Verdict
  /** The rule that gave the verdict, by its description. */
  readonly by: string
}

interface Begun {
  readonly judge: Judge
  readonly description: string
}

interface Installed {
  readonly rules: ReadonlyArray<Begun>
}

const deliver: Verdict = { _tag: "Deliver" }

export class Rules {
  private readonly chance: Chance
  private readonly now: () => number
  /** Hears what rules and faults throw. */
  readonly failed: (error: unknown) => void
  // newest first
  private installed: ReadonlyArray<Installed> = []

  constructor(random: Random, now: () => number, failed: (error: unknown) => void) {
    this.now = now
    this.failed = failed
    this.chance = { below: (n) => random.below(n), next: () => random.below(resolution) / resolution }
  }

  /** Whether packets are judged at all: without a rule nothing is to be made for one. */
  get any(): boolean {
    return this.installed.length > 0
  }

  /**
   * Installs rules, which are asked in their order, before all others. Returns what takes them away. Throws a RangeError
   * for one that names a host that is not among `hosts`.
   */
  add(rules: ReadonlyArray<Rule>, hosts: ReadonlyArray<string>): () => void {
    for (const { description, hosts: named = [] } of rules) {
      const unknown = named.find((name) => !hosts.includes(name))
      if (unknown !== undefined) throw new RangeError(`${description}: not a host of this network: ${unknown}`)
    }
    const begun = rules.map(({ begin, description }) => ({ judge: begin(this.chance, this.now()), description }))
    const installed = { rules: begun }
    this.installed = [installed, ...this.installed]
    return () => {
      this.installed = this.installed.filter((other) => other !== installed)
    }
  }

  judge(packet: Packet): Fate {
    const change: Change = { delay: 0, copies: [], payload: undefined, undetected: false }
    for (const { rules } of this.installed) {
      for (const rule of rules) {
        const verdict = this.ask(rule, packet, change)
        if (verdict !== undefined) return { ...change, verdict, by: rule.description }
      }
    }
    return { ...change, verdict: deliver, by: "" }
  }

  // the network goes on when a rule is broken: it is as if that one were not there
  private ask({ description, judge }: Begun, packet: Packet, change: Change): Verdict | undefined {
    const { copies, delay, payload, undetected } = change
    const before = { copies: copies.slice(), delay, payload, undetected }
    try {
      const verdict = judge(packet, change)
      const wrong = [change.delay, ...change.copies].find((time) => !(time >= 0 && Number.isFinite(time)))
      if (wrong !== undefined) throw new RangeError(`${description}: not a delay: ${wrong}`)
      return verdict
    } catch (error) {
      Object.assign(change, before)
      this.failed(error)
      return undefined
    }
  }
}

const resolution = 0x1_0000_0000
