/**
 * Rules of a simulated network: what becomes of a packet on its way.
 *
 * A rule looks at each packet that leaves a machine. It may change what is to come of it (later, twice, damaged) and
 * pass it on to the next rule, or give a verdict, and then no other rule is asked. What was installed last is asked
 * first. A packet without a verdict is delivered, with all changes.
 *
 * @since 0.1.0
 */

/**
 * What a rule sees of a packet that leaves a machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Packet {
  /** Milliseconds of Effect's `Clock` since the simulation began. */
  readonly at: number
  /** The machine that it leaves, by name. */
  readonly from: string
  /**
   * The machine that has its destination, undefined where none has. A broadcast or multicast is judged for each machine
   * that it would reach: then it is that one.
   */
  readonly to: string | undefined
  readonly protocol: "UDP" | "TCP" | "ICMP" | "other"
  /** An address: `10.0.0.1`, `fd00::1`. */
  readonly source: string
  /** 0 where the protocol has none. */
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** Size of the IP packet in bytes, headers counted. */
  readonly size: number
  /** What the transport carries. Not to be changed: `change.payload` replaces it. */
  readonly payload: Uint8Array
  /** Of TCP: `SYN`, `FIN`, `RST`, `ACK`, `WINDOW`, `PROBE`; of all else empty. */
  readonly flags: ReadonlyArray<string>
  /** Bytes of the TCP stream in this direction that went before this segment's. */
  readonly offset: number
  /** How often TCP has sent it before. */
  readonly retransmissions: number
  /** What it leaves with; undefined for TCP, whose machines all say 128. */
  readonly hopLimit?: number | undefined
}

/**
 * What is to come of a packet so far. Rules change it in place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  /** Milliseconds that it takes, besides what routers take. */
  delay: number
  /** One for each copy that arrives too: milliseconds after the packet itself. */
  copies: Array<number>
  /** What arrives instead of the payload: a damaged packet. Its receiver drops it, as its checksum does not fit. */
  payload: Uint8Array | undefined
  /** Whether the checksum fits all the same, so that what is damaged is received. */
  undetected: boolean
}

/**
 * Why a packet is refused: what ICMP says.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = "network" | "host" | "protocol" | "port" | "hops"

/**
 * What becomes of a packet, for good.
 *
 * - `Deliver`: it arrives, with what was changed so far
 * - `Drop`: it does not, and nobody is told
 * - `Refuse`: it does not, and ICMP tells its sender why: destination unreachable, or time exceeded for `hops`. `by` is
 *   the address that says so: else the destination for `port` and `protocol`, and for all else the first router of the
 *   route, or the sender's own machine where there is none.
 * - `TooBig`: it does not, and ICMP tells its sender the MTU
 * - `Reset`: of a TCP connection, both ends get a RST; of all else as `Drop`
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Deliver" }
  | { readonly _tag: "Drop"; readonly reason: string }
  | { readonly _tag: "Refuse"; readonly failure: Failure; readonly by?: string | undefined }
  | { readonly _tag: "TooBig"; readonly mtu: number }
  | { readonly _tag: "Reset" }

/**
 * Decides about packets, one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export type Judge = (packet: Packet, change: Change) => Verdict | undefined

/**
 * Chance, from the seed of the simulation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chance {
  /** A number in [0, 1). */
  readonly next: () => number
  /** An integer in [0, n). */
  readonly below: (n: number) => number
}

/**
 * A rule. What it remembers (a queue, a count) begins anew each time it is installed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  /** All that it does, in a few words: `loss of 10 % (between client and server)`. */
  readonly description: string
  /** The hosts that it names. Where one is none of the simulation's, it is not installed. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Begins it; `at` is when, as `Packet.at` counts. */
  readonly begin: (chance: Chance, at: number) => Judge
}
