/** The options of AF_UNIX connections and servers, checked: a part of TCP's, and what becomes of the server's file. */
import type { Options as ServerOptions } from "../UnixServer.ts"
import type { Options } from "../UnixSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, refuseChoice, refuseOptions } from "./checks.ts"
import type { ListenerOptions } from "./listener.ts"
import type { StreamOptions } from "./tcpOptions.ts"
import { checkConnect, checkListen } from "./tcpOptions.ts"

// TCP's options mean nothing here
const plain = (options: Options): Options => {
  if (!isRecord(options)) return options
  const { cancel, chunkSize, closeTimeout, linger, receiveBuffer, sendBuffer, sendQueue } = options
  return { cancel, chunkSize, closeTimeout, linger, receiveBuffer, sendBuffer, sendQueue }
}

/** Reads the options of a connection, or says which is not what it must be. */
export const checkUnix = (options: Options): StreamOptions | WinsockError => {
  const checked = checkConnect(plain(options))
  return checked instanceof WinsockErrors.WinsockError ? checked : checked.stream
}

export interface UnixListenChecked extends ListenerOptions {
  readonly backlog: number
  readonly replace: boolean
  readonly keepFile: boolean
}

const flag = [true, false] as const
const choices = { replace: flag, keepFile: flag } as const satisfies {
  readonly [K in keyof ServerOptions]?: ReadonlyArray<unknown>
}

/** Reads the options of a server, or says which is not what it must be. */
export const checkUnixServer = (options: ServerOptions): UnixListenChecked | WinsockError => {
  const unread = refuseOptions(options)
  if (unread !== undefined) return unread
  const { acceptAhead, backlog, receiveLength } = options
  const checked = checkListen({ ...plain(options), acceptAhead, backlog, receiveLength })
  if (checked instanceof WinsockErrors.WinsockError) return checked
  const unknown = refuseChoice(choices, options)
  if (unknown !== undefined) return unknown
  return { ...checked, replace: options.replace === true, keepFile: options.keepFile === true }
}
