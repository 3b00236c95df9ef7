/** The options of AF_UNIX connections and servers, checked: a part of TCP's, and what becomes of the server's file. */
import type { Options as TcpServerOptions } from "../TcpServer.ts"
import type { ConnectOptions } from "../TcpSocket.ts"
import type { Options as ServerOptions } from "../UnixServer.ts"
import type { Options } from "../UnixSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, refuseChoice, refuseOptions } from "./checks.ts"
import type { ListenerOptions } from "./listener.ts"
import type { StreamOptions } from "./tcpOptions.ts"
import { checkConnect, checkListen } from "./tcpOptions.ts"

// TCP's options mean nothing here, whatever they are
const plain = (options: Options): Options => {
  if (!isRecord(options)) return options
  const withoutTcp: ConnectOptions & TcpServerOptions = {
    ...options,
    noDelay: undefined,
    keepAlive: undefined,
    urgentInline: undefined,
    local: undefined,
    reuseUnicastPort: undefined,
    firstBytes: undefined,
    attemptDelay: undefined,
    initialRto: undefined,
    reuseAddress: undefined,
    ipv6Only: undefined
  }
  return withoutTcp
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
  const { keepFile, replace, ...rest } = options
  const checked = checkListen(plain(rest))
  if (checked instanceof WinsockErrors.WinsockError) return checked
  const unknown = refuseChoice(choices, { keepFile, replace })
  if (unknown !== undefined) return unknown
  return { ...checked, replace: replace === true, keepFile: keepFile === true }
}
