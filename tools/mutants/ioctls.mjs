// planted faults in questions about interfaces and waits for their changes, and in what a test lets happen to a machine
const socket = "packages/core/src/internal/ioctlSocket.ts"
const questions = "packages/core/src/internal/interfaces.ts"
const schema = "packages/schema/src/InterfaceList.ts"
const mockIoctls = "packages/mock/src/internal/InterfaceIoctls.ts"
const happenings = "packages/mock/src/internal/Happenings.ts"
const both = "test/both/interfaces/interfaces.test.ts"
const onMock = "test/mock/interfaces.test.ts"
const layouts = "test/schema/interfaceList.test.ts"
const aborts = "test/mock/aborts.test.ts"

export default [
  {
    name: "addresses asked for before the wait for their change",
    file: socket,
    why: "what changes between the answer and the wait would be missed",
    find: "    if (this.state !== OPEN || line.length === 0 || !this.watch()) return\n    if (this.wanted && !this.asking.isPending) this.ask()",
    replace:
      "    if (this.state !== OPEN || line.length === 0) return\n    if (this.wanted && !this.asking.isPending) this.ask()\n    else this.watch()",
    caughtBy: [both, onMock]
  },
  {
    name: "no wait for a change until an element is asked for",
    file: socket,
    why: "changes count from the moment in which the stream is run",
    find: "    this.own()\n    this.watch()",
    replace: "    this.own()",
    caughtBy: [onMock]
  },
  {
    name: "answer given although it has changed",
    file: socket,
    why: "an element is how things are after the change",
    find: "this.answer !== undefined && !this.wanted",
    replace: "this.answer !== undefined",
    caughtBy: [onMock]
  },
  {
    name: "aborted wait for a change not taken for one",
    file: socket,
    why: "what changed before it was posted again nobody will tell",
    find: "    else if (this.reposts.allow(operation)) {\n      // what has changed since then nobody will tell\n      this.wanted = true",
    replace: "    else if (this.reposts.allow(operation)) {",
    caughtBy: [both, aborts]
  },
  {
    name: "answer that outgrows its memory not asked for again",
    file: socket,
    why: "a machine may have more addresses than there was room for",
    find: "      this.output = larger\n      this.wanted = true",
    replace: "      this.output = larger",
    caughtBy: [onMock]
  },
  {
    name: "size of the answer taken from the OVERLAPPED only",
    file: socket,
    why: "Wine writes it beside the OVERLAPPED when it answers at once, and there only",
    find: "    return Math.max(bytes, record.view.getUint32(record.at + this.engine.records.shape.count, true))",
    replace: "    return Math.max(bytes, record.at * 0)",
    caughtBy: [onMock]
  },
  {
    name: "memory of a question not freed",
    file: socket,
    why: "a released layer holds nothing",
    find: "      else heap.free(block)",
    replace: "      else void block",
    caughtBy: [both]
  },
  {
    name: "answer kept from an interruption",
    file: socket,
    why: "an element is how things are when it is asked for",
    find: "      this.answer = undefined\n      this.wanted = true",
    replace: "",
    caughtBy: [onMock]
  },
  {
    name: "every interface told as loopback",
    file: questions,
    why: "each flag has its name",
    find: "isLoopback: has(InterfaceList.IFF_LOOPBACK)",
    replace: "isLoopback: has(InterfaceList.IFF_UP)",
    caughtBy: [both]
  },
  {
    name: "pointer of an address list believed",
    file: schema,
    why: "nothing outside the answer is read",
    find: "if (!(at >= 0 && size >= 0 && at + size <= end)) continue",
    replace: "if (!(at >= 0 && size >= 0)) continue",
    caughtBy: [layouts]
  },
  {
    name: "simulated route never changes",
    file: mockIoctls,
    why: "a wait for a change of the route ends when it changes",
    find: '    return route === undefined ? "none" : Ip.formatEndpoint(route.ip, route.scope)',
    replace: '    return route === undefined ? "none" : "some"',
    caughtBy: [onMock]
  },
  {
    name: "simulated connections outlive their address",
    file: happenings,
    why: "a connection whose address is gone breaks at once",
    find: "    if (connection.local.equals(ip)) Tcp.lose",
    replace: "    if (connection.peer.equals(ip)) Tcp.lose",
    caughtBy: [onMock]
  },
  {
    name: "simulated exit of a thread takes what is on a port",
    file: happenings,
    why: "since Windows Vista such operations go on",
    find: ' && ports === "survive") continue',
    replace: ' && ports !== "survive") continue',
    caughtBy: [aborts]
  }
]
