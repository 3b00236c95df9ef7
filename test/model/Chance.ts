/** Seeded chance (mulberry32): the same numbers for the same seed. */
export class Chance {
  private state: number
  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** An integer in [0, below). */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below)
  }

  percent(percent: number): boolean {
    return percent > 0 && this.below(100) < percent
  }

  one<T>(list: ReadonlyArray<T>): T {
    return list[this.below(list.length)]
  }

  /** One of the keys, each as likely as its weight says. */
  weighted<K extends string>(weights: { readonly [P in K]: number }): K {
    const keys = Object.keys(weights) as Array<K>
    let at = this.below(keys.reduce((sum, key) => sum + weights[key], 0))
    for (const key of keys) {
      at -= weights[key]
      if (at < 0) return key
    }
    return keys[0]
  }

  shuffled<T>(list: ReadonlyArray<T>): Array<T> {
    const out = list.slice()
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = out[i]
      out[i] = out[j]
      out[j] = item
    }
    return out
  }
}
