// All rows, in the order of the report.
import type { Group } from "./model.ts"
import { group as cancel } from "./rows/cancel.ts"
import { group as close } from "./rows/close.ts"
import { group as names } from "./rows/names.ts"
import { group as options } from "./rows/options.ts"
import { group as overlapped } from "./rows/overlapped.ts"
import { group as ports } from "./rows/ports.ts"
import { group as recvMsg } from "./rows/recvMsg.ts"
import { group as routines } from "./rows/routines.ts"
import { group as sendMsg } from "./rows/sendMsg.ts"

export const groups: ReadonlyArray<Group> = [
  recvMsg,
  sendMsg,
  overlapped,
  ports,
  cancel,
  close,
  routines,
  options,
  names
]

export const rows = groups.flatMap((group) => group.rows)
