// planted faults in how the two halves of a stream wait, are cancelled, end and are handed over
const core = "packages/core/src/internal/"
const receives = `${core}streamReceives.ts`
const requests = `${core}streamRequests.ts`
const sends = `${core}streamSends.ts`
const turn = `${core}streamTurn.ts`
const transmit = `${core}transmitTurn.ts`
const stream = `${core}stream.ts`
const endpoint = `${core}socketEndpoint.ts`
const operation = `${core}operation.ts`
const urgent = `${core}urgentReceives.ts`
const bytes = `${core}bytes.ts`
const reposts = `${core}reposts.ts`
const receiving = "test/both/laws/streamReceiving.test.ts"
const sending = "test/both/laws/streamSending.test.ts"
const closing = "test/both/laws/streamClosing.test.ts"
const files = "test/both/laws/streamFiles.test.ts"
const random = "test/both/tcp/random.test.ts"
const hostile = "test/both/laws/streamHostile.test.ts"

export default [
  {
    name: "stream: cancelled although others wait",
    why: "one receive of no bytes serves all who wait",
    file: receives,
    find: "if (this.line.length > 0 || operation === undefined || operation.state !== PENDING) return settled",
    replace: "if (operation === undefined || operation.state !== PENDING) return settled",
    caughtBy: [receiving]
  },
  {
    name: "stream: nothing is cancelled when the last waiter leaves",
    why: "a receive that nobody wants keeps its memory, and the pump looking",
    file: receives,
    find: "if (this.line.length > 0 || operation === undefined || operation.state !== PENDING) return settled(Effect.void)",
    replace: "return settled(Effect.void)",
    caughtBy: [receiving]
  },
  {
    name: "stream: an interruption ends before the completion",
    why: "an interruption has ended when the operation that it cancelled was seen to complete",
    file: endpoint,
    find: `    operation.settle = settle
    if (settle !== undefined) this.engine.pump.retain()
`,
    replace: `    settle?.(Effects.void)
`,
    caughtBy: [receiving]
  },
  {
    name: "stream: cancelled twice",
    why: "one interruption makes at most one cancel call",
    file: operation,
    find: `    endpoint.engine.cancel(endpoint.socket as SocketHandle, this.address)
`,
    replace: `    endpoint.engine.cancel(endpoint.socket as SocketHandle, this.address)
    endpoint.engine.cancel(endpoint.socket as SocketHandle, this.address)
`,
    caughtBy: [receiving]
  },
  {
    name: "stream: a lost race is not counted",
    why: "an operation that completed although it was being cancelled is a result like any",
    file: operation,
    find: "if (this.cancelled) engine.recovered(endpoint.number, this.name)",
    replace: "",
    caughtBy: [receiving]
  },
  {
    name: "stream: a pending operation's packet is taken for its end",
    why: "a packet that comes while the status says pending is somebody else's",
    file: operation,
    find: "if (status === STATUS_PENDING) return false",
    replace: "",
    caughtBy: [hostile]
  },
  {
    name: "stream: a byte count is believed",
    why: "what the kernel wrote is not trusted to be within what it was given",
    file: receives,
    find: "Math.min(scratch.view.getUint32(at + 16, true), room)",
    replace: "scratch.view.getUint32(at + 16, true)",
    caughtBy: [hostile]
  },
  {
    name: "stream: an abort that nobody asked for is an error",
    why: "another thread's CancelIo, or the cancellation of the other receive, ends no wait",
    file: receives,
    find: "else if (!this.reposts.allow(operation) && !operation.cancelled) this.failed(operation.code)",
    replace: "else if (!operation.cancelled) this.failed(operation.code)",
    caughtBy: [sending]
  },
  {
    name: "stream: a receive that this side cancelled is an error for all",
    why: "aborted by cause, not by code",
    file: receives,
    find: "!this.reposts.allow(operation) && !operation.cancelled)",
    replace: "!this.reposts.allow(operation))",
    caughtBy: [receiving]
  },
  {
    name: "stream: posted again without end",
    why: "what is aborted again and again for no reason must be told",
    file: reposts,
    find: "if (this.count === most) return false",
    replace: "",
    caughtBy: [hostile]
  },
  {
    name: "stream: this side's own cancellations count as unexplained",
    why: "cancelling one receive ends all of them on Windows, however often",
    file: reposts,
    find: `      this.explained = cancellations
      this.count = 0
`,
    replace: "",
    caughtBy: [hostile]
  },
  {
    name: "stream: an exact length takes what there is",
    why: "a request takes only when all that it asks for is there",
    file: requests,
    find: "isThere: (bytes) => bytes.length >= length,",
    replace: "isThere: (bytes) => bytes.length > 0,",
    caughtBy: [receiving]
  },
  {
    name: "stream: a delimiter that was cut is missed",
    why: "the search goes on where an occurrence may have begun",
    file: requests,
    find: "Math.max(0, bytes.consumed + bytes.length - delimiter.length + 1)",
    replace: "bytes.consumed + bytes.length",
    caughtBy: [receiving]
  },
  {
    name: "stream: the longest part is not bounded",
    why: "a peer that never sends the delimiter must not fill the memory",
    file: requests,
    find: "search(bytes) > 0 || bytes.length >= maxLength",
    replace: "search(bytes) > 0",
    caughtBy: [receiving]
  },
  {
    name: "stream: a closed block is written to",
    why: "its memory is freed, and may be another's",
    file: requests,
    find: "isThere: (bytes) => bytes.length > 0 || buffer.isClosed,",
    replace: "isThere: anything,",
    caughtBy: [receiving]
  },
  {
    name: "stream: a chunk that was begun is given out from its beginning",
    why: "bytes are given out once",
    file: bytes,
    find: "const rest = this.skip === 0 ? chunk : chunk.subarray(this.skip)",
    replace: "const rest = chunk",
    caughtBy: [receiving]
  },
  {
    name: "stream: a pull takes one chunk",
    why: "it takes all that is ready",
    file: requests,
    find: `  takesMore: (bytes) => bytes.chunkCount < mostChunks,
`,
    replace: "",
    caughtBy: [receiving]
  },
  {
    name: "stream: a loop of receives keeps the event loop",
    why: "other sockets, timers and fibers would wait for the end of a flood",
    file: receives,
    find: "if (engine.pump.direct-- <= 0) return -1",
    replace: "",
    caughtBy: [receiving]
  },
  {
    name: "stream: a loop of sends keeps the event loop",
    why: "the same, for sends that are all taken at once",
    file: sends,
    find: "if (engine.pump.direct-- > 0) return false",
    replace: "return false",
    caughtBy: [sending]
  },
  {
    name: "stream: a served fiber's close does not stop the serving",
    why: "the SOCKET may be closed: no call may be made on its number",
    file: receives,
    find: `    if (this.stream.state !== OPEN && request !== Requests.nothing) return false
`,
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: an interrupted send breaks nothing",
    why: "nothing may follow a torn message",
    file: sends,
    find: "if (failed && turn.tears && turn.started && !this.isBroken) {",
    replace: "if (failed && turn.tears && turn.started && !this.isBroken && !turn.interrupted) {",
    caughtBy: [sending]
  },
  {
    name: "stream: a send that waits breaks the stream",
    why: "one that has not had its turn is removed whole",
    file: sends,
    find: "if (!turn.started) {",
    replace: "if (!turn.started && this.line.head === turn) {",
    caughtBy: [sending]
  },
  {
    name: "stream: a torn message is closed by a FIN",
    why: "the peer would take it for all there was",
    file: stream,
    find: "if (sends.isBroken) return this.reset()",
    replace: "",
    caughtBy: [sending]
  },
  {
    name: "stream: a send begun before the wait that an interruption ends",
    why: "where the fiber yields between the two, nobody would take the send out of the line",
    file: `${core}waiters.ts`,
    find: "(fiber.currentOpCount + handOver >= fiber.cache.maxOpsBeforeYield ? parked : begin())",
    replace: "begin()",
    caughtBy: [sending]
  },
  {
    name: "stream: a send that completed all the same is torn",
    why: "it counts as sent, and breaks nothing",
    file: sends,
    find: "if (code === 0) turn.advance(bytes)",
    replace: "if (code === 0 && !cancelled) turn.advance(bytes)",
    caughtBy: [sending]
  },
  {
    name: "stream: what a closed stream's send fails with is the peer's doing",
    why: "aborted by cause, not by code",
    file: sends,
    find: "else if (this.failure !== undefined) this.finish(turn, WSA_OPERATION_ABORTED, this.failure(turn.name))",
    replace:
      "else if (this.failure !== undefined) this.finish(turn, operation?.code || WSA_OPERATION_ABORTED, undefined)",
    caughtBy: [closing]
  },
  {
    name: "stream: a send that somebody else cancelled is aborted by this side",
    why: "it is torn, and cannot be sent again",
    file: sends,
    find: "unasked && turn.tears ? WinsockErrors.streamBroken(turn.name, undefined) : undefined",
    replace: "undefined",
    caughtBy: [sending]
  },
  {
    name: "stream: a reset is called broken",
    why: "younger sends fail with what the connection failed with",
    file: sends,
    find: "lost && gone.has(streamError(turn.name, code).reason._tag)",
    replace: "false",
    caughtBy: [sending]
  },
  {
    name: "stream: the number of bytes that have left is made up",
    why: "a cancelled send does not tell how much of it has left",
    file: sends,
    find: "this.uncertain ? undefined : turn.sent()",
    replace: "turn.sent()",
    caughtBy: [sending]
  },
  {
    name: "stream: sends overtake those in line",
    why: "the order of calls is the order of bytes",
    file: sends,
    find: "      if (!this.isIdle) return parked\n",
    replace: "",
    caughtBy: [sending]
  },
  {
    name: "stream: sendQueue is no bound",
    why: "the memory of what waits is bounded",
    file: sends,
    find: "if (this.captured + turn.length <= this.queueSize && turn.capture(this.engine))",
    replace: "if (turn.capture(this.engine))",
    caughtBy: [sending]
  },
  {
    name: "stream: what was copied ahead is never given back to sendQueue",
    why: "the bound is on what waits now",
    file: sends,
    find: `    if (turn.captured) this.captured -= turn.length
`,
    replace: "",
    caughtBy: [sending]
  },
  {
    name: "stream: a payload is sent from where it was, not how it was",
    why: "one that was cut or detached while it waited is refused",
    file: turn,
    find: "if (lengthOf(this.payload) === this.size) return false",
    replace: "return false",
    caughtBy: [sending]
  },
  {
    name: "stream: the pieces are the caller's array",
    why: "pieces may be put in and taken out of it while the send waits",
    file: turn,
    find: "this.payload = Array.isArray(payload) ? payload.slice() : payload",
    replace: "this.payload = payload",
    caughtBy: [sending]
  },
  {
    name: "stream: every part of an urgent send ends in an urgent byte",
    why: "only the last byte of urgent data is urgent",
    file: turn,
    find: "return this.done + length === this.size ? this.flags : this.flags & ~MSG_OOB",
    replace: "return this.flags",
    caughtBy: [hostile]
  },
  {
    name: "stream: a file that was being opened keeps those behind it waiting",
    why: "its place in line is given up when it is interrupted",
    file: sends,
    find: `      this.engine.poke(this.stream)
      return settled(Effect.void)
    }
    turn.interrupted`,
    replace: `      return settled(Effect.void)
    }
    turn.interrupted`,
    caughtBy: [files]
  },
  {
    name: "stream: a file that came too late is not closed",
    why: "nobody else knows of its handle",
    file: transmit,
    find: "if (file !== -1) engine.calls.CloseHandle(file)",
    replace: "",
    caughtBy: [files]
  },
  {
    name: "stream: a file is not closed",
    why: "its handle is given back when its turn is over",
    file: transmit,
    find: "if (this.file !== -1) engine.calls.CloseHandle(this.file)",
    replace: "",
    caughtBy: [files]
  },
  {
    name: "stream: a region of no bytes is the whole file",
    why: "0 means all of it to TransmitFile",
    file: transmit,
    find: "const file = part === 0 ? 0 : (this.file as Handle)",
    replace: "const file = this.file as Handle",
    caughtBy: [files]
  },
  {
    name: "stream: a file is sent from its beginning",
    why: "the region begins where the OVERLAPPED says",
    file: transmit,
    find: "offset + this.done\n",
    replace: "0\n",
    caughtBy: [files]
  },
  {
    name: "stream: a region beyond the end is sent as far as it goes",
    why: "the peer would wait for what never comes",
    file: transmit,
    find: "if (offset + (length ?? 0) > size) return this.refuse",
    replace: "if (offset > size) return this.refuse",
    caughtBy: [files]
  },
  {
    name: "stream: a failure without a code opens the file again and again",
    why: "a hostile answer must not make a loop",
    file: transmit,
    find: "return code === 0 ? ERROR_NOT_SUPPORTED : code",
    replace: "return code",
    caughtBy: [files]
  },
  {
    name: "stream: the head is sent with every part",
    why: "it goes before the region, once",
    file: transmit,
    find: "const head = first ? this.headLength : 0",
    replace: "const head = this.headLength",
    caughtBy: [files]
  },
  {
    name: "stream: the tail is sent with every part",
    why: "it goes after the region, once",
    file: transmit,
    find: "const tail = part === rest ? this.tailLength : 0",
    replace: "const tail = this.tailLength",
    caughtBy: [files]
  },
  {
    name: "stream: a part begins where the first did",
    why: "each goes on where the one before ended",
    file: transmit,
    find: "this.done += this.part",
    replace: "this.done = this.done === 0 ? this.part : this.size",
    caughtBy: [files]
  },
  {
    name: "stream: more than one call takes",
    why: "a call sends 2^31 - 2 bytes at most, head and tail included",
    file: transmit,
    find: "Math.min(rest, mostPerCall - head - this.tailLength)",
    replace: "rest",
    caughtBy: [files]
  },
  {
    name: "stream: closing waits for no send",
    why: "what is in line gets closeTimeout",
    file: stream,
    find: "    if (!sends.isIdle) return\n    // the peer",
    replace: "    // the peer",
    caughtBy: [closing]
  },
  {
    name: "stream: closing waits for ever",
    why: "and no more than that",
    file: stream,
    find: "if (!this.sends.isIdle) this.giveTime(this.options.closeTimeout)",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: closed without a FIN of its own",
    why: "the end comes to the peer after all bytes, and is this side's",
    file: stream,
    find: "if (alive && !this.sentEnd) this.engine.calls.shutdown(this.socket as SocketHandle, SD_SEND)",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: nobody lingers",
    why: "a peer that still sends would get a reset",
    file: stream,
    find: "if (!alive || this.options.linger === 0) return this.stop()",
    replace: "return this.stop()",
    caughtBy: [closing]
  },
  {
    name: "stream: lingers for a peer that has ended",
    why: "nothing comes from it any more",
    file: stream,
    find: "if (receives.drain()) this.stop()",
    replace: "receives.drain()",
    caughtBy: [closing]
  },
  {
    name: "stream: abort is graceful",
    why: "a reset is a reset: l_onoff 1, l_linger 0",
    file: stream,
    find: "    this.on.set(SOL_SOCKET, SO_LINGER, 1)\n",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: closed before the kernel has given all back",
    why: "the SOCKET is closed when nothing refers to it",
    file: endpoint,
    find: `    this.cancelAll()
    this.engine.poke(this)
  }

  /** Closes`,
    replace: `    this.cancelAll()
    this.closeSocket()
    this.engine.poke(this)
  }

  /** Closes`,
    caughtBy: [closing]
  },
  {
    name: "stream: a socket that was closed under its sends lets them go on",
    why: 'with cancel: "close" an interruption closes the SOCKET; its number may be another\'s',
    file: stream,
    find: `  protected override shut(): void {
    this.sends.fail(WinsockErrors.operationAborted, WinsockErrors.socketClosed)
`,
    replace: `  protected override shut(): void {
`,
    caughtBy: [closing]
  },
  {
    name: "stream: closing waits for a cancel that there is not",
    why: "where single operations cannot be cancelled the SOCKET is closed",
    file: endpoint,
    find: "    if (this.cancelCloses) return this.closeUnder()\n",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: memory that the kernel never gave back is freed",
    why: "it may still write to it",
    file: operation,
    find: "    engine.records.abandon(this.record)\n    this.abandon?.(engine)\n",
    replace: "    engine.records.abandon(this.record)\n",
    caughtBy: [closing]
  },
  {
    name: "stream: waiters are not told that the port is gone",
    why: "no packet will come any more",
    file: stream,
    find: "    if (brokenBy !== 0) this.portBroken(brokenBy)\n",
    replace: "",
    caughtBy: [closing]
  },
  {
    name: "stream: shutdown of receiving leaves what had come",
    why: "nothing is received after that",
    file: receives,
    find: `Effect.fail(streamError("WSARecv", WSAESHUTDOWN)))
    this.bytes.clear()
`,
    replace: `Effect.fail(streamError("WSARecv", WSAESHUTDOWN)))
`,
    caughtBy: [closing]
  },
  {
    name: "stream model: what is interrupted tears nothing",
    why: "the model finds what follows a torn message",
    file: sends,
    find: "turn.tears && turn.started && !this.isBroken) {\n      this.isBroken = true",
    replace: 'turn.tears && turn.started && !this.isBroken && turn.name === "") {\n      this.isBroken = true',
    caughtBy: [random]
  },
  {
    name: "stream model: some bytes are given out again",
    why: "the model finds what is given out twice",
    file: bytes,
    find: "    this.skip += count\n",
    replace: "    this.skip += this.consumed % 97 === 0 ? count - 1 : count\n",
    caughtBy: [random]
  },
  {
    name: "stream model: what was read for somebody who left is dropped",
    why: "the model finds bytes that were dropped with an interrupted receive",
    file: receives,
    find: "for (let at = 0; at < count; at += chunkSize)",
    replace: "for (let at = 0; at < count && this.line.length > 0; at += chunkSize)",
    caughtBy: [random]
  },
  {
    name: "stream: a byte of urgent data is lost with who waited for it",
    why: "it is the next one's",
    file: urgent,
    find: "this.inbox.push(record.view",
    replace: "if (!operation.cancelled) this.inbox.push(record.view",
    caughtBy: [hostile]
  }
]
