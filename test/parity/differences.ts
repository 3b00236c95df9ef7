// Where Wine 8.0 answers otherwise than the simulation, each to the very code.
export interface Difference {
  readonly name: string
  /** Of which calls; what came of them natively, and on the mock. */
  readonly call: RegExp
  readonly native: RegExp
  readonly mock: RegExp
  /** What alone may differ: without it the two are the same text. */
  readonly field: RegExp | undefined
  /** The divergence of test/conformance/divergences.ts that it belongs to. */
  readonly divergence: string
  /** Whether the two are in the same state afterwards, so that the comparison goes on. */
  readonly after: "goes on" | "cut"
}

const difference = (
  name: string,
  divergence: string,
  after: Difference["after"],
  ...rows: ReadonlyArray<readonly [call: string, native: string, mock: string, field?: RegExp]>
): ReadonlyArray<Difference> =>
  rows.map(([call, native, mock, field]) => ({
    name,
    divergence,
    after,
    call: new RegExp(call),
    native: new RegExp(`^${native}$`),
    mock: new RegExp(`^${mock}$`),
    field
  }))

const taken = String.raw`o\d+ taken`
/** The flags that a receive tells. */
const flags = / flags [0-9a-f]+/g
const refused = (code: string): string => String.raw`o\d+ refused ${code}`

export const differences: ReadonlyArray<Difference> = [
  // which of two errors comes first
  ...difference(
    "arguments before the socket",
    "parity closed",
    "goes on",
    [" closed bind short| closed bind NULL", "10014", "10038"],
    [" closed setsockopt", "10042", "10038"],
    [" closed setsockopt \\w+ -?\\d+ in [0123]$", "10014|ok", "10038"],
    [" closed setsockopt SO_ERROR ", "ok", "10038"],
    [" closed ioctl", "10045", "10038"]
  ),
  ...difference(
    "bind of another family",
    "parity families",
    "goes on",
    [String.raw`\d bind family$`, "10045|10022", "10047"],
    [String.raw`6 s\d bind family$`, "10022", "10014"]
  ),
  ...difference("listen of an unbound datagram socket", "parity listen", "goes on", [
    String.raw`^udp\d s\d listen`,
    "10022",
    "10045"
  ]),
  // names
  ...difference("connect with a bad name", "§1.9 connect bad", "goes on", ["connect short$", "10049", "10014"]),
  ...difference("connect to port 0", "§1.9 connect bad", "cut", [
    String.raw`connect (port 0|s\d \(no port\))$`,
    "ok|10035",
    "10049"
  ]),
  ...difference(
    "send of an unconnected datagram socket",
    "fact 27 unconnected",
    "goes on",
    [String.raw`^udp.* (send \d+|send(to|msg) \d+ to NULL)$`, "10022", "10057|10014|10040"],
    [
      String.raw`^udp.* (send \d+|send(to|msg) \d+ to NULL) overlapped$`,
      refused("10022"),
      refused("(10057|10014|10040)")
    ]
  ),
  ...difference(
    "send to no family",
    "parity families",
    "goes on",
    [String.raw`^udp.* send(to|msg) \d+ to unspecified$`, "10022", "10047"],
    [String.raw`^udp.* send(to|msg) \d+ to unspecified overlapped$`, refused("10022"), refused("10047")]
  ),
  ...difference(
    "send to port 0",
    "fact 25",
    "cut",
    [String.raw`^udp.* send(to|msg) \d+ to (port 0|s\d \(no port\))$`, "10022", String.raw`ok \d+.*`],
    [String.raw`^udp.* send(to|msg) \d+ to (port 0|s\d \(no port\)) overlapped$`, refused("10022"), `${taken} .*`]
  ),
  // datagrams
  ...difference("receive of an unbound socket", "fact 27 unbound", "goes on", [
    String.raw`^udp.* recv(from|msg)? \d+ (at once|peek)$`,
    "10035",
    "10022"
  ]),
  ...difference("receive of an unbound socket that pends", "fact 27 unbound", "cut", [
    String.raw`^udp.* recv(from|msg)? \d+ overlapped$`,
    taken,
    refused("10022")
  ]),
  ...difference(
    "port unreachable",
    "P1",
    "cut",
    [String.raw`^udp.* recv(from|msg)? \d+ (at once|peek)$`, "10035", "10054"],
    [String.raw`^udp.* recv(from|msg)? \d+ overlapped$`, taken, refused("10054")],
    [
      String.raw`^udp.* send(to|msg)? \d+`,
      String.raw`(ok \d+|${taken})( \| o\d+ (send(to|msg)? ends 00000000|recv(from|msg)? ends c0000236 0)[^|]*)*`,
      String.raw`(ok \d+|${taken}).* \| o\d+ recv(from|msg)? ends c000023f 0 .*`
    ]
  ),
  ...difference("MSG_PARTIAL of a datagram that is cut", "§1.9 truncated data", "goes on", [
    String.raw`^udp.* recv(from)? \d+ (overlapped|at once|peek)$`,
    String.raw`.*10040(?!.*flags 8000).*`,
    ".*10040.* flags 8[0-9a-f]{3}.*",
    flags
  ]),
  ...difference("flags of a peek", "parity peek", "goes on", [
    String.raw`recv(from|msg)? \d+ peek$`,
    String.raw`.* flags 2.*`,
    String.raw`(?!.* flags 2).*`,
    flags
  ]),
  ...difference("shutdown of an unconnected datagram socket", "fact 43 unconnected", "cut", [
    String.raw`^udp\d s\d shutdown`,
    "ok",
    "10057"
  ]),
  // cancelling and closing
  ...difference("CancelIoEx of nothing", "fact 68", "goes on", ["CancelIoEx NULL$", "ok", "1168"]),
  ...difference("status of what a close ends", "fact 60", "goes on", [
    " closesocket$",
    "ok .*ends 8000000a .*",
    "ok .*ends (c0000241|c0000120) .*",
    /(?<=ends )(8000000a|c0000241|c0000120)/g
  ]),
  // streams
  ...difference("AcceptEx of a socket that does not listen", "fact 69", "cut", [
    "AcceptEx into",
    taken,
    refused("10022")
  ]),
  ...difference("call on a stream that is not connected", "WSASend WSAENOTCONN", "goes on", [
    String.raw`^tcp.* send \d+$`,
    "10054",
    "10057"
  ]),
  ...difference(
    "a reset is told once",
    "fact 41 next",
    "cut",
    [String.raw`^tcp.* recv \d+ (at once|peek)$`, `ok 0 "".*`, "10054|10053"],
    [String.raw`^tcp.* recv \d+ overlapped$`, `${taken}.* ends 00000000 0 .*`, refused("(10054|10053)")],
    [String.raw`^tcp.* shutdown`, "ok", "10054|10053"],
    [String.raw`^tcp.* getpeername`, "10057", "ok .*"]
  ),
  ...difference(
    "the other half of a connection that was reset",
    "fact 41 next",
    "cut",
    [String.raw`^tcp.* (send|recv) \d+( at once| peek)?$`, "10058", "10054"],
    [String.raw`^tcp.* (send|recv) \d+ overlapped$`, refused("10058"), refused("10054")],
    [String.raw`^tcp.* send \d+ overlapped$`, `${taken}.* ends 00000000 .*`, refused("(10054|10053)")],
    [String.raw`^tcp.* send \d+$`, String.raw`ok \d+`, "10054|10053"],
    [String.raw`^tcp.* recv \d+ (at once|peek)$`, String.raw`ok \d+ .*`, "10054|10053"],
    [String.raw`^tcp.* recv \d+ overlapped$`, `${taken}.* ends 00000000 .*`, refused("(10054|10053)")],
    [String.raw`^tcp.* DisconnectEx overlapped$`, `${taken}.* ends 00000000 0.*`, refused("(10054|10053)")],
    [String.raw`^tcp.* (send \d+|shutdown \d|closesocket)$`, "ok.*", String.raw`ok.* recv ends c000020d 0 .*`]
  ),
  ...difference(
    "a call after shutdown of both, with bytes that nobody read",
    "parity aborted",
    "cut",
    [String.raw`^tcp.* (send|recv) \d+( at once| peek)?$`, "10058", "10053"],
    [String.raw`^tcp.* (send|recv) \d+ overlapped$`, refused("10058"), refused("10053")]
  ),
  ...difference("a call on a listener pends", "WSASend WSAENOTCONN", "cut", [
    String.raw`^tcp.* (send|recv) \d+ overlapped$`,
    `${taken}.*`,
    refused("10057")
  ]),
  ...difference("all receives of a stream are cancelled with one", "§1.12 cancel all", "cut", [
    String.raw`CancelIoEx s\d o\d+$`,
    String.raw`ok \| o\d+ recv ends c0000120 0 .*`,
    String.raw`ok \| o\d+ recv ends c0000120 0 .* \| o\d+ recv ends c0000120 0 .*`
  ]),
  ...difference(
    "MSG_TRUNC",
    "§1.9 truncated data",
    "goes on",
    [String.raw`recvmsg \d+ (at once|peek)$`, String.raw`10040 (?!.*flags).*`, ".* flags 10[0-9a-f].*", flags],
    [
      String.raw`recvmsg \d+ overlapped$`,
      String.raw`.*ends 80000005 (?!.*flags).*`,
      ".*ends 80000005 .* flags 100.*",
      flags
    ],
    [
      String.raw`send(to|msg)? \d+`,
      String.raw`.* recvmsg ends 80000005 (?!.*flags 100).*`,
      ".* recvmsg ends 80000005 .* flags 100.*",
      flags
    ]
  ),
  ...difference("a datagram that is too large ends twice", "parity oversized", "goes on", [
    String.raw`send(to|msg)? \d+.* overlapped$`,
    String.raw`${refused("10040")} \| o\d+ send(to|msg)? ends 80000005 0 though refused[^|]*`,
    refused("10040"),
    / \| o\d+ send(to|msg)? ends 80000005 0 though refused[^|]*/g
  ]),
  ...difference(
    "a short buffer for the name, of a socket without one",
    "parity short name",
    "goes on",
    ["getpeername (0|8|16)$", "10057", "10014"],
    ["getsockname (0|8|16)$", "10014", "10022"]
  ),
  ...difference("flags of a result that failed", "parity result", "goes on", [
    String.raw`result o\d+$`,
    String.raw`\d+ \d+ 0`,
    String.raw`\d+ \d+ eeee`,
    / (0|eeee)$/g
  ]),
  // options and control codes: Wine looks at the length before the option, and asks Linux
  ...difference(
    "lengths before the option",
    "parity lengths",
    "goes on",
    [String.raw`\d [gs]etsockopt \w+ (-?\d+ )?in [0123]$`, "10014", "10022|10042|10045"],
    [String.raw`\d ioctl (SIOCATMARK|SIO_KEEPALIVE_VALS) `, "10014|10022", "10045"],
    ["setsockopt SO_(REUSEADDR|BROADCAST|OOBINLINE|DONTLINGER|KEEPALIVE) -?\\d+ in 0$", "ok", "10014"],
    ["setsockopt (IP_DONTFRAGMENT|IPV6_V6ONLY) -?\\d+ in 0$", "ok", "10014"],
    ["getsockopt IP_DONTFRAGMENT in [123]$", "ok 4 0[01]000000", "ok 1 0[01]"]
  ),
  ...difference(
    "options of the other family or protocol",
    "§1.2 IPv6 on IPv4",
    "goes on",
    ["^(udp|tcp)4 .*[gs]etsockopt IPV6_\\w+ ", "10045|10022|10014|ok", "10042"],
    ["^udp.*[gs]etsockopt TCP_NODELAY ", "10045|10022|10014", "10042"]
  ),
  ...difference(
    "options of the other kind of socket",
    "parity kinds of socket",
    "goes on",
    ["^tcp.*[gs]etsockopt SO_(BROADCAST|MAX_MSG_SIZE) ", "ok.*|10014", "10042"],
    ["^udp.*[gs]etsockopt SO_(KEEPALIVE|LINGER|DONTLINGER|OOBINLINE) ", "ok.*|10014", "10042"]
  ),
  ...difference(
    "options that are only read",
    "parity read-only",
    "goes on",
    ["setsockopt SO_(TYPE|ACCEPTCONN|MAX_MSG_SIZE) ", "10042", "10022"],
    ["setsockopt SO_ERROR ", "ok", "10022"]
  ),
  ...difference(
    "values that Linux takes",
    "parity values",
    "goes on",
    ["setsockopt (IP_TTL|IP_MULTICAST_TTL|IPV6_UNICAST_HOPS|SO_RCVBUF|SO_SNDBUF) -1 in [48]$", "ok", "10022"],
    ["setsockopt IPV6_UNICAST_HOPS (-1|0) in [1248]$", "ok", "10022"],
    ["setsockopt IPV6_V6ONLY (2|64|255|8192|-1) in [48]$", "ok", "10022"]
  ),
  ...difference("exclusive use of a bound socket", "parity exclusive", "cut", [
    "setsockopt SO_(EXCLUSIVEADDRUSE|REUSEADDR) ",
    "ok",
    "10022"
  ]),
  ...difference(
    "defaults of the system",
    "parity defaults",
    "goes on",
    [
      "getsockopt (IP_TTL|IPV6_UNICAST_HOPS) in",
      "ok (1 40|4 40000000)",
      "ok (1 80|4 80000000)",
      /[48]0(?=(000000)?$)/g
    ],
    ["getsockopt IP_DONTFRAGMENT in [48]$", "ok 4 01000000", "ok 4 00000000"]
  ),
  ...difference("size of a DWORD with more room", "parity room", "goes on", [
    "getsockopt SO_TYPE in 8",
    "ok 8 0[12]000000eeeeeeee",
    "ok 4 0[12]000000",
    / [48] |(?<=000000)eeeeeeee$/g
  ]),
  ...difference("SIO_BASE_HANDLE without room", "parity base handle", "goes on", [
    "ioctl SIO_BASE_HANDLE ",
    "ok 8 itself",
    "10014"
  ]),
  ...difference("SIO_UDP_CONNRESET without room, or of a stream", "parity connreset", "goes on", [
    "ioctl SIO_UDP_CONNRESET ",
    "ok 0",
    "10045|10014"
  ]),
  ...difference(
    "exclusive use, told of a length that Wine takes",
    "parity lengths",
    "cut",
    ["setsockopt SO_EXCLUSIVEADDRUSE -?\\d+ in 0$", "ok", "10014"],
    ["getsockopt SO_EXCLUSIVEADDRUSE in", "ok 4 01000000", "ok 4 00000000"]
  ),
  ...difference("connect of a stream to no family", "parity families", "cut", [
    "^tcp.* connect unspecified$",
    "ok",
    "10047"
  ]),
  ...difference("send of more than the send buffer", "parity send buffer", "cut", [
    String.raw`^tcp.* send \d+$`,
    String.raw`ok \d+`,
    String.raw`ok \d+`
  ]),
  ...difference(
    "a socket without its port",
    "parity port",
    "cut",
    [String.raw`^udp.* to s\d \(no port\)( overlapped)? ~ `, `10022|${refused("10022")}`, `ok \\d+.*|${taken}.*`],
    [String.raw`^udp.* ~ .* to s\d \(no port\)( overlapped)?$`, `ok \\d+.*|${taken}.*`, `ok \\d+.*|${taken}.*`]
  ),
  ...difference(
    "a datagram that is too large, to port 0",
    "fact 25",
    "goes on",
    [String.raw`^udp.* send(to|msg) \d+ to (port 0|s\d \(no port\))$`, "10022", "10040"],
    [String.raw`^udp.* send(to|msg) \d+ to (port 0|s\d \(no port\)) overlapped$`, refused("10022"), refused("10040")]
  ),
  ...difference("a name of NULL with a length", "P18 name", "cut", [
    String.raw`^udp.* sendmsg \d+ to NULL$`,
    String.raw`ok \d+.*`,
    "10014"
  ]),
  ...difference(
    "port unreachable instead of a datagram",
    "P1",
    "cut",
    [
      String.raw`^udp.* recv(from|msg)? \d+ overlapped$`,
      String.raw`o\d+ (taken|refused 10040) \| .* ends (00000000|80000005) .*`,
      refused("10054")
    ],
    [String.raw`^udp.* recv(from|msg)? \d+ (at once|peek)$`, "(ok|10040) .*", "10054"]
  ),
  ...difference("listen of a connected stream", "§1.9 listen", "goes on", [
    String.raw`^tcp.* listen `,
    "10022",
    "10056"
  ]),
  ...difference("more than the receive buffer", "parity receive buffer", "cut", [
    String.raw`^udp.* recv(from|msg)? \d+ (at once|peek)$`,
    "(ok|10040) .*",
    "10035"
  ]),
  ...difference(
    "bytes after SD_RECEIVE",
    "parity aborted",
    "cut",
    [String.raw`^tcp.* send \d+ overlapped$`, `${taken}.*`, String.raw`${taken} .*recv ends c000020d 0 .*`],
    [String.raw`^tcp.* recv \d+ (at once|peek)$`, "10035", "10054|10053"],
    [String.raw`^tcp.* recv \d+ overlapped$`, taken, refused("(10054|10053)")],
    [String.raw`^tcp.* DisconnectEx$`, "ok.*", "10054|10053"]
  ),
  ...difference(
    "bound by a connect to no family",
    "parity port",
    "cut",
    [String.raw`^udp.* bind (loopback|any)$`, "10022", "ok"],
    [String.raw`^udp.* connect s\d( \(no port\))? ~ `, "ok", "ok"]
  ),
  ...difference("send to no family of a connected socket", "parity families", "cut", [
    String.raw`^udp.* send(to|msg) \d+ to unspecified( overlapped)?$`,
    `ok \\d+.*|${taken}.*`,
    `10047|${refused("10047")}`
  ]),
  ...difference("a socket without its port, and a call that fails in any case", "parity port", "cut", [
    String.raw`^udp.* \(no port\)( overlapped)? ~ `,
    `100(38|57)|${refused("100(38|57)")}`,
    `100(38|57)|${refused("100(38|57)")}`
  ]),
  ...difference("FIONREAD of several datagrams", "P29", "goes on", [
    String.raw`^udp.* ioctl FIONREAD \d+ \d+$`,
    String.raw`ok 4 \d+`,
    String.raw`ok 4 \d+`
  ]),
  ...difference("refused at once", "§1.12 refused RTO", "cut", [
    String.raw`^tcp.* getsockname \d+$`,
    String.raw`ok (127\.0\.0\.1|0+1):p\d`,
    String.raw`ok (0\.0\.0\.0|0+):p\d`
  ]),
  ...difference("two bytes of a hop limit", "parity values", "cut", [
    String.raw`^(tcp|udp).* setsockopt (IP_TTL|IP_MULTICAST_TTL|IPV6_UNICAST_HOPS) -?\d+ in [23]$`,
    "10022",
    "ok"
  ])
]
