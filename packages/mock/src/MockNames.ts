/**
 * What the simulated resolver knows: hosts by name, how long it takes, how it fails.
 *
 * It answers as DNS, a hosts file and the system's own names do together. Without being told it knows `localhost`, and
 * every machine of the network by its name.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * How asking for a host fails: `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`, `WSANO_DATA`, `WSANO_RECOVERY`, `WSAEREFUSED`.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = "HostNotFound" | "TryAgain" | "NoData" | "NameServerFailed" | "QueryRefused"

/**
 * A host. Its addresses are looked up by its name, and its name by each of its addresses (`GetNameInfoW`).
 *
 * @category models
 * @since 0.1.0
 */
export interface HostRecord {
  /**
   * In the order in which they are given out: `"10.0.0.1"`, `"fd00::1"`, `"fe80::1%4"`.
   *
   * @default none
   */
  readonly addresses?: ReadonlyArray<string> | undefined
  /**
   * What the name is an alias for.
   *
   * @default the name itself
   */
  readonly canonicalName?: string | undefined
  /** How long it takes to answer for this host, on Effect's `Clock`; by default `Options.latency`. */
  readonly latency?: Duration.Input | undefined
  /** Asking for it fails. */
  readonly failure?: Failure | undefined
  /**
   * Whether there is ever an answer. Without one a lookup of the name never ends by itself, and one of the address fails
   * with `WSATRY_AGAIN` after 12 seconds.
   *
   * @default true
   */
  readonly answers?: boolean | undefined
}

/**
 * What the resolver of a simulation knows, and how it behaves.
 *
 * **Example** (A name server that is slow with one name)
 *
 * ```ts
 * import { MockWinsock } from "@effect-winsock/mock"
 *
 * const layer = MockWinsock.layer({
 *   names: {
 *     hosts: {
 *       "db.example": ["10.0.0.5", "fd00::5"],
 *       "slow.example": { addresses: ["10.0.0.6"], latency: "2 seconds" },
 *       "gone.example": { failure: "NameServerFailed" }
 *     }
 *   }
 * })
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Hosts by name, or only their addresses. Names are not told apart by case or a dot at their end. */
  readonly hosts?: { readonly [name: string]: HostRecord | ReadonlyArray<string> } | undefined
  /**
   * How long an answer takes, on Effect's `Clock`, also that there is no such host.
   *
   * @default 0
   */
  readonly latency?: Duration.Input | undefined
  /**
   * What `GetAddrInfoExCancel` does: it ends the lookup at once, with `WSA_E_CANCELLED`, or the work goes on and the
   * lookup ends when it does, as the documentation warns. `"seeded"` leaves it to chance.
   *
   * @default "immediate"
   */
  readonly cancellation?: "immediate" | "ignored" | "seeded" | undefined
}
