// planted faults in multicast groups, path MTUs and timestamps
const multicast = "packages/core/src/internal/multicast.ts"
const groups = "packages/core/src/internal/groups.ts"
const timestamps = "packages/core/src/internal/udpTimestamps.ts"
const sends = "packages/core/src/internal/sends.ts"
const mockMulticast = "packages/mock/src/internal/Multicast.ts"
const mockMemberships = "packages/mock/src/internal/Memberships.ts"
const mockMtu = "packages/mock/src/internal/PathMtu.ts"
const both = "test/both/udp/multicast.test.ts"
const machines = "test/mock/udpMulticast.test.ts"

export default [
  {
    name: "groups: a scope leaves what another joined",
    file: groups,
    why: "by the end of a scope its group may have been left, and joined again by somebody else",
    find: "    if (this.joined.get(membership.key) !== membership) return\n",
    replace: "",
    caughtBy: [both]
  },
  {
    name: "groups: a scope leaves nothing",
    file: groups,
    why: "a group is joined for as long as the scope lasts",
    find: '    this.apply("leave", membership.group)\n',
    replace: "",
    caughtBy: [both]
  },
  {
    name: "groups: an IPv4 group is told by the option of the other act",
    file: multicast,
    why: "a group of one source is another option than one of all",
    find: "    option = source === undefined ? act.v4 : act.v4Source",
    replace: "    option = act.v4",
    caughtBy: [both]
  },
  {
    name: "groups: an address that is no group goes to the provider",
    file: multicast,
    why: "what is no multicast address is refused before any call",
    find: "  const isGroup = NetAddress.isIpAddress(group) && NetAddress.isMulticast(group)",
    replace: "  const isGroup = NetAddress.isIpAddress(group)",
    caughtBy: [both]
  },
  {
    name: "timestamps: a wait outlives its socket",
    file: timestamps,
    why: "waiters of a socket that is closed fail with OperationAborted",
    find: "    for (const end of waits) end()\n",
    replace: "",
    caughtBy: [machines]
  },
  {
    name: "timestamps: looked for once",
    file: timestamps,
    why: "the timestamp of a sent datagram may come later than the send returns",
    find: "looks === pauses.length) {",
    replace: "looks >= 0) {",
    caughtBy: [machines]
  },
  {
    name: "path MTU not told",
    file: sends,
    why: "who must not have datagrams cut wants to know what would have been carried",
    find: "    const mtu = code === WSAEMSGSIZE ? this.owner.mtu() : -1",
    replace: "    const mtu = -1",
    caughtBy: [machines]
  },
  {
    name: "mock: loopback of multicasts is the sender's",
    file: mockMulticast,
    why: "on Windows the receiver says whether it wants what its own machine sends",
    find: "  return !own || socket.options[loop] !== 0",
    replace: "  return true",
    caughtBy: [machines]
  },
  {
    name: "mock: multicasts of no hops leave the machine",
    file: mockMulticast,
    why: "a hop limit of 0 keeps a multicast in the machine",
    find: "  return datagram.ttl < 1 ||",
    replace: "  return datagram.ttl < 0 ||",
    caughtBy: [machines]
  },
  {
    name: "mock: blocked sources are heard",
    file: mockMemberships,
    why: "a membership takes all sources but the blocked ones",
    find: "!has(this.blocked, source)",
    replace: "true",
    caughtBy: [machines]
  },
  {
    name: "mock: a path's MTU forgotten",
    file: mockMtu,
    why: "what a router said is known from then on",
    find: "    this.known.set(key, Math.min(mtu, this.known.get(key) ?? mtu))\n",
    replace: "",
    caughtBy: [machines]
  }
]
