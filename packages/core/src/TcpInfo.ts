/**
 * What the system counts of a TCP connection.
 *
 * @since 0.1.0
 */

/**
 * The names of a connection's states, by their numbers in `TCPSTATE`. Source: `mstcpip.h`.
 *
 * @category constants
 * @since 0.1.0
 */
export const states = [
  "Closed",
  "Listen",
  "SynSent",
  "SynReceived",
  "Established",
  "FinWait1",
  "FinWait2",
  "CloseWait",
  "Closing",
  "LastAck",
  "TimeWait"
] as const

/**
 * The state of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type State = (typeof states)[number]

/**
 * `TCP_INFO_v0`. Source: the page of `TCP_INFO_v0`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpInfo {
  /** `Unknown` for a number that the headers do not have. */
  readonly state: State | "Unknown"
  /** The maximum segment size, in bytes. */
  readonly mss: number
  /** How long ago the connection was made, in milliseconds. */
  readonly connectionTimeMs: number
  readonly timestampsEnabled: boolean
  /** Round-trip time as it is estimated now, in microseconds. */
  readonly rttUs: number
  /** The least that was sampled, in microseconds. */
  readonly minRttUs: number
  /** In bytes, as the rest. */
  readonly bytesInFlight: number
  readonly congestionWindow: number
  readonly sendWindow: number
  readonly receiveWindow: number
  readonly receiveBuffer: number
  readonly bytesOut: number
  readonly bytesIn: number
  readonly bytesReordered: number
  readonly bytesRetransmitted: number
  /** How often. */
  readonly fastRetransmits: number
  readonly duplicateAcksIn: number
  readonly timeoutEpisodes: number
  /** SYNs that were sent again, or that their answers were. */
  readonly synRetransmits: number
}
