// planted faults in calls that block, in who waits for them, and in waits for several events
const calls = "packages/core/src/internal/blockingCalls.ts"
const takes = "packages/core/src/internal/blockingTakes.ts"
const sockets = "packages/core/src/internal/blockingSocket.ts"
const waits = "packages/core/src/internal/eventWaits.ts"
const group = "packages/core/src/internal/eventGroup.ts"
const threads = "packages/mock/src/internal/Threads.ts"
const mockKernel = "packages/mock/src/internal/Kernel.ts"
const blocking = "test/both/blocking/blocking.test.ts"
const onMock = "test/mock/blocking.test.ts"
const several = "test/both/events/several.test.ts"

export default [
  {
    name: "Blocking: closed under a call",
    file: calls,
    why: "closesocket must never be called while another thread is in a call on the SOCKET",
    find: "if (this.state === CLOSING && this.running.size === 0) this.finish()",
    replace: "if (this.state === CLOSING) this.finish()",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: cancelled once",
    file: calls,
    why: "a thread may come to its call after the cancellation",
    find: "        ? host.schedule(this.cancelNow)",
    replace: "        ? undefined",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: memory of a call that has not returned",
    file: calls,
    why: "the other thread still reads and writes it",
    find: "    if (job.state === RUNNING) return this.cancel()\n",
    replace:
      "    if (job.state === RUNNING) {\n      if (job.call?.memory !== undefined) this.engine.heap.free(job.call.memory)\n      return this.cancel()\n    }\n",
    caughtBy: [blocking]
  },
  {
    name: "Blocking: stays non-blocking",
    file: calls,
    why: "after a cancellation the socket's calls must block again",
    find: "    this.engine.graceEnds()\n    this.setBlocking(true)\n",
    replace: "    this.engine.graceEnds()\n",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: a timeout of the kernel's is no harm",
    file: calls,
    why: "the state of the socket is indeterminate after SO_RCVTIMEO",
    find: "      this.poison = (operation) => WinsockErrors.socketPoisoned(operation, times)\n",
    replace: "      void times\n",
    caughtBy: [blocking]
  },
  {
    name: "Blocking: sends behind a torn message",
    file: calls,
    why: "nobody knows how much of a cancelled send has left",
    find: '      counters.aborted++\n      if (tears) this.torn = true\n      return { _tag: "Failed", error: WinsockErrors.operationAborted(name) }',
    replace: '      counters.aborted++\n      return { _tag: "Failed", error: WinsockErrors.operationAborted(name) }',
    caughtBy: [blocking]
  },
  {
    name: "Blocking: as many threads as there are calls",
    file: calls,
    why: "libuv has four, and others need them",
    find: "i < this.queue.length && this.busy < this.places;",
    replace: "i < this.queue.length;",
    caughtBy: [blocking]
  },
  {
    name: "Blocking: two receives of one socket at once",
    file: calls,
    why: "what two threads receive has no order",
    find: "    for (const other of this.running) if (other.lane === job.lane) return true\n    return false\n",
    replace: "    return false\n",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: while routines are outstanding",
    file: calls,
    why: "a blocking call waits alertably",
    find: "    if (this.engine.routinesOutstanding > 0) return WinsockErrors.routinesOutstanding(name)\n",
    replace: "",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: what an interrupted receive brought",
    file: takes,
    why: "a message that was received is the next receive's",
    find: "        else store.put(outcome.value)",
    replace: "        else if (!wasCancelled) store.put(outcome.value)",
    caughtBy: [onMock]
  },
  {
    name: "Blocking: interrupted before its call has returned",
    file: takes,
    why: "the interruption ends when the call has returned",
    find: "    if (this.job?.cancelled === true) return\n",
    replace: "",
    caughtBy: [blocking]
  },
  {
    name: "Blocking: a timeout without the flag",
    file: sockets,
    why: "Windows has no timeouts on sockets without WSA_FLAG_OVERLAPPED",
    find: "if (!overlapped || !isWithin(millis, 1, longest))",
    replace: "if (!isWithin(millis, 1, longest))",
    caughtBy: [blocking]
  },
  {
    name: "Blocking: accepted as non-blocking",
    file: sockets,
    why: "an accepted socket has the mode that its listener had at that moment",
    find: "            accepted.setBlocking(true)\n",
    replace: "",
    caughtBy: [onMock]
  },
  {
    name: "mock: timeouts of every socket",
    file: mockKernel,
    why: "SO_RCVTIMEO has no effect without WSA_FLAG_OVERLAPPED",
    find: "operation.socket.overlapped ? timeout : 0",
    replace: "timeout",
    caughtBy: [onMock]
  },
  {
    name: "mock: closed under a blocked call",
    file: threads,
    why: "Windows ends it with WSAEINTR",
    find: "    this.code = sdk.WSAEINTR\n",
    replace: "",
    caughtBy: [onMock]
  },
  {
    name: "events: a signal for all that is for one",
    file: waits,
    why: "an auto-reset event releases one wait",
    find: "    if (this.isAuto) this.tickets--\n",
    replace: "",
    caughtBy: [several]
  },
  {
    name: "events: an auto-reset signal that stays",
    file: waits,
    why: "who goes on with it takes it back",
    find: "        this.consume()\n        return Effect.void\n",
    replace: "        return Effect.void\n",
    caughtBy: [several]
  },
  {
    name: "events: all of them taken back by a wait for any",
    file: group,
    why: "only the one that ended the wait is",
    find: "    else this.events[this.found].consume()\n",
    replace: "    else for (const event of this.events) event.consume()\n",
    caughtBy: [several]
  },
  {
    name: "events: waited for by all, and off the thread for ever",
    file: waits,
    why: "the call would end at once for the one that is signalled",
    find: "event.isApart = event.operation !== undefined || event.alls > 0",
    replace: "event.isApart = event.operation !== undefined",
    caughtBy: [several]
  }
]
