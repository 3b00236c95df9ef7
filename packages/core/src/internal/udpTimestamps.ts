/**
 * Timestamps of datagrams: switched on when a socket is opened, and those of sent ones asked for by number.
 *
 * Source: the page "Winsock timestamping": there is no way to wait for a timestamp of a sent datagram, an overlapped
 * `SIO_GET_TX_TIMESTAMP` answers at once, too.
 */
import { TIMESTAMPING_FLAG_RX, TIMESTAMPING_FLAG_TX } from "@effect-winsock/schema/Flags"
import { SIO_GET_TX_TIMESTAMP, SIO_TIMESTAMPING } from "@effect-winsock/schema/Ioctls"
import { TIMESTAMPING_CONFIG } from "@effect-winsock/schema/Structs"
import { WSAEOPNOTSUPP, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { TimestampCapabilities } from "../UdpCapabilities.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isWithin } from "./checks.ts"
import type { Timestamps } from "./datagramOptions.ts"
import type { Engine } from "./engine.ts"
import type { SocketCalls } from "./socketCalls.ts"

const none: TimestampCapabilities = { receive: false, transmit: false }

/** Switches on what is wished for; without what is required there is an error. */
export const enable = (on: SocketCalls, wished: Timestamps): TimestampCapabilities | WinsockError => {
  const { buffered, receive, transmit } = wished
  if (receive === undefined && transmit === undefined) return none
  const { calls, scratch, seam } = on.engine
  const at = TIMESTAMPING_CONFIG.offsets[seam.abi]
  const size = TIMESTAMPING_CONFIG.size[seam.abi]
  scratch.bytes.fill(0, 0, size)
  const flags = (receive === undefined ? 0 : TIMESTAMPING_FLAG_RX) | (transmit === undefined ? 0 : TIMESTAMPING_FLAG_TX)
  scratch.view.setUint32(at.Flags, flags, true)
  scratch.view.setUint16(at.TxTimestampsBuffered, buffered, true)
  const told = scratch.address + size
  if (calls.WSAIoctl(on.socket, SIO_TIMESTAMPING, scratch.address, size, 0, 0, told, 0, 0) === 0) {
    return { receive: receive !== undefined, transmit: transmit !== undefined }
  }
  const missing = receive === "required" ? "receive" : transmit === "required" ? "transmit" : undefined
  return missing === undefined ? none : WinsockErrors.featureMissing("WSAIoctl", `timestamps.${missing}`)
}

const operation = "WSAIoctl"

/** When it is looked for a timestamp, in milliseconds after the look before: a little more often than in the sample. */
const pauses = [1, 2, 4, 8, 16, 32, 64] as const

/** Asks for the timestamps of one socket's sent datagrams. */
export class TransmitTimestamps {
  private readonly engine: Engine
  private readonly socket: () => SocketCalls | undefined
  private readonly enabled: boolean
  // what ends the waits when the socket is closed
  private readonly waits = new Set<() => void>()

  /** `socket` gives nothing once it is closed. */
  constructor(engine: Engine, socket: () => SocketCalls | undefined, enabled: boolean) {
    this.engine = engine
    this.socket = socket
    this.enabled = enabled
  }

  /** Takes the timestamp of the datagram that was sent with the id. */
  take(id: number): Effect.Effect<bigint, WinsockError> {
    return Effect.suspend(() => {
      if (!isWithin(id, 0, 0xffff_ffff)) {
        return Effect.fail(WinsockErrors.invalidArgument(operation, "id", id, "an integer from 0 to 4294967295"))
      }
      if (!this.enabled) return Effect.fail(WinsockErrors.featureMissing(operation, "timestamps.transmit"))
      return Effect.callback<bigint, WinsockError>((resume) => this.wait(id, resume))
    })
  }

  /** Ends all waits. */
  close(): void {
    // whoever is resumed may ask again, which is refused
    const waits = Array.from(this.waits)
    for (const end of waits) end()
  }

  private wait(id: number, resume: (effect: Effect.Effect<bigint, WinsockError>) => void): Effect.Effect<void> {
    const { engine, waits } = this
    let looks = 0
    let withdraw: (() => void) | undefined
    const end = (): void => {
      withdraw?.()
      waits.delete(aborted)
      engine.pump.release()
    }
    const finish = (effect: Effect.Effect<bigint, WinsockError>): void => {
      end()
      resume(effect)
    }
    const aborted = (): void => finish(Effect.fail(WinsockErrors.operationAborted(operation)))
    const step = (): void => {
      withdraw = undefined
      const found = this.look(id)
      if (found !== WSAEWOULDBLOCK || looks === pauses.length) {
        return finish(typeof found === "bigint" ? Effect.succeed(found) : Effect.fail(failure(found)))
      }
      withdraw = engine.seam.host.schedule(step, pauses[looks++])
    }
    engine.pump.retain()
    waits.add(aborted)
    // the first look is from the top of the event loop, too: what was taken is gone from the system, and a fiber that
    // yields with it in hand could be interrupted there
    withdraw = engine.seam.host.schedule(step)
    return Effect.sync(end)
  }

  // the counter, or the code
  private look(id: number): bigint | number | WinsockError {
    const on = this.socket()
    if (on === undefined) return WinsockErrors.socketClosed(operation)
    const { calls, scratch } = this.engine
    const { address, view } = scratch
    view.setUint32(0, id, true)
    const rc = calls.WSAIoctl(on.socket, SIO_GET_TX_TIMESTAMP, address, 4, address + 8, 8, address + 16, 0, 0)
    return rc === 0 ? view.getBigUint64(8, true) : calls.WSAGetLastError()
  }
}

const failure = (found: number | WinsockError): WinsockError =>
  typeof found !== "number"
    ? found
    : found === WSAEOPNOTSUPP
      ? WinsockErrors.featureMissing(operation, "timestamps.transmit")
      : WinsockErrors.fromCode(operation, found, "datagram")
