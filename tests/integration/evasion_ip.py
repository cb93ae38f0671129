"""Transforms below TCP and UDP: fragments of IPv4 and IPv6, and chains of headers."""
import random
import struct

import frames as f
from evasion_case import Case, pieces
from evasion_wire import OWN

MORE = 0x2000
BOTH = (("TCP", False), ("UDP", True))
PAD = bytes.fromhex("010400000000")


def l4_of(c, data=None):
    data = c.data if data is None else data
    return c.datagram(data) if c.case.udp else c.segment(0, data)


def cut(c, l4, size, ident=None, **knobs):
    """Fragments of the packet, of `size` bytes each but the last."""
    ident = c.local if ident is None else ident
    if c.case.version == 6:
        return [f.ip6(f.FRAGMENT, struct.pack("!BBHI", c.protocol, 0, at | (end < len(l4)), ident)
                      + l4[at:end], c.client, c.server)
                for at, end in pieces(range(size, len(l4), size), len(l4))]
    return [f.ip4(c.protocol, l4[at:end], c.client, c.server, ident=ident,
                  fragment=at // 8 | (MORE if end < len(l4) else 0), **knobs)
            for at, end in pieces(range(size, len(l4), size), len(l4))]


def piece(c, l4, at, end, ident, is_last=False):
    if c.case.version == 6:
        return f.ip6(f.FRAGMENT, struct.pack("!BBHI", c.protocol, 0, at | (not is_last), ident)
                     + l4[at:end], c.client, c.server)
    return f.ip4(c.protocol, l4[at:end], c.client, c.server, ident=ident,
                 fragment=at // 8 | (0 if is_last else MORE))


def fragments():
    def shuffled(parts):
        random.Random(len(parts)).shuffle(parts)
        return parts

    arrangements = {"in order": lambda parts: parts, "reversed": lambda parts: parts[::-1],
                    "the last first": lambda parts: parts[-1:] + parts[:-1],
                    "shuffled": shuffled,
                    "each twice": lambda parts: [part for part in parts for _ in range(2)]}
    for version in (4, 6):
        for transport, is_udp in BOTH:
            for size in (8, 16, 24, 40, 64):
                headless = size < (8 if is_udp else 20)
                for name, arrange in arrangements.items():
                    yield Case(f"fragments of IPv{version}", f"{transport}, {size} bytes, {name}",
                               lambda c, size=size, arrange=arrange: [
                                   c.frames(arrange(cut(c, l4_of(c), size)))],
                               "bad_fragment" if headless else "", version=version, ends=OWN,
                               udp=is_udp, judged=headless and version == 6)
            yield from odd_fragments(version, transport, is_udp)


def odd_fragments(version, transport, is_udp):
    family = f"fragments of IPv{version}"

    def overlapping(first, second, which, order=1):
        """`which` of two overlapping fragments has other bytes than the data."""
        def script(c):
            good, bad = l4_of(c), l4_of(c, c.junk(0, len(c.data)))
            texts = [bad if which == i else good for i in range(2)]
            parts = [piece(c, good, 0, first[0], c.local)] if first[0] else []
            parts += [piece(c, texts[0], *first, c.local), piece(c, texts[1], *second, c.local),
                      piece(c, good, max(first[1], second[1]), len(good), c.local, True)]
            return [c.frames(parts[::order])]
        return script

    extents = {"equal": ((32, 56), (32, 56)), "from before": ((32, 56), (24, 48)),
               "to behind": ((32, 56), (40, 64)), "inside": ((32, 56), (40, 48)),
               "around": ((32, 56), (24, 64))}
    for name, (first, second) in extents.items():
        for which, words in enumerate(("first differs", "second differs")):
            for order, direction in ((1, ""), (-1, ", reversed")):
                yield Case(f"{family}, overlapping", f"{transport}, {name}, {words}{direction}",
                           overlapping(first, second, which, order), "fragment_overlap",
                           version=version, ends=OWN, udp=is_udp, judged=True)

    def after_a_poisoned_one(c):
        l4, parts = l4_of(c), []
        parts += [piece(c, l4_of(c, c.junk(0, len(c.data))), 0, 40, 7), piece(c, l4, 32, 64, 7)]
        return [c.frames(parts + cut(c, l4, 32, ident=8))]

    def two_at_once(c):
        """Fragments of another datagram in between."""
        filler = f.udp(c.local, 9, b"." * 90, c.client, c.server) if c.case.udp else \
            c.segment(5000, b"." * 60)
        other = cut(c, filler, 32, ident=c.local ^ 0x8000)
        return [c.frames([x for pair in zip(cut(c, l4_of(c), 32), other) for x in pair]
                         + cut(c, l4_of(c), 32)[len(other):])]

    def atomic(c):
        header = struct.pack("!BBHI", c.protocol, 0, 0, 9)
        return [[c.frame(f.ip6(f.FRAGMENT, header + l4_of(c), c.client, c.server))]]

    def another_protocol(c):
        """Fragments of the same id that belong to another protocol, or say so."""
        l4, other = l4_of(c), f.SCTP
        parts = cut(c, l4, 32)
        if version == 6:
            parts[1:] = [part[:40] + bytes([other]) + part[41:] for part in parts[1:]]
            return [c.frames(parts)]
        junk = [f.ip4(other, b"." * 32, c.client, c.server, ident=c.local, fragment=at // 8 | MORE)
                for at in (0, 32)]
        return [c.frames([parts[0], *junk, *parts[1:]])]

    yield Case(family, f"{transport}, the same id with another protocol", another_protocol,
               version=version, ends=OWN, udp=is_udp)
    yield Case(family, f"{transport}, behind a datagram with an overlap", after_a_poisoned_one,
               version=version, ends=OWN, udp=is_udp)
    yield Case(family, f"{transport}, two datagrams at once", two_at_once, version=version,
               ends=OWN, udp=is_udp)
    if version == 6:
        yield Case(family, f"{transport}, atomic", atomic, version=6, ends=OWN, udp=is_udp)
    else:
        yield Case(family, f"{transport}, with options in each", lambda c: [
            c.frames(cut(c, l4_of(c), 32, options=b"\x94\x04\0\0"))], udp=is_udp, ends=OWN)
        yield Case(family, f"{transport}, of differing hop limits", lambda c: [
            c.frames([cut(c, l4_of(c), 32, ttl=30 + i)[i] for i in range(3)] +
                     cut(c, l4_of(c), 32)[3:])], udp=is_udp, ends=OWN)
    if not is_udp:
        def every_segment(c):
            return [c.frames(cut(c, c.segment(at, c.data[at:end]), 24, ident=c.local + at))
                    for at, end in pieces((13, 29, 41), len(c.data))][::-1]
        yield Case(family, "TCP, small segments cut again, reversed", every_segment,
                   version=version, ends=OWN)


def chains():
    """IPv6 extension headers and IPv4 options."""
    def chain(*headers):
        def build(c, last):
            packet = b""
            for i, (_, body) in enumerate(headers):
                after = headers[i + 1][0] if i + 1 < len(headers) else last
                packet += f.extension(after, body)
            return headers[0][0], packet
        return build

    hop, dest, route = (f.HOP_BY_HOP, PAD), (f.DESTINATION, PAD), (f.ROUTING, bytes.fromhex(
        "fd0000000000"))
    long = (f.DESTINATION, b"\x1e\x3c" + bytes(60))
    kinds = {"hop-by-hop": chain(hop), "destination": chain(dest), "a routing header at its end":
             chain(route), "hop-by-hop and destination": chain(hop, dest), "three":
             chain(hop, dest, route), "destination twice": chain(dest, dest), "long": chain(long),
             "destination seven times": chain(*[dest] * 7), "eight": chain(hop, *[dest] * 7)}
    for transport, is_udp in BOTH:
        for name, build in kinds.items():
            def script(c, build=build):
                first, headers = build(c, c.protocol)
                return [[c.frame(f.ip6(first, headers + l4_of(c), c.client, c.server))]]

            def cut_behind(c, build=build):
                """In the part that is cut."""
                first, headers = build(c, c.protocol)
                text, size = headers + l4_of(c), len(headers) + 24
                return [[c.frame(f.ip6(f.FRAGMENT, struct.pack(
                    "!BBHI", first, 0, at | (end < len(text)), c.local) + text[at:end], c.client,
                    c.server)) for at, end in pieces(range(size, len(text), size), len(text))]]

            yield Case("IPv6 extension headers", f"{transport}, {name}", script, version=6,
                       udp=is_udp)
            if "hop" not in name and name != "eight" and name != "three":
                yield Case("IPv6 extension headers", f"{transport}, {name}, in fragments",
                           cut_behind, version=6, udp=is_udp)
        for name, options in {"NOPs": b"\1" * 40,
                              "a record of routes": b"\1\x07\x27\x04" + bytes(36),
                              "router alert": b"\x94\x04\0\0",
                              "an end of options": b"\0" * 8,
                              "an unknown one": b"\x9a\x04\0\0"}.items():
            yield Case("IPv4 options", f"{transport}, {name}", lambda c, options=options: [
                [c.frame(c.packet(l4_of(c), options=options))]], udp=is_udp)


def cases():
    for family in (fragments, chains):
        yield from family()
