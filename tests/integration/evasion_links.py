"""Transforms around the packet: padding, tags, tunnels, and headers that change within a flow."""
import struct

import frames as f
from evasion_case import RAW, Case, pieces, sends
from evasion_ip import BOTH, cut, l4_of
from evasion_wire import CLIENT_MAC, NEAR, OWN, SERVER_MAC, TUNNEL_MAC, TUNNELLED


def links():
    """Priority tags, which Linux takes as they are, and padding."""
    def tagged(*types):
        def link(packet, to_server):
            frame = kind_of(packet) + packet
            for ether_type in types:
                frame = struct.pack("!HH", ether_type, 0) + frame
            ends = (SERVER_MAC, CLIENT_MAC) if to_server else (CLIENT_MAC, SERVER_MAC)
            return ends[0] + ends[1] + frame
        return link

    def padded(packet, to_server):
        ends = (SERVER_MAC, CLIENT_MAC) if to_server else (CLIENT_MAC, SERVER_MAC)
        return b"".join(ends) + kind_of(packet) + packet + b"." * 40

    for transport, is_udp in BOTH:
        for name, link in {"a priority tag": tagged(f.VLAN),
                           "a service tag": tagged(f.SERVICE_VLAN),
                           "padding behind the packet": padded}.items():
            for version in (4, 6):
                yield Case("links", f"{transport} over IPv{version}, {name}",
                           lambda c: [[c.frame(c.whole())]], version=version, udp=is_udp, link=link)
    for transport, is_udp in BOTH:
        yield Case("IPv4 headers", f"{transport}, a hop limit of 0", lambda c: [
            [c.frame(c.packet(l4_of(c), ttl=0))]], udp=is_udp)
        yield Case("IPv4 headers", f"{transport}, the reserved bit", lambda c: [
            [c.frame(c.packet(l4_of(c), fragment=0x8000))]], udp=is_udp)
        yield Case("IPv4 headers", f"{transport}, do not fragment", lambda c: [
            [c.frame(c.packet(l4_of(c), fragment=0x4000))]], udp=is_udp)
    # UDP's own length ends before the packet does.
    yield Case("links", "UDP, bytes behind the datagram", lambda c: [
        [c.frame(c.packet(c.datagram(c.data) + b"behind"))]], udp=True)
    yield Case("links", "UDP over IPv6, a length of 0", length_of_zero, "bad_l4_header", version=6,
               udp=True, judged=True, ends=OWN)
    yield Case("links", "UDP, no checksum", lambda c: [[c.frame(c.packet(
        c.datagram(c.data)[:6] + b"\0\0" + c.data))]], udp=True)


def length_of_zero(c):
    """As in a jumbogram."""
    header = struct.pack("!HHHH", c.local, c.case.port, 0, 0)
    return [[c.frame(c.packet(f.with_sum(f.UDP, header + c.data, 6, c.client, c.server)))]]


def changing():
    """Every other segment of a connection in another dress."""
    def tagged(c, segment):
        return c.frame(c.packet(segment))[:12] + b"\x81\0\0\0" + kind_of(c.packet(segment)) \
            + c.packet(segment)

    def with_options(c, segment):
        return c.frame(c.packet(segment, options=b"\x94\x04\0\0"))

    def with_padding(c, segment):
        return c.frame(c.packet(segment)) + b"." * 20

    def alternating(dress, order):
        def script(c):
            parts = pieces(range(9, len(c.data), 9), len(c.data))[::order]
            made = [(i, c.segment(at, c.data[at:end])) for i, (at, end) in enumerate(parts)]
            return [[dress(c, x) if i % 2 else c.frame(c.packet(x))] for i, x in made]
        return script

    def in_fragments(c):
        parts = pieces(range(9, len(c.data), 9), len(c.data))
        made = [(i, c.segment(at, c.data[at:end])) for i, (at, end) in enumerate(parts)]
        return [c.frames(cut(c, x, 24, ident=100 + i)[::-1]) if i % 2 else [c.frame(c.packet(x))]
                for i, x in made]

    for name, dress in {"a priority tag": tagged, "IP options": with_options,
                        "padding": with_padding}.items():
        for order, words in ((1, ""), (-1, ", reversed")):
            yield Case("every other segment", name + words, alternating(dress, order))
    yield Case("every other segment", "in fragments", in_fragments, ends=OWN)


def tunnels():
    outer4, outer6 = NEAR[4], NEAR[6]

    def ends_of(pair, to_server):
        return pair if to_server else pair[::-1]

    def macs(to_server):
        return TUNNEL_MAC + CLIENT_MAC if to_server else CLIENT_MAC + TUNNEL_MAC

    def in_ip4(protocol, inner):
        def link(packet, to_server):
            ends = ends_of(outer4, to_server)
            return macs(to_server) + b"\x08\0" + f.ip4(protocol(packet), inner(packet, ends), *ends)
        return link

    def in_ip6(protocol, inner):
        def link(packet, to_server):
            ends = ends_of(outer6, to_server)
            return macs(to_server) + b"\x86\xdd" + f.ip6(protocol(packet), inner(packet, ends),
                                                         *ends)
        return link

    def in_udp(port, inner):
        return in_ip4(lambda _: f.UDP, lambda packet, ends: f.udp(
            5000, port, inner(packet), *ends))

    def in_tags(*tags):
        def link(packet, to_server):
            frame = kind_of(packet) + packet
            for ether_type, number in reversed(tags):
                frame = struct.pack("!HH", ether_type, number) + frame
            return macs(to_server) + frame
        return link

    def ethernet(packet):
        return bytes(12) + kind_of(packet) + packet

    def ip_type(packet):
        return int.from_bytes(kind_of(packet), "big")

    def ip_protocol(packet):
        return f.IPIP if packet[0] >> 4 == 4 else f.IP6

    def labels(packet, to_server):
        return macs(to_server) + b"\x88\x47" + f.label(16, False) + f.label(17, True) + packet

    def in_gre(packet, _):
        return f.gre(ip_type(packet), packet)

    def ip_in_ip(packet, ends):
        return f.ip4(ip_protocol(packet), packet, *ends)

    kinds = {
        "VLAN": in_tags((f.VLAN, 100)), "QinQ": in_tags((f.SERVICE_VLAN, 200), (f.VLAN, 100)),
        "three tags": in_tags((f.SERVICE_VLAN, 3), (f.VLAN, 2), (f.VLAN, 1)), "MPLS": labels,
        "GRE": in_ip4(lambda _: f.GRE, in_gre),
        "GRE with a key": in_ip4(lambda _: f.GRE, lambda packet, _: f.gre(
            ip_type(packet), packet, key=7)),
        "Ethernet in GRE": in_ip4(lambda _: f.GRE, lambda packet, _: f.gre(
            0x6558, ethernet(packet))),
        "GRE over IPv6": in_ip6(lambda _: f.GRE, in_gre),
        "IP in IPv4": in_ip4(ip_protocol, lambda packet, _: packet),
        "IP in IPv6": in_ip6(ip_protocol, lambda packet, _: packet),
        "IP in IP in GRE": in_ip4(lambda _: f.GRE, lambda packet, ends: f.gre(
            f.IPV4, ip_in_ip(packet, ends))),
        "VXLAN": in_udp(4789, lambda packet: f.vxlan(5, ethernet(packet))),
        "Geneve": in_udp(6081, lambda packet: f.geneve(5, ethernet(packet))),
        "GTP-U": in_udp(2152, lambda packet: f.gtp_u(77, packet)),
    }
    scripts = {"whole": lambda c: [[c.frame(c.whole())]],
               "in fragments": lambda c: [c.frames(cut(c, l4_of(c), 24)[::-1])],
               "cut and reversed": sends(pieces((25, 37), len(RAW))[::-1])}
    for name, link in kinds.items():
        for version in (4, 6):
            for how, script in scripts.items():
                for transport, is_udp in BOTH:
                    if how == "cut and reversed" and is_udp:
                        continue
                    yield Case("tags and tunnels",
                               f"{transport} over IPv{version} in {name}, {how}", script,
                               version=version, udp=is_udp, link=link, tunnel=True, ends=TUNNELLED)


def kind_of(packet):
    return (f.IPV4 if packet[0] >> 4 == 4 else f.IPV6).to_bytes(2, "big")


def cases():
    for family in (links, changing, tunnels):
        yield from family()
