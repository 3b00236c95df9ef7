/**
 * What is pending on each socket, in the order in which it was begun: a socket that is closed or cancelled looks at its
 * own operations only, however many others there are.
 */
import type { Operation } from "./Operation.ts"
import type { Socket } from "./Socket.ts"

const isLinked = (operation: Operation): boolean =>
  operation.earlier !== undefined || operation.socket.firstPended === operation

/** One that is linked keeps its place. */
export const link = (operation: Operation): void => {
  if (isLinked(operation)) return
  const { socket } = operation
  const last = socket.lastPended
  operation.earlier = last
  operation.later = undefined
  if (last === undefined) socket.firstPended = operation
  else last.later = operation
  socket.lastPended = operation
}

/** One that is not linked is left alone. */
export const unlink = (operation: Operation): void => {
  const { earlier, later, socket } = operation
  if (!isLinked(operation)) return
  if (earlier === undefined) socket.firstPended = later
  else earlier.later = later
  if (later === undefined) socket.lastPended = earlier
  else later.earlier = earlier
  operation.earlier = undefined
  operation.later = undefined
}

export const pendedOn = (socket: Socket): ReadonlyArray<Operation> => {
  const found: Array<Operation> = []
  for (let operation = socket.firstPended; operation !== undefined; operation = operation.later) found.push(operation)
  return found
}
