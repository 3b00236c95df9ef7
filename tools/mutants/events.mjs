// planted faults in event objects, in who waits for them, and in sends that complete through one
const object = "packages/core/src/internal/eventObject.ts"
const waits = "packages/core/src/internal/eventWaits.ts"
const turn = "packages/core/src/internal/eventTurn.ts"
const operation = "packages/core/src/internal/operation.ts"
const sends = "packages/core/src/internal/streamSends.ts"
const events = "test/both/events/events.test.ts"

export default [
  {
    name: "event closed while a call waits for it",
    file: waits,
    why: "closing a handle that WSAWaitForMultipleEvents has is undefined",
    find: "      if (this.away?.includes(event) === true) {",
    replace: "      if (false as boolean) {"
  },
  {
    name: "event closed under its send",
    file: waits,
    why: "the kernel signals the event when the send completes",
    find: " || event.operation !== undefined || event.busy) continue",
    replace: ") continue"
  },
  {
    name: "events beyond the sixty-fourth forgotten",
    file: waits,
    why: "one call waits for 64 at most, and the others must not wait for it",
    find: "    if (watched.length > 0 && !covered) this.poll()\n",
    replace: ""
  },
  {
    name: "waits that a closed event had",
    file: waits,
    why: "nobody will signal an event that is closed",
    find: "      if (!event.isOpen) event.line.fail(WinsockErrors.operationAborted(name))\n      else if",
    replace: "      if"
  },
  {
    name: "wait for an event that came later",
    file: waits,
    why: "the call off the JS thread must end when somebody waits for another event",
    find: "      if (changed && (away.length < mostAway || watched.length === 0)) this.wake()\n",
    replace: ""
  },
  {
    name: "private event never reset",
    file: waits,
    why: "a call that ends at once for ever keeps the thread and the event loop busy",
    find: "    engine.calls.WSAResetEvent(this.wakeEvent)\n",
    replace: ""
  },
  {
    name: "event of an earlier send",
    file: object,
    why: "a send that waits for its turn has not reset its event yet",
    find: "        engine.calls.WSAResetEvent(own.handle)\n",
    replace: ""
  },
  {
    name: "event of a send that failed",
    file: object,
    why: "who waits for the event of a call that was never made would wait for ever",
    find: "              if (Exit.isFailure(exit) && own.isOpen) engine.calls.WSASetEvent(own.handle)\n",
    replace: ""
  },
  {
    name: "one event for two sends",
    file: object,
    why: "the event could not tell which of them has completed",
    find: "        if (own.busy) return",
    replace: "        if (false as boolean) return"
  },
  {
    name: "packet as well as event",
    file: sends,
    why: "the low bit of hEvent asks for no packet; with one, the port would owe none and give one",
    find: "((event | 1) as Handle)",
    replace: "event"
  },
  {
    name: "packet owed for an event",
    file: operation,
    why: "the pump would look for a packet that never comes, and closing wait for it",
    find: "    if (byEvent) endpoint.engine.counters.pending++\n    else endpoint",
    replace: "    endpoint"
  },
  {
    name: "memory of a send by event",
    file: turn,
    why: "what was sent from is given back when the send is over",
    find: "    if (this.block !== undefined) engine.heap.free(this.block)\n",
    replace: ""
  }
].map((mutant) => Object.assign({ caughtBy: [events] }, mutant))
