// planted faults in how a socket's receives are posted, cancelled, released and handed over
const file = "packages/core/src/internal/datagrams.ts"
const receives = "packages/core/src/internal/receives.ts"
const messages = "packages/core/src/internal/messages.ts"
const waiters = "packages/core/src/internal/waiters.ts"
const delivery = "test/both/laws/delivery.test.ts"
const bounds = "test/both/laws/bounds.test.ts"
const cancelling = "test/both/laws/cancelling.test.ts"
const closing = "test/both/laws/closing.test.ts"
const handingOver = "test/both/laws/handing-over.test.ts"
const hostile = "test/both/laws/hostile.test.ts"
const model = "test/model/model.test.ts"

export default [
  {
    name: "slot freed at cancel time",
    why: "the kernel still writes into the slot until the cancelled operation has completed",
    find: `    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
`,
    replace: `    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
    this.order.remove(newest)
    this.endCancelling(newest)
    this.letGo()
    this.slots.release(newest)
    engine.mark(this)
`,
    caughtBy: [model]
  },
  {
    name: "interruption ends before the completion",
    why: "an interruption has ended when the operation that it cancelled was seen to complete",
    find: `    this.settlers[newest] = settled
`,
    replace: `    settled(Effect.void)
    engine.pump.release()
`,
    caughtBy: [cancelling]
  },
  {
    name: "release in dequeue order",
    file: receives,
    why: "packets are dequeued out of order, so results leave from the head of the posting order only",
    find: `    slots.state[slot] = DONE
    this.done++
`,
    replace: `    this.order.remove(slot)
    this.toInbox(slot)
`,
    caughtBy: [model]
  },
  {
    name: "receive without the yield guard",
    file: waiters,
    why: "an interruption that meets Effect's own yield drops the value in hand",
    find: `    if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => self)
`,
    replace: "",
    caughtBy: [handingOver]
  },
  {
    name: "ready path below the fewest steps",
    file: waiters,
    why: "where a fiber yields after a few steps there is no room for a value in hand at all",
    find: `    if (most < fewestSteps) return Effect.callback<A, E>((resume) => park(resume, self, true))
`,
    replace: `    if (most < fewestSteps) return ready() ?? Effect.callback<A, E>((resume) => park(resume, self, true))
`,
    caughtBy: [handingOver]
  },
  {
    name: "message assigned to a waiter before its resume",
    why: "a resume runs the fiber inline, and it may interrupt the next waiter, which then has a message already",
    file: waiters,
    find: `      this.leave(waiter)
      waiter.resume(server.give(waiter.request))`,
    replace: `      this.leave(waiter)
      const given = server.give(waiter.request)
      Promise.resolve().then(() => waiter.resume(given))`,
    caughtBy: [model]
  },
  {
    name: "oldest cancelled instead of newest",
    why: "the oldest is about to be released; cancelling it stalls all behind it",
    find: "const newest = this.active.tail",
    replace: "const newest = this.active.head",
    caughtBy: [cancelling]
  },
  {
    name: "double cancel",
    why: "one interruption makes at most one cancel call",
    find: `    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
`,
    replace: `    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
`,
    caughtBy: [cancelling]
  },
  {
    name: "cancel although others want the receive",
    why: "nothing is cancelled when the receives posted are no more than those who wait, or the look-ahead",
    find: "if (newest === -1 || this.wanted() >= 0) return settled(Effect.void)",
    replace: "if (newest === -1) return settled(Effect.void)",
    caughtBy: [cancelling]
  },
  {
    name: "inbox forgotten in the invariant",
    file: receives,
    why: "results in hand count: else the look-ahead takes the whole kernel buffer, and nobody wants it",
    find: " - this.done - this.inbox.length",
    replace: " - this.done",
    caughtBy: [model]
  },
  {
    name: "results not yet released forgotten in the invariant",
    file: receives,
    why: "a result that waits for an older receive is in hand as well",
    find: " - this.done - this.inbox.length",
    replace: " - this.inbox.length",
    caughtBy: [model]
  },
  {
    name: "maxPosted ignored",
    file: receives,
    why: "a thousand waiters need no thousand posted receives",
    find: `      this.active.length < maxPosted &&
`,
    replace: "",
    caughtBy: [cancelling]
  },
  {
    name: "cancelled receives without a bound",
    file: receives,
    why: "a storm of interruptions must not grow the memory without end",
    find: ` &&
      this.inKernel < 2 * maxPosted
`,
    replace: "\n",
    caughtBy: [bounds]
  },
  {
    name: "sentinel left out",
    file: "packages/core/src/internal/completion.ts",
    why: "after a synchronous WSAEMSGSIZE a packet may never follow",
    find: "return calls.PostQueuedCompletionStatus(port, 0, owner.key + 1, overlapped) === 0 ? UNKNOWN : SENTINEL_COMES",
    replace: "return SENTINEL_COMES",
    caughtBy: [model]
  },
  {
    name: "WSAEMSGSIZE taken for the end of the operation",
    file: receives,
    why: "a packet may follow, for a slot that is somebody else's by then",
    find: "if (code !== 0 && code !== WSA_IO_PENDING && code !== WSAEMSGSIZE) return",
    replace: "if (code !== 0 && code !== WSA_IO_PENDING) return",
    caughtBy: [model]
  },
  {
    name: "WSAEMSGSIZE always has its packet",
    file: receives,
    why: "whether it has differs by system: the slot stays the kernel's until the sentinel has come as well",
    find: "    else slots.owed[slot] = SENTINEL\n",
    replace: "    else this.letGo()\n",
    caughtBy: [model]
  },
  {
    name: "packet of an operation that is pending",
    file: receives,
    why: "the kernel writes the status before it queues its packet: this one is somebody else's",
    find: `    // somebody else's packet: the kernel writes the status before it queues its own
    if (status === STATUS_PENDING) return true
`,
    replace: "",
    caughtBy: [hostile]
  },
  {
    name: "SOCKET used after it was closed",
    why: "the number is reused at once: a second closesocket closes a stranger's",
    find: `    this.socket = -1
    this.cancelAll()`,
    replace: "    this.cancelAll()",
    caughtBy: [closing]
  },
  {
    name: "closesocket before the drain",
    why: "pending operations refer to the SOCKET until they have completed",
    find: "} else if (this.state === CLOSING && this.inKernel === 0 && this.sends.pending === 0) this.finishClose()",
    replace: "} else if (this.state === CLOSING) this.finishClose()",
    caughtBy: [model]
  },
  {
    name: "close without a cancel",
    why: "receives that nobody answers stay pending for ever",
    find: "      if (this.active.length + this.sends.pending > 0) engine.cancel(this.socket as SocketHandle, 0)\n",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "discarded messages not counted",
    why: "what nobody took when the socket closed is not lost without a trace",
    find: "      if (slots.code[inbox.head] === 0) dropped += this.piecesLeft(inbox.head)\n",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "unasked abort told to the waiter",
    file: receives,
    why: "somebody else's CancelIo is no reason for a receive to fail",
    find: "const unasked = status === STATUS_CANCELLED && this.reposts < mostReposts",
    replace: "const unasked = false",
    caughtBy: [closing]
  },
  {
    name: "unasked abort posted again for ever",
    file: receives,
    why: "a provider that aborts everything must not keep the event loop busy without end",
    find: "const unasked = status === STATUS_CANCELLED && this.reposts < mostReposts",
    replace: "const unasked = status === STATUS_CANCELLED",
    caughtBy: [bounds]
  },
  {
    name: "truncation told by the flag alone",
    file: messages,
    why: "a provider may say STATUS_BUFFER_OVERFLOW and set no MSG_TRUNC",
    find: "return (flags & MSG_TRUNC) !== 0 || (overflow && (flags & MSG_CTRUNC) === 0)",
    replace: "return (flags & MSG_TRUNC) !== 0",
    caughtBy: [handingOver]
  },
  {
    name: "byte count trusted",
    file: messages,
    why: "a count beyond the buffer reads the memory of other slots",
    find: "return Math.min(count, this.shape.payloadCapacity)",
    replace: "return count",
    caughtBy: [hostile]
  },
  {
    name: "batch without a limit",
    why: "a pull gives at most what it was asked for",
    find: "    while (batch.length < limit && inbox.head !== -1) {",
    replace: "    while (inbox.head !== -1) {",
    caughtBy: [model]
  },
  {
    name: "error that ends a batch drops it",
    why: "the messages before an error are returned first, and the error is the next",
    find: "      if (batch.length > 0 && this.codeOf(inbox.head) !== 0) return batch\n",
    replace: "",
    caughtBy: [model]
  },
  {
    name: "receive at once past those in flight",
    why: "what a call finds now is next in order only if no receive is in the kernel or waits to be released",
    find: "return this.hot && this.order.head === -1 && !this.options.coalescing ?",
    replace: "return this.hot && !this.options.coalescing ?",
    caughtBy: [model]
  },
  {
    name: "receive at once past older waiters",
    why: "who waited longer comes first",
    find: "const result = this.line.length === 0 ? now() : undefined",
    replace: "const result = now()",
    caughtBy: [handingOver]
  },
  {
    name: "nothing posted after waiters were served",
    why: "those who still wait, and the look-ahead, are owed receives",
    find: `    this.line.serve(this)
    this.fill()
`,
    replace: `    this.line.serve(this)
`,
    caughtBy: [model]
  },
  {
    name: "flags of the last use kept",
    file: messages,
    why: "WSARecvMsg takes dwFlags as input: MSG_TRUNC left there makes the next call fail",
    find: "    view.setUint32(at + this.flags, 0, true)\n",
    replace: "",
    caughtBy: [model]
  },
  {
    name: "results of the turn forgotten at close",
    why: "a fiber that was resumed in the same turn may close a socket whose results are not released yet",
    find: `    this.releaseHead()
    if (this.socket !== -1) {`,
    replace: "    if (this.socket !== -1) {",
    caughtBy: [hostile]
  },
  {
    name: "cancellation without a grace period",
    why: "a provider that refuses to cancel must not keep the fiber for ever",
    find: "epoch - slots.epoch[slot] >= graceSteps) expired = true",
    replace: "epoch - slots.epoch[slot] >= graceSteps) expired = false",
    caughtBy: [closing]
  },
  {
    name: "starved waiters wait",
    why: "a receive for which there is no memory fails, for nothing will ever complete",
    find: "    else if (this.starved) this.line.fail(this.error(WSA_NOT_ENOUGH_MEMORY))\n",
    replace: "",
    caughtBy: [hostile]
  },
  {
    name: "a message given to a fiber that yields before its finalizer",
    why: "an interruption may have reached the fiber already, and what it is resumed with is dropped",
    file: waiters,
    find: "      if (waiter.hesitant) {",
    replace: "      if (false as boolean) {",
    caughtBy: [delivery]
  }
].map((mutant) => Object.assign({ file }, mutant))
