// All rows, in the order of the report.
import type { Group } from "./model.ts"
import { group as cancel } from "./rows/cancel.ts"
import { group as close } from "./rows/close.ts"
import { group as interfaces } from "./rows/interfaces.ts"
import { group as multicast } from "./rows/multicast.ts"
import { group as names } from "./rows/names.ts"
import { group as options } from "./rows/options.ts"
import { group as optionTable } from "./rows/optionTable.ts"
import { group as overlapped } from "./rows/overlapped.ts"
import { group as ports } from "./rows/ports.ts"
import { group as raw } from "./rows/raw.ts"
import { group as recvMsg } from "./rows/recvMsg.ts"
import { group as routines } from "./rows/routines.ts"
import { group as sendMsg } from "./rows/sendMsg.ts"
import { group as acceptEx } from "./rows/acceptEx.ts"
import { group as tcpAccept } from "./rows/tcpAccept.ts"
import { group as tcpCancel } from "./rows/tcpCancel.ts"
import { group as tcpClose } from "./rows/tcpClose.ts"
import { group as tcpConnect } from "./rows/tcpConnect.ts"
import { group as tcpOptions } from "./rows/tcpOptions.ts"
import { group as tcpReceive } from "./rows/tcpReceive.ts"
import { group as tcpSend } from "./rows/tcpSend.ts"
import { group as transmitFile } from "./rows/transmitFile.ts"
import { group as wsaRecvMsg } from "./rows/wsaRecvMsg.ts"
import { group as unix } from "./rows/unix.ts"
import { group as wsaSend } from "./rows/wsaSend.ts"

const datagrams = [
  recvMsg,
  wsaRecvMsg,
  sendMsg,
  overlapped,
  ports,
  cancel,
  close,
  routines,
  options,
  optionTable,
  interfaces,
  multicast,
  raw
]

const streams = [
  tcpConnect,
  tcpAccept,
  acceptEx,
  tcpSend,
  wsaSend,
  tcpReceive,
  tcpCancel,
  tcpClose,
  transmitFile,
  tcpOptions
]

export const groups: ReadonlyArray<Group> = [...datagrams, ...streams, unix, names]

export const rows = groups.flatMap((group) => group.rows)
