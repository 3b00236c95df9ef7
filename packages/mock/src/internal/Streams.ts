/**
 * What a connection's news mean for its socket.
 */
import type { Connection } from "./Connection.ts"
import * as Accepting from "./Accepting.ts"
import * as Connecting from "./Connecting.ts"
import * as Disconnecting from "./Disconnecting.ts"
import type { StreamEvents } from "./Tcp.ts"
import * as TcpReceive from "./TcpReceive.ts"
import * as TcpSend from "./TcpSend.ts"

export const streams: StreamEvents = {
  arrived: Accepting.arrived,
  connected: ({ kernel, socket }) => {
    if (socket !== undefined) Connecting.connected(kernel, socket)
  },
  broken: (connection: Connection) => {
    const { failure, kernel, socket } = connection
    // in a backlog it stays for accept to tell of
    if (socket === undefined) return
    if (socket.acceptedBy !== undefined) return Accepting.failed(kernel, socket.acceptedBy, failure)
    if (connection.connectedAt === -1) return Connecting.failed(kernel, socket, failure)
    for (const list of [socket.receives, socket.sends, socket.controls]) {
      while (list.first !== undefined) kernel.end(list.first, failure)
    }
  },
  readable: (connection) => {
    const { kernel, socket } = connection
    if (socket === undefined) return
    if (socket.acceptedBy === undefined) TcpReceive.serve(kernel, socket, connection)
    else Accepting.advance(kernel, connection)
  },
  writable: (connection) => {
    const { kernel, socket } = connection
    if (socket !== undefined && socket.sends.size > 0) TcpSend.proceed(kernel, socket, connection)
  },
  ended: (connection) => {
    const { kernel, socket } = connection
    if (socket !== undefined && socket.controls.size > 0) Disconnecting.advance(kernel, socket, connection)
  },
  finished: (connection) => {
    const { kernel, socket } = connection
    if (socket !== undefined && socket.controls.size > 0) Disconnecting.finished(kernel, socket, connection)
  }
}
