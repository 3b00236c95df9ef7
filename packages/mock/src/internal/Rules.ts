/**
 * The rules that are installed, and the one place where packets are judged.
 */
import type { Chance, Change, Judge, Packet, Rule, Verdict } from "../MockRule.ts"
import type { Random } from "./Random.ts"

/** What the rules made of a packet. */
export interface Fate extends Change {
  readonly verdict: Verdict
}

interface Installed {
  readonly judges: ReadonlyArray<Judge>
}

const deliver: Verdict = { _tag: "Deliver" }

export class Rules {
  private readonly chance: Chance
  // newest first
  private installed: ReadonlyArray<Installed> = []

  constructor(random: Random) {
    this.chance = { below: (n) => random.below(n), next: () => random.below(resolution) / resolution }
  }

  /** Whether packets are judged at all: without a rule nothing is to be made for one. */
  get any(): boolean {
    return this.installed.length > 0
  }

  /** Installs rules, which are asked in their order, before all others. Returns what takes them away. */
  add(rules: ReadonlyArray<Rule>): () => void {
    const installed = { judges: rules.map((rule) => rule.begin(this.chance)) }
    this.installed = [installed, ...this.installed]
    return () => {
      this.installed = this.installed.filter((other) => other !== installed)
    }
  }

  judge(packet: Packet): Fate {
    const change: Change = { delay: 0, copies: [], payload: undefined }
    for (const { judges } of this.installed) {
      for (const judge of judges) {
        const verdict = judge(packet, change)
        if (verdict !== undefined) return { ...change, verdict }
      }
    }
    return { ...change, verdict: deliver }
  }
}

const resolution = 0x1_0000_0000
