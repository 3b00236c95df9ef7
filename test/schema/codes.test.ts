import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"

// "number NAME" lists, as winerror.h has them; "NAME" means WSANAME unless it begins with WSA or ERROR
const winerror = `
  6 WSA_INVALID_HANDLE, 8 WSA_NOT_ENOUGH_MEMORY, 87 WSA_INVALID_PARAMETER, 995 WSA_OPERATION_ABORTED,
  996 WSA_IO_INCOMPLETE, 997 WSA_IO_PENDING,
  10004 EINTR, 10009 EBADF, 10013 EACCES, 10014 EFAULT, 10022 EINVAL, 10024 EMFILE, 10035 EWOULDBLOCK,
  10036 EINPROGRESS, 10037 EALREADY, 10038 ENOTSOCK, 10039 EDESTADDRREQ, 10040 EMSGSIZE, 10041 EPROTOTYPE,
  10042 ENOPROTOOPT, 10043 EPROTONOSUPPORT, 10044 ESOCKTNOSUPPORT, 10045 EOPNOTSUPP, 10046 EPFNOSUPPORT,
  10047 EAFNOSUPPORT, 10048 EADDRINUSE, 10049 EADDRNOTAVAIL, 10050 ENETDOWN, 10051 ENETUNREACH, 10052 ENETRESET,
  10053 ECONNABORTED, 10054 ECONNRESET, 10055 ENOBUFS, 10056 EISCONN, 10057 ENOTCONN, 10058 ESHUTDOWN,
  10059 ETOOMANYREFS, 10060 ETIMEDOUT, 10061 ECONNREFUSED, 10062 ELOOP, 10063 ENAMETOOLONG, 10064 EHOSTDOWN,
  10065 EHOSTUNREACH, 10066 ENOTEMPTY, 10067 EPROCLIM, 10068 EUSERS, 10069 EDQUOT, 10070 ESTALE, 10071 EREMOTE,
  10091 SYSNOTREADY, 10092 VERNOTSUPPORTED, 10093 NOTINITIALISED, 10101 EDISCON, 10102 ENOMORE, 10103 ECANCELLED,
  10104 EINVALIDPROCTABLE, 10105 EINVALIDPROVIDER, 10106 EPROVIDERFAILEDINIT, 10107 SYSCALLFAILURE,
  10108 SERVICE_NOT_FOUND, 10109 TYPE_NOT_FOUND, 10110 WSA_E_NO_MORE, 10111 WSA_E_CANCELLED, 10112 EREFUSED,
  11001 HOST_NOT_FOUND, 11002 TRY_AGAIN, 11003 NO_RECOVERY, 11004 NO_DATA,
  1 ERROR_INVALID_FUNCTION, 2 ERROR_FILE_NOT_FOUND, 3 ERROR_PATH_NOT_FOUND, 5 ERROR_ACCESS_DENIED,
  38 ERROR_HANDLE_EOF, 50 ERROR_NOT_SUPPORTED, 64 ERROR_NETNAME_DELETED, 121 ERROR_SEM_TIMEOUT,
  122 ERROR_INSUFFICIENT_BUFFER, 234 ERROR_MORE_DATA, 258 WAIT_TIMEOUT, 317 ERROR_MR_MID_NOT_FOUND,
  735 ERROR_ABANDONED_WAIT_0, 1168 ERROR_NOT_FOUND, 1225 ERROR_CONNECTION_REFUSED, 1226 ERROR_GRACEFUL_DISCONNECT,
  1230 ERROR_CONNECTION_ACTIVE, 1231 ERROR_NETWORK_UNREACHABLE, 1232 ERROR_HOST_UNREACHABLE,
  1233 ERROR_PROTOCOL_UNREACHABLE, 1234 ERROR_PORT_UNREACHABLE, 1235 ERROR_REQUEST_ABORTED,
  1236 ERROR_CONNECTION_ABORTED`

const codes = winerror
  .split(",")
  .map((entry) => entry.trim().split(" "))
  .map(([code, name]) => [Number(code), /^(?:WSA|ERROR|WAIT)/.test(name) ? name : `WSA${name}`] as const)

const numbersOf = (module: object): Array<readonly [string, number]> =>
  Object.entries(module).filter((entry): entry is [string, number] => typeof entry[1] === "number")

describe("WsaError", () => {
  it("has every code as a constant and in the table", () => {
    assert.strictEqual(codes.length, 6 + 62 + 23)
    const constants = new Map(numbersOf(WsaError))
    for (const [code, name] of codes) {
      assert.strictEqual(constants.get(name), code, name)
      assert.strictEqual(WsaError.nameOf(code), name)
      assert.match(WsaError.meaningOf(code) ?? "", /^[A-Z].*\.$/)
    }
    assert.deepStrictEqual(
      WsaError.table.map((info) => [info.code, info.name] as const).toSorted(([a], [b]) => a - b),
      codes.toSorted(([a], [b]) => a - b)
    )
  })

  it("has no constant whose code it cannot name", () => {
    for (const [name, code] of numbersOf(WsaError)) assert.isDefined(WsaError.nameOf(code), name)
  })

  it("gives Winsock's name where Win32 has another, and none for an unknown code", () => {
    assert.strictEqual(WsaError.ERROR_OPERATION_ABORTED, 995)
    assert.strictEqual(WsaError.ERROR_IO_PENDING, 997)
    assert.strictEqual(WsaError.ERROR_INVALID_HANDLE, 6)
    assert.strictEqual(WsaError.nameOf(995), "WSA_OPERATION_ABORTED")
    assert.isUndefined(WsaError.nameOf(10005))
    assert.isUndefined(WsaError.meaningOf(10005))
  })
})

// NTSTATUS, its name without STATUS_, what WSAGetOverlappedResult and what RtlNtStatusToDosError make of it
const statuses: ReadonlyArray<readonly [status: number, name: string, wsa: number, win32: number]> = [
  [0x00000000, "SUCCESS", 0, 0],
  [0x00000103, "PENDING", 996, 997],
  [0x80000005, "BUFFER_OVERFLOW", 10040, 234],
  [0x8000000a, "HANDLES_CLOSED", 10022, 676],
  [0xc0000002, "NOT_IMPLEMENTED", 10045, 1],
  [0xc0000005, "ACCESS_VIOLATION", 10014, 998],
  [0xc0000007, "PAGEFILE_QUOTA", 10055, 1454],
  [0xc0000008, "INVALID_HANDLE", 10038, 6],
  [0xc000000d, "INVALID_PARAMETER", 10022, 87],
  [0xc000000e, "NO_SUCH_DEVICE", 10050, 433],
  [0xc000000f, "NO_SUCH_FILE", 10050, 2],
  [0xc0000017, "NO_MEMORY", 10055, 8],
  [0xc0000018, "CONFLICTING_ADDRESSES", 10055, 487],
  [0xc0000022, "ACCESS_DENIED", 10013, 5],
  [0xc0000023, "BUFFER_TOO_SMALL", 10014, 122],
  [0xc0000024, "OBJECT_TYPE_MISMATCH", 10038, 6],
  [0xc0000034, "OBJECT_NAME_NOT_FOUND", 10050, 2],
  [0xc000003a, "OBJECT_PATH_NOT_FOUND", 10050, 3],
  [0xc0000043, "SHARING_VIOLATION", 10048, 32],
  [0xc0000044, "QUOTA_EXCEEDED", 10055, 1816],
  [0xc0000097, "TOO_MANY_PAGING_FILES", 10055, 8],
  [0xc000009a, "INSUFFICIENT_RESOURCES", 10055, 1450],
  [0xc00000a1, "WORKING_SET_QUOTA", 10055, 1453],
  [0xc00000a3, "DEVICE_NOT_READY", 10035, 21],
  [0xc00000b0, "PIPE_DISCONNECTED", 10058, 233],
  [0xc00000b5, "IO_TIMEOUT", 10060, 121],
  [0xc00000bb, "NOT_SUPPORTED", 10045, 50],
  [0xc00000bc, "REMOTE_NOT_LISTENING", 10061, 51],
  [0xc00000be, "BAD_NETWORK_PATH", 10051, 53],
  [0xc00000bf, "NETWORK_BUSY", 10050, 54],
  [0xc00000c3, "INVALID_NETWORK_RESPONSE", 10050, 58],
  [0xc00000c4, "UNEXPECTED_NETWORK_ERROR", 10050, 59],
  [0xc00000d0, "REQUEST_NOT_ACCEPTED", 10035, 71],
  [0xc0000120, "CANCELLED", 995, 995],
  [0xc000012d, "COMMITMENT_LIMIT", 10055, 1455],
  [0xc000013b, "LOCAL_DISCONNECT", 10053, 64],
  [0xc000013c, "REMOTE_DISCONNECT", 10054, 64],
  [0xc000013d, "REMOTE_RESOURCES", 10055, 51],
  [0xc000013e, "LINK_FAILED", 10054, 59],
  [0xc000013f, "LINK_TIMEOUT", 10060, 59],
  [0xc0000140, "INVALID_CONNECTION", 10057, 59],
  [0xc0000141, "INVALID_ADDRESS", 10049, 59],
  [0xc0000206, "INVALID_BUFFER_SIZE", 10040, 1784],
  [0xc0000207, "INVALID_ADDRESS_COMPONENT", 10049, 1214],
  [0xc0000209, "TOO_MANY_ADDRESSES", 10055, 68],
  [0xc000020a, "ADDRESS_ALREADY_EXISTS", 10048, 52],
  [0xc000020c, "CONNECTION_DISCONNECTED", 10054, 64],
  [0xc000020d, "CONNECTION_RESET", 10054, 64],
  [0xc000020f, "TRANSACTION_ABORTED", 10053, 59],
  [0xc0000225, "NOT_FOUND", 10022, 1168],
  [0xc0000236, "CONNECTION_REFUSED", 10061, 1225],
  [0xc0000237, "GRACEFUL_DISCONNECT", 10101, 1226],
  [0xc000023b, "CONNECTION_ACTIVE", 10056, 1230],
  [0xc000023c, "NETWORK_UNREACHABLE", 10051, 1231],
  [0xc000023d, "HOST_UNREACHABLE", 10065, 1232],
  [0xc000023e, "PROTOCOL_UNREACHABLE", 10051, 1233],
  [0xc000023f, "PORT_UNREACHABLE", 10054, 1234],
  [0xc0000240, "REQUEST_ABORTED", 10004, 1235],
  [0xc0000241, "CONNECTION_ABORTED", 10053, 1236],
  [0xc00002c5, "DATATYPE_MISALIGNMENT_ERROR", 10014, 998],
  [0xc0000350, "HOST_DOWN", 10064, 1256],
  [0xc000a012, "HOPLIMIT_EXCEEDED", 10022, 317]
]

describe("NtStatus", () => {
  it("has every status as a constant, and no other", () => {
    assert.deepStrictEqual(
      numbersOf(NtStatus).toSorted(([, a], [, b]) => a - b),
      statuses.map(([status, name]) => [`STATUS_${name}`, status] as const).toSorted(([, a], [, b]) => a - b)
    )
  })

  it("maps every status to both error spaces", () => {
    for (const [status, name, wsa, win32] of statuses) {
      assert.strictEqual(NtStatus.nameOf(status), `STATUS_${name}`)
      assert.strictEqual(NtStatus.toWsaError(status), wsa, `toWsaError(STATUS_${name})`)
      assert.strictEqual(NtStatus.toWin32Error(status), win32, `toWin32Error(STATUS_${name})`)
    }
  })

  it("takes a status read as a signed number too", () => {
    assert.strictEqual(NtStatus.toWsaError(0xc000_0120 | 0), 995)
    assert.strictEqual(NtStatus.toWin32Error(0xc000_0120 | 0), 995)
  })

  it("makes any other failing status WSAEINVAL, and unwraps a carried WSA_IO_INCOMPLETE only", () => {
    assert.strictEqual(NtStatus.toWsaError(0xc000_0001), 10022)
    assert.strictEqual(NtStatus.toWsaError(0x8007_0005), 10022)
    for (const facility of [0x8007_0000, 0xc001_0000, 0xc007_0000]) {
      assert.strictEqual(NtStatus.toWsaError(facility + 996), 996)
      assert.strictEqual(NtStatus.toWin32Error(facility + 5), 5)
    }
    assert.strictEqual(NtStatus.toWsaError(0xc002_0000 + 996), 10022)
  })

  it("gives Win32 codes for what it does not know as RtlNtStatusToDosError does", () => {
    assert.strictEqual(NtStatus.toWin32Error(0xd000_0120), 995)
    assert.strictEqual(NtStatus.toWin32Error(0x2000_0001), 0x2000_0001)
    assert.strictEqual(NtStatus.toWin32Error(0xc0ff_ffff), 317)
    assert.strictEqual(NtStatus.toWsaError(0x0000_0007), 317)
  })

  it("tells success from warning and error", () => {
    assert.isTrue(NtStatus.isSuccess(NtStatus.STATUS_SUCCESS))
    assert.isTrue(NtStatus.isSuccess(NtStatus.STATUS_PENDING))
    assert.isFalse(NtStatus.isSuccess(NtStatus.STATUS_BUFFER_OVERFLOW))
    assert.isFalse(NtStatus.isSuccess(NtStatus.STATUS_CANCELLED))
  })
})
