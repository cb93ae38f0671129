"""Frames written byte by byte, for what the kernel has no devices for."""
import functools
import ipaddress
import struct

CLIENT_MAC, SERVER_MAC = bytes.fromhex("0200000000ca"), bytes.fromhex("0200000000cb")
CLIENT4, SERVER4 = "192.0.2.1", "198.51.100.1"
CLIENT6, SERVER6 = "2001:db8:1::1", "2001:db8:2::1"
IPV4, ARP, VLAN, IPV6 = 0x0800, 0x0806, 0x8100, 0x86dd
SERVICE_VLAN, MPLS, LLDP = 0x88a8, 0x8847, 0x88cc
END_OF_FRAMES = 0x88b6  # what traffic.py waits for
IPIP, TCP, UDP, IP6, GRE, ICMP, SCTP = 4, 6, 17, 41, 47, 1, 132
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


def ones_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@functools.lru_cache
def packed(address):
    return ipaddress.ip_address(address).packed


def ether(ether_type, payload, destination=SERVER_MAC, source=CLIENT_MAC):
    return destination + source + ether_type.to_bytes(2, "big") + payload


def vlan(number, ether_type, payload):
    """What follows the EtherType of a tag."""
    return struct.pack("!HH", number, ether_type) + payload


def label(number, is_last):
    return struct.pack("!I", number << 12 | (0x100 if is_last else 0) | 64)


def ip4(protocol, payload, source=CLIENT4, destination=SERVER4, ident=1, fragment=0, options=b"",
        sum_error=0, ttl=64):
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), ident,
                         fragment, ttl, protocol, 0, packed(source), packed(destination)) + options
    checksum = ones_sum(header) ^ sum_error
    return header[:10] + checksum.to_bytes(2, "big") + header[12:] + payload


def ip6(next_header, payload, source=CLIENT6, destination=SERVER6):
    return struct.pack("!IHBB", 0x60000000, len(payload), next_header, 64) + packed(
        source) + packed(destination) + payload


def with_sum(protocol, segment, at, source, destination, sum_error=0):
    """Puts the checksum over pseudo-header and segment at offset `at`."""
    pseudo = struct.pack("!IBBBB", len(segment), 0, 0, 0, protocol)
    checksum = ones_sum(packed(source) + packed(destination) + pseudo + segment) or 0xffff
    checksum ^= sum_error
    return segment[:at] + checksum.to_bytes(2, "big") + segment[at + 2:]


def udp(source_port, destination_port, payload, source=CLIENT4, destination=SERVER4, sum_error=0):
    segment = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    return with_sum(UDP, segment, 6, source, destination, sum_error)


def udp6(source_port, destination_port, payload):
    return udp(source_port, destination_port, payload, CLIENT6, SERVER6)


def tcp(source_port, destination_port, flags, payload=b"", source=CLIENT4, destination=SERVER4):
    segment = struct.pack("!HHIIBBHHH", source_port, destination_port, 1000, 0, 0x50, flags, 8192,
                          0, 0) + payload
    return with_sum(TCP, segment, 16, source, destination)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return ~crc & 0xffffffff


def sctp(source_port, destination_port, chunk, sum_error=0):
    """The CRC is stored with its least significant byte first (RFC 9260 appendix A)."""
    packet = struct.pack("!HHII", source_port, destination_port, 7, 0) + chunk
    return packet[:8] + (crc32c(packet) ^ sum_error).to_bytes(4, "little") + packet[12:]


def sctp_init():
    return struct.pack("!BBHIIHHI", 1, 0, 20, 99, 65536, 1, 1, 5)


def gre(ether_type, payload, key=None):
    if key is None:
        return struct.pack("!HH", 0, ether_type) + payload
    return struct.pack("!HHI", 0x2000, ether_type, key) + payload


def vxlan(network, frame):
    return struct.pack("!II", 0x08000000, network << 8) + frame


def geneve(network, frame, options=b""):
    return struct.pack("!BBHI", len(options) // 4, 0, 0x6558, network << 8) + options + frame


def gtp_u(tunnel, packet, sequence=None):
    rest = packet if sequence is None else struct.pack("!HBB", sequence, 0, 0) + packet
    return struct.pack("!BBHI", 0x30 if sequence is None else 0x32, 255, len(rest), tunnel) + rest


def extension(next_header, body=bytes.fromhex("010400000000")):
    """An option header with one PadN option unless told otherwise."""
    return bytes([next_header, (len(body) + 2) // 8 - 1]) + body


def segment_routing(next_header):
    return bytes([next_header, 2, 4, 0, 0, 0, 0, 0]) + packed(SERVER6)


def fragments4(datagram, ident, size, protocol=UDP):
    """`datagram` cut into IPv4 packets of `size` bytes of payload, in order."""
    return [ip4(protocol, datagram[at:at + size], ident=ident,
                fragment=at // 8 | (0x2000 if at + size < len(datagram) else 0))
            for at in range(0, len(datagram), size)]


def fragments6(datagram, ident, size, protocol=UDP):
    return [ip6(FRAGMENT, struct.pack("!BBHI", protocol, 0, at | (at + size < len(datagram)), ident)
                + datagram[at:at + size]) for at in range(0, len(datagram), size)]
