/**
 * The constants of name resolution: what `GetAddrInfoExW` and `GetNameInfoW` take.
 *
 * Sources: `ws2def.h` (`AI_`, `NS_`), `ws2tcpip.h` (`NI_`), and the pages of `ADDRINFOEXW`, `GetAddrInfoExW` and
 * `GetNameInfoW` on learn.microsoft.com.
 *
 * @since 0.1.0
 */

// --- what is asked for: ADDRINFOEXW.ai_flags ---

/** The address is for `bind`: without a host name it is the wildcard, not loopback. @category constants @since 0.1.0 */
export const AI_PASSIVE = 0x1

/** The first address has the canonical name. @category constants @since 0.1.0 */
export const AI_CANONNAME = 0x2

/** The host must be a numeric address: nothing is looked up. @category constants @since 0.1.0 */
export const AI_NUMERICHOST = 0x4

/** The service must be a port number. @category constants @since 0.1.0 */
export const AI_NUMERICSERV = 0x8

/** Only DNS is asked: no hosts file, no LLMNR, no NetBIOS. @category constants @since 0.1.0 */
export const AI_DNS_ONLY = 0x10

/** DNS is asked in clear text. @category constants @since 0.1.0 */
export const AI_FORCE_CLEAR_TEXT = 0x20

/** The resolver's cache is not asked. @category constants @since 0.1.0 */
export const AI_BYPASS_DNS_CACHE = 0x40

/** How long the answer holds is told, in an ADDRINFOEX5 or later. @category constants @since 0.1.0 */
export const AI_RETURN_TTL = 0x80

/** With `AI_V4MAPPED`: the IPv6 addresses, and the IPv4 addresses in mapped form. @category constants @since 0.1.0 */
export const AI_ALL = 0x100

/**
 * Only addresses of families of which this host has an address other than loopback.
 *
 * @category constants
 * @since 0.1.0
 */
export const AI_ADDRCONFIG = 0x400

/** IPv4 addresses in mapped form where IPv6 was asked for and there is none. @category constants @since 0.1.0 */
export const AI_V4MAPPED = 0x800

/** Also answers without authority (`NS_EMAIL`). @category constants @since 0.1.0 */
export const AI_NON_AUTHORITATIVE = 0x4000

/** Only answers from a secure channel (`NS_EMAIL`). @category constants @since 0.1.0 */
export const AI_SECURE = 0x8000

/** The names that are preferred for publication (`NS_EMAIL`). @category constants @since 0.1.0 */
export const AI_RETURN_PREFERRED_NAMES = 0x10000

/** The first address has the fully qualified name that a single label stood for. @category constants @since 0.1.0 */
export const AI_FQDN = 0x20000

/** The host is meant for file sharing: a hint. @category constants @since 0.1.0 */
export const AI_FILESERVER = 0x40000

/** Names are not converted to their ASCII form (Punycode). @category constants @since 0.1.0 */
export const AI_DISABLE_IDN_ENCODING = 0x80000

/** DNS over a secure channel where there is one. @category constants @since 0.1.0 */
export const AI_SECURE_WITH_FALLBACK = 0x100000

/** Only the servers that the call names are asked. @category constants @since 0.1.0 */
export const AI_EXCLUSIVE_CUSTOM_SERVERS = 0x200000

/** Flags of the answer are told, in an ADDRINFOEX6. @category constants @since 0.1.0 */
export const AI_RETURN_RESPONSE_FLAGS = 0x10000000

/** DNS over a secure channel, or not at all. @category constants @since 0.1.0 */
export const AI_REQUIRE_SECURE = 0x20000000

/** The answer has a handle for the connection to come, in an ADDRINFOEX2 or later. @category constants @since 0.1.0 */
export const AI_RESOLUTION_HANDLE = 0x40000000

/** The hints are an ADDRINFOEX2 or later. @category constants @since 0.1.0 */
export const AI_EXTENDED = 0x80000000

// --- how a name is told: Flags of GetNameInfoW ---

/** Hosts of the own domain are told by their first label. @category constants @since 0.1.0 */
export const NI_NOFQDN = 0x1

/** The address in numbers: nothing is looked up. @category constants @since 0.1.0 */
export const NI_NUMERICHOST = 0x2

/** An address without a name is an error, not told in numbers. @category constants @since 0.1.0 */
export const NI_NAMEREQD = 0x4

/** The port in numbers. @category constants @since 0.1.0 */
export const NI_NUMERICSERV = 0x8

/** The service is one of datagrams. @category constants @since 0.1.0 */
export const NI_DGRAM = 0x10

/** The longest host name, in characters with the zero at its end. @category constants @since 0.1.0 */
export const NI_MAXHOST = 1025

/** The longest service name, in characters with the zero at its end. @category constants @since 0.1.0 */
export const NI_MAXSERV = 32

// --- who is asked: dwNameSpace ---

/** All that are installed and active. @category constants @since 0.1.0 */
export const NS_ALL = 0

/** NetWare's service advertising. @category constants @since 0.1.0 */
export const NS_SAP = 1

/** NetWare's directory. @category constants @since 0.1.0 */
export const NS_NDS = 2

/** Browsing among peers. @category constants @since 0.1.0 */
export const NS_PEER_BROWSE = 3

/** The service location protocol. @category constants @since 0.1.0 */
export const NS_SLP = 5

/** DHCP. @category constants @since 0.1.0 */
export const NS_DHCP = 6

/** This host's own names. @category constants @since 0.1.0 */
export const NS_TCPIP_LOCAL = 10

/** The hosts file. @category constants @since 0.1.0 */
export const NS_TCPIP_HOSTS = 11

/** DNS, and what its client knows besides: the hosts file, this host's names. @category constants @since 0.1.0 */
export const NS_DNS = 12

/** NetBIOS over TCP/IP. @category constants @since 0.1.0 */
export const NS_NETBT = 13

/** WINS. @category constants @since 0.1.0 */
export const NS_WINS = 14

/** Network location awareness. @category constants @since 0.1.0 */
export const NS_NLA = 15

/** Bluetooth. @category constants @since 0.1.0 */
export const NS_BTH = 16

/** Local names. @category constants @since 0.1.0 */
export const NS_LOCALNAME = 19

/** AppleTalk's name binding. @category constants @since 0.1.0 */
export const NS_NBP = 20

/** Microsoft's. @category constants @since 0.1.0 */
export const NS_MS = 30

/** STDA. @category constants @since 0.1.0 */
export const NS_STDA = 31

/** The directory of a domain. @category constants @since 0.1.0 */
export const NS_NTDS = 32

/** Email addresses. @category constants @since 0.1.0 */
export const NS_EMAIL = 37

/** A peer's name. @category constants @since 0.1.0 */
export const NS_PNRPNAME = 38

/** A collection of peers' names. @category constants @since 0.1.0 */
export const NS_PNRPCLOUD = 39
