import * as Layout from "@effect-winsock/schema/Layout"
import * as Structs from "@effect-winsock/schema/Structs"
import { assert, describe, it } from "@effect/vitest"

type Both = readonly [x64: number, ia32: number]

const pair = (x64: number, ia32 = x64): Both => [x64, ia32]

// sizes, and the offsets of fields by path, as a Windows compiler gives them: x64 and, where it differs, 32-bit x86
const expected: { readonly [name: string]: { readonly size: Both; readonly fields: Record<string, Both> } } = {
  WSABUF: { size: pair(16, 8), fields: { len: pair(0), buf: pair(8, 4) } },
  WSAMSG: {
    size: pair(56, 28),
    fields: {
      name: pair(0),
      namelen: pair(8, 4),
      lpBuffers: pair(16, 8),
      dwBufferCount: pair(24, 12),
      "Control.len": pair(32, 16),
      "Control.buf": pair(40, 20),
      dwFlags: pair(48, 24)
    }
  },
  WSACMSGHDR: { size: pair(16, 12), fields: { cmsg_len: pair(0), cmsg_level: pair(8, 4), cmsg_type: pair(12, 8) } },
  OVERLAPPED: {
    size: pair(32, 20),
    fields: {
      Internal: pair(0),
      InternalHigh: pair(8, 4),
      Offset: pair(16, 8),
      OffsetHigh: pair(20, 12),
      hEvent: pair(24, 16)
    }
  },
  ADDRINFOEXW: {
    size: pair(72, 44),
    fields: {
      ai_flags: pair(0),
      ai_family: pair(4),
      ai_socktype: pair(8),
      ai_protocol: pair(12),
      ai_addrlen: pair(16),
      ai_canonname: pair(24, 20),
      ai_addr: pair(32, 24),
      ai_blob: pair(40, 28),
      ai_bloblen: pair(48, 32),
      ai_provider: pair(56, 36),
      ai_next: pair(64, 40)
    }
  },
  TIMEVAL: { size: pair(8), fields: { tv_sec: pair(0), tv_usec: pair(4) } },
  OSVERSIONINFOW: {
    size: pair(276),
    fields: {
      dwOSVersionInfoSize: pair(0),
      dwMajorVersion: pair(4),
      dwMinorVersion: pair(8),
      dwBuildNumber: pair(12),
      dwPlatformId: pair(16),
      szCSDVersion: pair(20)
    }
  },
  OVERLAPPED_ENTRY: {
    size: pair(32, 16),
    fields: {
      lpCompletionKey: pair(0),
      lpOverlapped: pair(8, 4),
      Internal: pair(16, 8),
      dwNumberOfBytesTransferred: pair(24, 12)
    }
  },
  SOCKADDR_IN: {
    size: pair(16),
    fields: { sin_family: pair(0), sin_port: pair(2), sin_addr: pair(4), sin_zero: pair(8) }
  },
  SOCKADDR_IN6: {
    size: pair(28),
    fields: {
      sin6_family: pair(0),
      sin6_port: pair(2),
      sin6_flowinfo: pair(4),
      sin6_addr: pair(8),
      sin6_scope_id: pair(24)
    }
  },
  SOCKADDR_UN: { size: pair(110), fields: { sun_family: pair(0), sun_path: pair(2) } },
  SOCKADDR_STORAGE: { size: pair(128), fields: { ss_family: pair(0), __ss_align: pair(8) } },
  SOCKADDR_INET: {
    size: pair(28),
    fields: { si_family: pair(0), "Ipv4.sin_addr": pair(4), "Ipv6.sin6_addr": pair(8) }
  },
  IN_PKTINFO: { size: pair(8), fields: { ipi_addr: pair(0), ipi_ifindex: pair(4) } },
  IN6_PKTINFO: { size: pair(20), fields: { ipi6_addr: pair(0), ipi6_ifindex: pair(16) } },
  IN_PKTINFO_EX: { size: pair(12), fields: { "pkt_info.ipi_ifindex": pair(4), scope_id: pair(8) } },
  IN6_PKTINFO_EX: { size: pair(24), fields: { "pkt_info.ipi6_ifindex": pair(16), scope_id: pair(20) } },
  IN_RECVERR: { size: pair(12), fields: { protocol: pair(0), info: pair(4), type: pair(8), code: pair(9) } },
  TRANSMIT_FILE_BUFFERS: {
    size: pair(32, 16),
    fields: { Head: pair(0), HeadLength: pair(8, 4), Tail: pair(16, 8), TailLength: pair(24, 12) }
  },
  TRANSMIT_PACKETS_ELEMENT: {
    size: pair(24),
    fields: {
      dwElFlags: pair(0),
      cLength: pair(4),
      "u.file.nFileOffset": pair(8),
      "u.file.hFile": pair(16),
      "u.pBuffer": pair(8)
    }
  },
  WSAPROTOCOL_INFOW: {
    size: pair(628),
    fields: {
      dwServiceFlags1: pair(0),
      dwCatalogEntryId: pair(36),
      "ProtocolChain.ChainLen": pair(40),
      dwMessageSize: pair(108),
      szProtocol: pair(116)
    }
  },
  WSAPROTOCOLCHAIN: { size: pair(32), fields: { ChainLen: pair(0), ChainEntries: pair(4) } },
  WSADATA: {
    size: pair(408, 400),
    fields: {
      wVersion: pair(0),
      wHighVersion: pair(2),
      iMaxSockets: pair(4, 390),
      iMaxUdpDg: pair(6, 392),
      lpVendorInfo: pair(8, 396),
      szDescription: pair(16, 4),
      szSystemStatus: pair(273, 261)
    }
  },
  WSANETWORKEVENTS: { size: pair(44), fields: { lNetworkEvents: pair(0), iErrorCode: pair(4) } },
  WSAPOLLFD: { size: pair(16, 8), fields: { fd: pair(0), events: pair(8, 4), revents: pair(10, 6) } },
  GUID: { size: pair(16), fields: { Data2: pair(4), Data3: pair(6), Data4: pair(8) } },
  linger: { size: pair(4), fields: { l_onoff: pair(0), l_linger: pair(2) } },
  tcp_keepalive: { size: pair(12), fields: { onoff: pair(0), keepalivetime: pair(4), keepaliveinterval: pair(8) } },
  TCP_INITIAL_RTO_PARAMETERS: { size: pair(4), fields: { Rtt: pair(0), MaxSynRetransmissions: pair(2) } },
  TCP_INFO_v0: {
    size: pair(88),
    fields: {
      State: pair(0),
      Mss: pair(4),
      ConnectionTimeMs: pair(8),
      TimestampsEnabled: pair(16),
      RttUs: pair(20),
      MinRttUs: pair(24),
      BytesInFlight: pair(28),
      Cwnd: pair(32),
      SndWnd: pair(36),
      RcvWnd: pair(40),
      RcvBuf: pair(44),
      BytesOut: pair(48),
      BytesIn: pair(56),
      BytesReordered: pair(64),
      BytesRetrans: pair(68),
      FastRetrans: pair(72),
      DupAcksIn: pair(76),
      TimeoutEpisodes: pair(80),
      SynRetrans: pair(84)
    }
  },
  TIMESTAMPING_CONFIG: { size: pair(8), fields: { Flags: pair(0), TxTimestampsBuffered: pair(4) } },
  ip_mreq: { size: pair(8), fields: { imr_multiaddr: pair(0), imr_interface: pair(4) } },
  ip_mreq_source: { size: pair(12), fields: { imr_sourceaddr: pair(4), imr_interface: pair(8) } },
  ipv6_mreq: { size: pair(20), fields: { ipv6mr_multiaddr: pair(0), ipv6mr_interface: pair(16) } },
  GROUP_REQ: { size: pair(136), fields: { gr_interface: pair(0), "gr_group.ss_family": pair(8) } },
  GROUP_SOURCE_REQ: { size: pair(264), fields: { "gsr_group.ss_family": pair(8), "gsr_source.ss_family": pair(136) } },
  SOCKET_ADDRESS: { size: pair(16, 8), fields: { lpSockaddr: pair(0), iSockaddrLength: pair(8, 4) } },
  CSADDR_INFO: {
    size: pair(40, 24),
    fields: { "RemoteAddr.lpSockaddr": pair(16, 8), iSocketType: pair(32, 16), iProtocol: pair(36, 20) }
  }
}

const structs: Record<string, Layout.Layout<any>> = { ...Structs }

const at = (offsets: unknown, path: string): unknown =>
  path.split(".").reduce((record, key) => (record as Record<string, unknown>)[key], offsets)

describe("Structs", () => {
  it("has every structure in the table, and no other", () => {
    assert.deepStrictEqual(Object.keys(structs).toSorted(), Object.keys(expected).toSorted())
  })

  for (const [name, { fields, size }] of Object.entries(expected)) {
    it(`${name} has the compiler's size and offsets in both ABIs`, () => {
      Layout.abis.forEach((abi, i) => {
        assert.strictEqual(structs[name].size[abi], size[i], `size of ${name} on ${abi}`)
        for (const [path, offsets] of Object.entries(fields)) {
          assert.strictEqual(at(structs[name].offsets[abi], path), offsets[i], `${name}.${path} on ${abi}`)
        }
      })
    })
  }
})

describe("Layout", () => {
  const memory = (abi: Layout.Abi, view: DataView): Layout.Memory => ({
    abi,
    resolve: (address) => ({ view, offset: address })
  })

  it("reads and writes through a view what stands in memory", () => {
    for (const abi of Layout.abis) {
      const view = new DataView(new ArrayBuffer(128))
      const msg = Structs.WSAMSG.at(memory(abi, view), 8)
      msg.namelen = -1
      msg.Control.len = 72
      msg.Control.buf = 0xffff_fff0
      const offsets = Structs.WSAMSG.offsets[abi]
      assert.strictEqual(view.getInt32(8 + offsets.namelen, true), -1)
      assert.strictEqual(view.getUint32(8 + offsets.Control.len, true), 72)
      assert.strictEqual(Layout.readPointer(abi, view, 8 + offsets.Control.buf), 0xffff_fff0)
      assert.strictEqual(msg.Control.buf, 0xffff_fff0)
    }
  })

  it("keeps addresses above 2^32 whole on x64", () => {
    const view = new DataView(new ArrayBuffer(16))
    const buffer = Structs.WSABUF.view("x64", view, 0)
    buffer.buf = 0x7fff_1234_5678
    assert.strictEqual(view.getBigUint64(8, true), 0x7fff_1234_5678n)
    assert.strictEqual(buffer.buf, 0x7fff_1234_5678)
  })

  it("has network byte order where the structure has it", () => {
    const view = new DataView(new ArrayBuffer(16))
    const address = Structs.SOCKADDR_IN.view("x64", view, 0)
    address.sin_port = 0x1234
    address.sin_addr = 0x7f00_0001
    assert.deepStrictEqual([...new Uint8Array(view.buffer, 2, 6)], [0x12, 0x34, 127, 0, 0, 1])
  })

  it("lays a union's fields over each other, and arrays of bytes as C does", () => {
    const either = Layout.union("either", { small: "u16", large: "pointer", raw: Layout.bytes(5) })
    assert.deepStrictEqual([either.size.x64, either.size.ia32], [8, 8])
    assert.deepStrictEqual([either.alignment.x64, either.alignment.ia32], [8, 4])
    const view = new DataView(new ArrayBuffer(8))
    const fields = either.view("ia32", view, 0)
    fields.raw = Uint8Array.of(1, 2, 3, 4, 5)
    assert.deepStrictEqual([fields.small, fields.large], [0x0201, 0x0403_0201])
  })

  it("packs no tighter than it is told", () => {
    const packed = Layout.struct("packed", { a: "u8", b: "pointer" }, 4)
    assert.deepStrictEqual([packed.size.x64, packed.offsets.x64.b, packed.alignment.x64], [12, 4, 4])
  })
})
